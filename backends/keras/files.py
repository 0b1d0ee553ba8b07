"""What is written: the code with its weights, or a `.keras` file."""

import shutil
import tempfile
from pathlib import Path

from .emit import KerasModule
from .program import write_labels

CODE, WEIGHTS = "model.py", "model.weights.h5"


def write_code(made: KerasModule, folder: Path) -> None:
    """Write `model.py`, its weights and, if there are many, its labels; all or nothing.

    Raises:
        OSError: the folder can't be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cmlc-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        (new / CODE).write_text(made.text, encoding="utf-8")
        write_labels(made.module.main, new)
        made.model.save_weights(new / WEIGHTS)
        if folder.exists():
            shutil.move(folder, Path(scratch) / "old")
        new.rename(folder)


def write_model(made: KerasModule, path: Path) -> None:
    """Write a `.keras` file, whole or not at all.

    Raises:
        OSError: the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cmlc-") as scratch:
        file = Path(scratch) / path.name
        made.model.save(file)
        file.replace(path)
