"""Tables that are read, a row at a time: comma- and tab-separated text, and Parquet."""

import csv
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from ....ir.diagnostics import CompileError, Diagnostic, usage_error

SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*SEPARATORS, ".parquet")
_ROWS = 1024


class Row(NamedTuple):
    """One row.

    Attributes:
        number: its line or row in the file, or its position, from 1.
        cells: what it has in each column: text, or what a Parquet file holds.
        unit: what the number counts: lines, rows, or files, whose only cell is their path.
    """

    number: int
    cells: Sequence[Any]
    unit: Literal["line", "row", "file"] = "line"

    @property
    def place(self) -> str:
        """Where it is, for messages: `line 7`, or a path."""
        return self.cells[0] if self.unit == "file" else f"{self.unit} {self.number}"


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
    with raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as lines:
        size = path.stat().st_size or 1
        rows = _text_rows(path, lines)
        header = next(rows, None)
        if header is None:
            raise problem(path, "is empty", "the first line holds the names of the columns")
        columns = _header(path, header.cells)
        yield Table(columns, _of_width(path, rows, len(columns)), lambda: raw.tell() / size)


def _text_rows(path: Path, lines: TextIO) -> Iterator[Row]:
    """Rows with their lines; an empty line in front of others has no cells.

    Raises:
        CompileError: the text is malformed.
    """
    reader = csv.reader(lines, delimiter=SEPARATORS[path.suffix], strict=True)
    before = first = 0
    try:
        for cells in reader:
            first = before + 1
            yield Row(first, cells)
            before = reader.line_num
    except UnicodeDecodeError:
        message = f"is not text in UTF-8 (after line {_lines_of_text(path)})"
        raise problem(path, message, "save it as CSV in UTF-8") from None
    except csv.Error as error:
        message = f"after line {first or 1}: {error}"
        raise problem(path, message, "quote cells as RFC 4180 does") from None


def _lines_of_text(path: Path) -> int:
    """How many lines are text in front of the first one that isn't."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0


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
    empty = 0
    for row in rows:
        if not row.cells:
            empty = empty or row.number
            continue
        if empty:
            raise problem(path, f"line {empty} is empty", "remove the line, or write its cells")
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
                yield Row(done, cells, "row")

    with file:
        columns = _header(path, file.schema_arrow.names)
        total = file.metadata.num_rows or 1
        yield Table(columns, rows(), lambda: done / total)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
