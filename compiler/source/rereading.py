"""A model that is read again, as for other shapes, is the one that was read before."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...ir.diagnostics import CompileError, Diagnostic


@dataclass(frozen=True)
class Place:
    """Where a model is, and what its files were like.

    Attributes:
        path: absolute, because the current folder may change.
        files: of each file, its path, its size, when it was last changed, and its inode.
    """

    path: Path
    files: tuple[tuple[str, int, int, int], ...]

    def unchanged(self) -> Path:
        """The path.

        Raises:
            CompileError: a file of the model was changed, replaced or removed.
        """
        if _files(self.path) != self.files:
            message = "the model has changed since it was read, and has to be read again"
            remedy = "compile it again, or keep the file that it was compiled from"
            raise CompileError(Diagnostic(message, "usage", file=str(self.path), remedy=remedy))
        return self.path


def place_of(path: str | Path) -> Place:
    """Where a model is now; there are no files if there is nothing to read."""
    absolute = Path(path).absolute()
    return Place(absolute, _files(absolute))


def _files(path: Path) -> tuple[tuple[str, int, int, int], ...]:
    return tuple(sorted(_described(path)))


def _described(path: Path) -> Iterator[tuple[str, int, int, int]]:
    for file in _below(path):
        try:
            found = file.stat()
        except OSError:
            continue  # whoever reads it says what is wrong
        yield str(file), found.st_size, found.st_mtime_ns, found.st_ino


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)
