"""Where many inputs come from: a table's rows, a folder's files, the files of a list."""

import hashlib
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from ....ir.diagnostics import usage_error
from ..tables.files import SUFFIXES, Row, Table, problem, reading
from .formats import PLACE
from .part import Part

_CELLS = 1 << 19  # of a part of a table
_ROWS = 4096
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Source:
    """Inputs, read once in their order.

    Attributes:
        path: the table, folder or list.
        table: its rows; of files, a row is a path.
        of_files: whether rows are paths.
        state: what has to be the same for a run to go on.
        unread: how many files of a folder are neither pictures nor numpy's.
    """

    path: Path
    table: Table
    of_files: bool
    state: str
    unread: int = 0

    def parts(self, size: int) -> Iterator[Part]:
        """The rows in parts.

        Args:
            size: entries of a part.
        """
        for number in count():
            rows = tuple(islice(self.table.rows, size))
            if not rows:
                return
            yield Part(number, rows, _seal(rows) if self.of_files else "")

    def size(self, most: int) -> int:
        """How many entries a part has.

        Args:
            most: how many files a part may have.
        """
        return most if self.of_files else max(1, min(_ROWS, _CELLS // len(self.table.columns)))


@contextmanager
def opened(path: Path) -> Generator[Source]:
    """The inputs that a path stands for, open while the block runs.

    Raises:
        CompileError: there are none, or they can't be read.
    """
    if path.suffix in SUFFIXES and not path.is_dir():
        with reading(path) as table:
            known = path.stat()
            yield Source(path, table, False, f"{known.st_size} {known.st_mtime_ns}")
        return
    files, unread = _folder(path) if path.is_dir() else (_listed(path), 0)
    for name in files:
        if not _is_text(name):
            message = f"the name of the file {os.fsencode(name)!r} is not UTF-8, as results are"
            raise usage_error(message, "rename it")
    digest = hashlib.sha256("\0".join(files).encode()).hexdigest()
    yield Source(path, _table_of(files), True, digest, unread)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _table_of(files: Sequence[str]) -> Table:
    done = 0

    def rows() -> Iterator[Row]:
        nonlocal done
        for file in files:
            done += 1
            yield Row(done, (file,), "file")

    return Table((PLACE,), rows(), lambda: done / len(files))


def _folder(path: Path) -> tuple[list[str], int]:
    """(its pictures and numpy files, but those that are hidden; how many other files there are)."""
    from PIL import Image

    known = {*Image.registered_extensions(), ".npy", ".npz"}
    found: list[str] = []
    unread = 0
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = [name for name in names if not name.startswith(".")]
        own = [name for name in names if os.path.splitext(name)[1].lower() in known]
        found += (os.path.join(folder, name) for name in own)
        unread += len(names) - len(own)
    if not found:
        raise usage_error(
            f"the folder '{path}' has no pictures", "give one with .jpg, .png, .npy …"
        )
    return sorted(found, key=_natural), unread


def _natural(text: str) -> list[Any]:
    """The order of people: 2 before 10."""
    words = _DIGITS.split(text)
    return [*((int(word) if at % 2 else word) for at, word in enumerate(words)), text]


def _listed(path: Path) -> list[str]:
    """The lines of a list that aren't empty."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise problem(path, "is not text in UTF-8", "write a path in each line") from None
    if not (found := [line.strip() for line in lines if line.strip()]):
        raise problem(path, "lists no files", "write a path in each line")
    return found


def _seal(rows: Sequence[Row]) -> str:
    """What the files are like, in short: their sizes and when they were changed."""
    digest = hashlib.sha256()
    for row in rows:
        try:
            known = os.stat(row.place)
            digest.update(f"{row.place}\0{known.st_size} {known.st_mtime_ns}\0".encode())
        except OSError:  # whoever reads it says what is wrong
            digest.update(f"{row.place}\0\0".encode())
    return digest.hexdigest()[:16]
