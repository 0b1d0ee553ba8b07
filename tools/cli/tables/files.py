"""Tables that are read, a row at a time: comma- and tab-separated text, and Parquet."""

import csv
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ....ir.diagnostics import CompileError, Diagnostic, usage_error

SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*SEPARATORS, ".parquet")
_ROWS = 1024


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        place: where it is, for messages: `line 7`.
        cells: what it has in each column: text, or what a Parquet file holds.
    """

    place: str
    cells: Sequence[Any]


@dataclass(frozen=True)
class Table:
    """A file that is read.

    Attributes:
        columns: their names.
        rows: all rows, to be taken once.
        share: how much of the file is read, between 0 and 1.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    share: Callable[[], float]


def problem(path: Path, message: str, remedy: str = "") -> CompileError:
    """An error about a file's content, to raise."""
    return CompileError(Diagnostic(message, "usage", file=str(path), remedy=remedy))


def reading(path: Path) -> AbstractContextManager[Table]:
    """A table that is open while the block runs.

    Raises:
        CompileError: it can't be read, or a row is malformed (when that is reached).
    """
    if not path.exists():
        raise usage_error(f"there is no file '{path}'")
    return _reading_parquet(path) if path.suffix == ".parquet" else _reading_text(path)


@contextmanager
def _reading_text(path: Path) -> Generator[Table]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise problem(path, f"can't be read: {error.strerror}") from None
    with raw:
        size = path.stat().st_size or 1
        rows = _checked(path, _text_rows(path, raw))
        header = next(rows, None)
        if header is None:
            raise problem(path, "is empty", "the first line holds the names of the columns")
        columns = _header(path, header.cells)
        yield Table(columns, _of_width(path, rows, len(columns)), lambda: raw.tell() / size)


def _text_rows(path: Path, raw: BinaryIO) -> Iterator[Row]:
    """Rows with their lines; an empty line in front of others has no cells."""
    lines = (line.decode("utf-8-sig" if not at else "utf-8") for at, line in enumerate(raw))
    reader = csv.reader(lines, delimiter=SEPARATORS[path.suffix], strict=True)
    before = 0
    for cells in reader:
        yield Row(f"line {before + 1}", cells)
        before = reader.line_num


def _checked(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, with the failures of reading them as problems of the file."""
    place = "line 1"
    try:
        for row in rows:
            place = row.place
            yield row
    except UnicodeDecodeError:
        message = f"is not text in UTF-8 (after {place})"
        raise problem(path, message, "save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise problem(path, f"after {place}: {error}", "quote cells as RFC 4180 does") from None


def _header(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    twice = [name for name in names if names.count(name) > 1] if len({*names}) < len(names) else []
    if twice:
        raise problem(path, f"has two columns '{twice[0]}'", "rename one of them")
    if len(names) == 1 and ";" in names[0] and path.suffix == ".csv":
        message = "the columns are separated by semicolons"
        raise problem(path, message, "save it with commas, and points in numbers")
    return tuple(names)


def _of_width(path: Path, rows: Iterator[Row], width: int) -> Iterator[Row]:
    """The rows, which have a cell for each column; empty lines may only be the last."""
    empty = ""
    for row in rows:
        if not row.cells:
            empty = empty or row.place
            continue
        if empty:
            raise problem(path, f"{empty} is empty", "remove the line, or write its cells")
        if len(row.cells) != width:
            message = f"{row.place} has {len(row.cells)} cells, but there are {width} columns"
            raise problem(path, message, "quote cells that have a separator in them")
        yield row


def parquet(path: Path) -> Any:
    """The library for Parquet.

    Raises:
        CompileError: it isn't installed.
    """
    try:
        import pyarrow.parquet as library  # type: ignore[import-not-found]
    except ImportError:
        message = "Parquet files need the package pyarrow"
        raise problem(path, message, "pip install pyarrow, or give a .csv file") from None
    return library


@contextmanager
def _reading_parquet(path: Path) -> Generator[Table]:
    library = parquet(path)
    try:
        file = library.ParquetFile(path)
    except Exception as error:  # pyarrow's own, and OSError
        raise problem(path, f"is not a Parquet file: {_first_line(error)}") from None
    done = 0

    def rows() -> Iterator[Row]:
        nonlocal done
        for batch in file.iter_batches(_ROWS):
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                done += 1
                yield Row(f"row {done}", cells)

    with file:
        columns = _header(path, file.schema_arrow.names)
        total = file.metadata.num_rows or 1
        yield Table(columns, rows(), lambda: done / total)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
