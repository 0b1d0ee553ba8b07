"""Writes files and folders whole or not at all, and replaces only files of the same kind."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from .diagnostics import CompileError, Diagnostic


@contextmanager
def writing_whole(path: Path) -> Generator[Path]:
    """A path to write a file or a folder to, which will replace `path`.

    The block gets a path of the same name in a scratch folder on the same disk. When it ends, what
    it wrote there replaces `path` in one step; if it wrote nothing, or raises, `path` is not
    changed. Folders around `path` are created.

    Raises:
        OSError: it can't be written; `path` is not changed.
    """
    import tempfile  # takes a while, and commands that only show help import this file

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
    """Replace a folder: one that is not empty has to be moved away first."""
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


@contextmanager
def failures_told(path: Path) -> Generator[None]:
    """Failures to write in the block are the user's: no permission, no space, no such folder.

    Raises:
        CompileError: in place of an OSError.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"can't be written: {error.strerror or error}"
        raise CompileError(Diagnostic(message, "malformed", file=str(path))) from error


def check_replaceable(folder: Path, what: str, is_one: Callable[[Path], bool]) -> None:
    """Refuse to replace anything else by a folder: writing removes an existing folder.

    Args:
        folder: the folder to write.
        what: its content, such as "SavedModel".
        is_one: whether an existing folder has such content.

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
