"""What is written: the code with its weights, or a `.keras` file."""

import shutil
import tempfile
from pathlib import Path

from .emit import KerasModule
from .program import has_label_file, labels_of

CODE, WEIGHTS, LABELS = "model.py", "model.weights.h5", "labels.txt"


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
        if has_label_file(made.module.main):
            lines = (label.replace("\n", " ") for label in labels_of(made.module.main))
            (new / LABELS).write_text("\n".join(lines) + "\n", encoding="utf-8")
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
