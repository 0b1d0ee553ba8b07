"""What is written: the code with its weights, or a `.keras` file."""

from pathlib import Path

from ...ir.writing import writing_whole
from .emit import KerasModule
from .file_names import CODE, WEIGHTS


def write_code(made: KerasModule, folder: Path) -> None:
    """Write `model.py`, its weights, and the files that it reads; all or nothing.

    Raises:
        OSError: the folder can't be written.
    """
    with writing_whole(folder) as new:
        new.mkdir()
        (new / CODE).write_text(made.text, encoding="utf-8")
        for name, text in made.files.items():
            (new / name).write_text(text, encoding="utf-8")
        made.model.save_weights(new / WEIGHTS)


def write_model(made: KerasModule, path: Path) -> None:
    """Write a `.keras` file, whole or not at all.

    Raises:
        OSError: the file can't be written.
    """
    with writing_whole(path) as file:
        made.model.save(file)
