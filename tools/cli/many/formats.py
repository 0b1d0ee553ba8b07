"""What results are written as: text with separators, lines of JSON, Parquet."""

import csv
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..tables.files import parquet
from .part import Done, Failure, merged

# What the cells of a column are. A "list" is a flat array; a "value" is whatever JSON has; a
# "picture" is one of PIL.
Kind = Literal["text", "integer", "number", "list", "value", "picture"]
# How a format takes arrays and dictionaries: a column for each element, columns of flat arrays, or
# as they are.
Shape = Literal["elements", "lists", "values"]

PLACE, ERROR = "path", "error"  # columns: which file a row is of, and why it has no results
_BYTES = 32 << 20  # of a row group


@dataclass(frozen=True)
class Column:
    """A column of results.

    Attributes:
        name: what it is called.
        kind: what its cells are.
        dtype: numpy's name of the elements of a list.
    """

    name: str
    kind: Kind
    dtype: str = "float64"


Cells = Sequence[Sequence[Any]]  # those of each column


class Format(ABC):
    """A format, for a table of certain columns.

    Attributes:
        columns: those of results, without that of errors.
        with_errors: whether rows that have failed are written, with what is wrong.
    """

    shape: Shape = "elements"
    takes_pictures = False

    def __init__(self, columns: Sequence[Column], *, with_errors: bool) -> None:
        self.columns = tuple(columns)
        self.with_errors = with_errors

    @abstractmethod
    def encoded(self, cells: Cells) -> bytes:
        """The rows of a part, from the cells of each column."""

    @abstractmethod
    def write(self, path: Path, parts: Iterator[Done]) -> None:
        """Write the file.

        Raises:
            OSError: it can't be written.
        """

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        own = tuple(column.name for column in self.columns)
        return (*own, ERROR) if self.with_errors else own

    def blank(self, failure: Failure) -> list[Any]:
        """The cells of a row that has failed, without its error."""
        return [failure.place if column.name == PLACE else None for column in self.columns]


class Text(Format):
    """Comma-separated text."""

    separator = ","

    def encoded(self, cells: Cells) -> bytes:
        return self._lines(zip(*cells, strict=True))

    def _lines(self, rows: Iterable[Sequence[Any]]) -> bytes:
        text = _Lines()
        csv.writer(text, delimiter=self.separator, lineterminator=_QUOTED).writerows(rows)
        return b"".join(text.found)

    def write(self, path: Path, parts: Iterator[Done]) -> None:
        with path.open("wb") as file:
            file.write(self._lines([self.names]))
            for part in parts:
                file.write(self._told(part) if self.with_errors else part.rows)

    def _told(self, part: Done) -> bytes:
        """The rows with the column of errors."""
        end = f"{self.separator}\n".encode()
        rows = [row[:-1] + end for row in _rows(part.rows)]
        failed = {o.index: self._lines([[*self.blank(o), o.reason]]) for o in part.failures}
        return b"".join(merged(rows, failed))


# Python quotes cells with a character that lines end with, and readers take both for the end.
_QUOTED = "\r\n"


class _Lines:
    """A file of rows, each given at once."""

    def __init__(self) -> None:
        self.found: list[bytes] = []

    def write(self, row: str) -> int:
        self.found.append(row.removesuffix(_QUOTED).encode() + b"\n")
        return len(row)


def _rows(content: bytes) -> Iterator[bytes]:
    """The rows of comma-separated text, some of several lines: those in quotes."""
    held, inside = list[bytes](), False
    if not content:
        return
    for line in content.removesuffix(b"\n").split(b"\n"):
        held.append(line + b"\n")
        inside ^= line.count(b'"') % 2 == 1
        if not inside:
            yield b"".join(held)
            held = []


class TabText(Text):
    """Tab-separated text."""

    separator = "\t"


