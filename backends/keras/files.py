"""What is written: the code with its weights, or a `.keras` file."""

from pathlib import Path

from ...ir.writing import writing_whole
from .emit import KerasModule
from .file_names import CODE, WEIGHTS
from .program import write_labels


def write_code(made: KerasModule, folder: Path) -> None:
    """Write `model.py`, its weights and, if there are many, its labels; all or nothing.

    Raises:
        OSError: the folder can't be written.
    """
    with writing_whole(folder) as new:
        new.mkdir()
        (new / CODE).write_text(made.text, encoding="utf-8")
        write_labels(made.module.main, new)
        made.model.save_weights(new / WEIGHTS)


def write_model(made: KerasModule, path: Path) -> None:
    """Write a `.keras` file, whole or not at all.

    Raises:
        OSError: the file can't be written.
    """
    with writing_whole(path) as file:
        made.model.save(file)
