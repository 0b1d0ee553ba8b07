"""Writing files and folders whole or not at all, and replacing only what is of the same kind."""

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from .diagnostics import CompileError, Diagnostic


@contextmanager
def writing_whole(path: Path) -> Generator[Path]:
    """Where to write a file or a folder that shall be at `path`.

    The block is given a path of the same name in a scratch folder on the same disk. What it wrote
    there takes the place of `path` when it ends well, in one step; if it wrote nothing, or raises,
    `path` stays as it was. Folders around `path` are made.

    Raises:
        OSError: it can't be written. What was at `path` is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cmlc-") as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        yield new / path.name
        if (new / path.name).is_dir():
            _replace_folder(path, new / path.name, old)
        elif (new / path.name).exists():
            (new / path.name).replace(path)


def _replace_folder(path: Path, new: Path, old: Path) -> None:
    """A folder can't replace one that holds something: that one steps aside first."""
    if not path.exists():
        new.rename(path)
        return
    if not path.is_dir():
        raise NotADirectoryError(f"'{path}' is not a folder")
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise


def check_replaceable(folder: Path, what: str, is_one: Callable[[Path], bool]) -> None:
    """Refuse to write a folder in the place of something else: writing removes what is there.

    Args:
        folder: where it shall be written.
        what: what it is going to hold, such as "SavedModel".
        is_one: whether a folder that is there already holds one.

    Raises:
        CompileError: of kind "usage".
    """
    here = Path.cwd()
    if folder.resolve() in (here, *here.parents):
        message = f"'{folder}' is the current folder, or around it"
    elif folder.is_dir():
        if not any(folder.iterdir()) or is_one(folder):
            return
        message = f"the folder '{folder}' exists and holds no {what}"
    elif folder.exists() or folder.is_symlink():
        message = f"'{folder}' exists and is not a folder"
    else:
        return
    raise CompileError(Diagnostic(message, "usage", remedy="name another folder, or remove it"))
