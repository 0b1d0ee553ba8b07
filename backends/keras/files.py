"""What is written: the code with its weights, or a `.keras` file."""

from pathlib import Path

from ...ir.writing import writing_whole
from ..recorded import Recording
from .check_text import check_text, write_numbers
from .emit import KerasModule
from .file_names import CHECK, CODE, NUMBERS, README, WEIGHTS
from .read_me import read_me_text


def write_code(made: KerasModule, folder: Path, source: str, recording: Recording | None) -> None:
    """Write `model.py`, its weights, the files that it reads, and what goes with them.

    That is a README, and a test with the numbers that it needs. It is all written, or nothing.

    Args:
        made: the code.
        folder: where to.
        source: the name of the model's file; empty if it was in memory.
        recording: what the test compares with; None if nobody wants a test.

    Raises:
        OSError: the folder can't be written.
    """
    with writing_whole(folder) as new:
        new.mkdir()
        (new / CODE).write_text(made.text, encoding="utf-8")
        for name, text in made.files.items():
            (new / name).write_text(text, encoding="utf-8")
        made.model.save_weights(new / WEIGHTS)
        read_me = read_me_text(
            made.module,
            made.inputs,
            source=source,
            custom_objects=made.custom_objects,
            problem=None if recording is None else recording.problem,
        )
        (new / README).write_text(read_me, encoding="utf-8")
        if recording is not None and not recording.problem:
            check = check_text(recording, made.inputs)
            (new / CHECK).write_text(check, encoding="utf-8")
            write_numbers(recording, new / NUMBERS)


def write_model(made: KerasModule, path: Path) -> None:
    """Write a `.keras` file, whole or not at all.

    Raises:
        OSError: the file can't be written.
    """
    with writing_whole(path) as file:
        made.model.save(file)
