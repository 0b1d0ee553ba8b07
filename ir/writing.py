"""Writes files and folders whole or not at all, and replaces only files of the same kind."""

import errno
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .diagnostics import CompileError, Diagnostic

_PREFIX, _LOCK = ".cmlc-", "lock"
# Libraries raise errors of their own, whose text ends with the system's words.
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


@contextmanager
def writing_whole(path: Path) -> Generator[Path]:
    """A path to write a file or a folder to, which will replace `path`.

    The block gets a path of the same name in a scratch folder on the same disk. When it ends, what
    it wrote there replaces `path` in one step; if it wrote nothing, or raises, `path` is not
    changed. Folders around `path` are created. Scratch folders that killed processes left beside it
    are removed.

    Raises:
        OSError: it can't be written; `path` is not changed.
    """
    import tempfile  # takes a while, and commands that only show help import this file

    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f"{_PREFIX}*"):
        _remove_abandoned(abandoned)
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=_PREFIX) as scratch,
        _owned(Path(scratch)),
    ):
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        yield new / path.name
        if (new / path.name).is_dir():
            _replace_folder(path, new / path.name, old)
        elif (new / path.name).exists():
            (new / path.name).replace(path)


@contextmanager
def _owned(scratch: Path) -> Generator[None]:
    """Hold a lock in the folder, which ends with the process, however that ends."""
    making = scratch / "locking"
    with making.open("w") as file:
        if _locked(file):
            making.rename(scratch / _LOCK)  # whoever sees the file sees it locked
        yield


def _locked(file: IO[str]) -> bool:
    """Take the file's lock; False if a process has it, or the system has no such locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _remove_abandoned(scratch: Path) -> None:
    """Remove a scratch folder whose process has ended; what it had moved away is put back."""
    import shutil

    try:
        with (scratch / _LOCK).open() as file:
            if not _locked(file):
                return
            old = scratch / "old"
            for new in (scratch / "new").iterdir():
                if old.exists() and not (scratch.parent / new.name).exists():
                    old.rename(scratch.parent / new.name)
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError:  # another process was faster, or it is not ours
        return


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
        CompileError: in place of an OSError, or of another error that a library makes of one.
    """
    try:
        yield
    except (BrokenPipeError, CompileError):
        raise
    except Exception as error:
        said = [text for text in map(os.strerror, _OF_DISKS) if text in str(error)]
        if not isinstance(error, OSError) and not said:
            raise
        reason = said[0] if said else getattr(error, "strerror", "") or error
        message = f"can't be written: {reason}"
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