class JsonLines(Format):
    """A JSON object a line; numbers that JSON lacks are null."""

    shape = "values"

    def encoded(self, cells: Cells) -> bytes:
        names = [column.name for column in self.columns]
        return b"".join(
            _line(dict(zip(names, row, strict=True))) for row in zip(*cells, strict=True)
        )

    def write(self, path: Path, parts: Iterator[Done]) -> None:
        with path.open("wb") as file:
            for part in parts:
                if not part.failures:
                    file.write(part.rows)
                    continue
                failed = {one.index: self._failed(one) for one in part.failures}
                file.writelines(merged(part.rows.splitlines(keepends=True), failed))

    def _failed(self, failure: Failure) -> bytes:
        names = [column.name for column in self.columns]
        cells = dict(zip(names, self.blank(failure), strict=True))
        return _line({**cells, ERROR: failure.reason})


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_without_nan(row), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Parquet(Format):
    """Parquet; parts are Arrow's stream format until then."""

    shape = "lists"

    def encoded(self, cells: Cells) -> bytes:
        import pyarrow  # type: ignore[import-not-found]

        schema, sink = self._schema(), pyarrow.BufferOutputStream()
        arrays = [_arrow(each, field.type) for each, field in zip(cells, schema, strict=True)]
        with pyarrow.ipc.new_stream(sink, schema) as stream:
            stream.write_batch(pyarrow.record_batch(arrays, schema=schema))
        return sink.getvalue().to_pybytes()

    def write(self, path: Path, parts: Iterator[Done]) -> None:
        import pyarrow  # type: ignore[import-not-found]

        schema = self._schema()
        if self.with_errors:
            schema = schema.append(pyarrow.field(ERROR, pyarrow.string()))
        with parquet(path).ParquetWriter(path, schema) as writer:
            held, size = [], 0
            for part in parts:
                held.append(self._table(part, schema))
                size += held[-1].nbytes
                if size >= _BYTES:
                    writer.write_table(pyarrow.concat_tables(held))
                    held, size = [], 0
            if held:
                writer.write_table(pyarrow.concat_tables(held))

    def _table(self, part: Done, schema: Any) -> Any:
        import pyarrow  # type: ignore[import-not-found]

        found = pyarrow.ipc.open_stream(part.rows).read_all()
        if not self.with_errors:
            return found
        found = found.append_column(schema.field(ERROR), pyarrow.nulls(len(found), "string"))
        if not part.failures:
            return found
        rows = [[*self.blank(one), one.reason] for one in part.failures]
        cells = zip(*rows, strict=True)
        arrays = [pyarrow.array(c, f.type) for c, f in zip(cells, schema, strict=True)]
        failed = pyarrow.Table.from_arrays(arrays, schema=schema)
        places = [one.index for one in part.failures]
        order = merged(range(len(found)), {at: len(found) + n for n, at in enumerate(places)})
        return pyarrow.concat_tables([found, failed]).take(pyarrow.array(order))

    def _schema(self) -> Any:
        import pyarrow  # type: ignore[import-not-found]

        types = {
            "text": pyarrow.string(),
            "integer": pyarrow.int64(),
            "number": pyarrow.float64(),
            "value": pyarrow.string(),
        }
        return pyarrow.schema(
            (each.name, pyarrow.list_(_element(each)) if each.kind == "list" else types[each.kind])
            for each in self.columns
        )


def _element(column: Column) -> Any:
    import pyarrow  # type: ignore[import-not-found]

    dtype = np.dtype(column.dtype)
    return pyarrow.string() if dtype.kind == "O" else pyarrow.from_numpy_dtype(dtype)


def _arrow(cells: Sequence[Any], type: Any) -> Any:
    """A column; lists of numbers are taken as a whole."""
    import pyarrow  # type: ignore[import-not-found]

    if not pyarrow.types.is_list(type) or pyarrow.types.is_string(type.value_type):
        return pyarrow.array(list(cells), type)
    ends = np.cumsum([0, *(np.size(cell) for cell in cells)], dtype=np.int32)
    flat = np.concatenate([np.ravel(cell) for cell in cells]) if len(cells) else np.empty(0)
    values = pyarrow.array(flat.astype(type.value_type.to_pandas_dtype()))
    return pyarrow.ListArray.from_arrays(pyarrow.array(ends), values)
