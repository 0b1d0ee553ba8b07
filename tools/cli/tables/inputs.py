"""Cells of a row as Core ML's values: which columns are which input."""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ....compiler.binding import features_of
from ....compiler.columns import is_whole, missing_number, names_text
from ....ir.diagnostics import usage_error
from ....ir.interface import Argument
from ....ir.ssa import Function, Value
from ....ir.types import Array, DType

_NUMBER = re.compile(r"\d+")
ABSENT = object()  # what a row has for an input that it leaves out


class CellError(Exception):
    """What is wrong with a cell.

    Attributes:
        column: its column.
        reason: what is wrong.
        remedy: what to do.
    """

    def __init__(self, column: str, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.column, self.reason, self.remedy = column, reason, remedy


@dataclass(frozen=True)
class Input:
    """An input, and how it is read from a row.

    Attributes:
        name: its name.
        read: its value from the cells of a row; `ABSENT` if the row leaves it out.
    """

    name: str
    read: Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Inputs:
    """How a model's inputs are read from a table.

    Attributes:
        inputs: those that the table has.
        unused: columns that aren't an input.
    """

    inputs: tuple[Input, ...]
    unused: tuple[str, ...]

    def row(self, cells: Sequence[Any]) -> dict[str, Any]:
        """A row as what `predict` takes.

        Raises:
            CellError: a cell is missing or malformed.
        """
        found = {each.name: each.read(cells) for each in self.inputs}
        return {name: value for name, value in found.items() if value is not ABSENT}


def inputs_from(function: Function, columns: Sequence[str]) -> Inputs:
    """What a model takes from a table's columns.

    Raises:
        CompileError: a column is missing, or a table can't hold an input.
    """
    places = {name: place for place, name in enumerate(columns)}
    found: list[Input] = []
    used: set[str] = set()
    missing: list[str] = []
    features = features_of(function)
    for name, ((value, known), *_) in features.items():
        for own in _own_columns(name, value, known, columns, alone=len(features) == 1):
            if all(column in places for column in own.columns):
                used.update(own.columns)
                found.append(own.placed(places))
            elif not own.optional:
                missing += [column for column in own.columns if column not in places]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        remedy = f"the table has {names_text(columns)}"
        raise usage_error(f"the table lacks the {noun} {names_text(missing)}", remedy)
    return Inputs(tuple(found), tuple(name for name in columns if name not in used))


@dataclass(frozen=True)
class _Wanted:
    """Columns that an input is read from."""

    name: str
    columns: tuple[str, ...]
    optional: bool
    read: Callable[[Sequence[str], Sequence[Any]], Any]

    def placed(self, places: dict[str, int]) -> Input:
        own = [places[column] for column in self.columns]
        return Input(self.name, lambda cells: self.read(self.columns, [cells[p] for p in own]))


def _own_columns(
    name: str, value: Value, known: Argument, columns: Sequence[str], *, alone: bool
) -> Iterable[_Wanted]:
    """The columns of an input; those of a matrix are inputs themselves.

    Raises:
        CompileError: a table can't hold the input.
    """
    if known.kind == "image":
        raise usage_error(f"input '{name}' is an image, which a table can't hold")
    for column in known.columns:
        yield _Wanted(column, (column,), known.optional, _reader(known, DType.F64))
    if known.columns:
        return
    if known.kind in ("double", "int64", "string"):
        yield _Wanted(name, (name,), known.optional, _reader(known, value.type.dtype))
        return
    sizes = known.shape or value.type.shape[1 if known.batch == "added" else 0 :]
    if known.part is None and known.kind != "sequence" and name not in columns:
        if not all(isinstance(size, int) for size in sizes):
            raise usage_error(
                f"input '{name}' is an array of any size", f"give a column '{name}' of JSON lists"
            )
        shape = tuple(size for size in sizes if isinstance(size, int))
        wanted = element_names(name, shape)
        if alone and not {*wanted} & {*columns}:
            wanted = _in_order(name, wanted, columns)
        yield _Wanted(name, wanted, known.optional, _array_reader(known, value.type.dtype, shape))
        return
    yield _Wanted(name, (name,), known.optional, _json_reader(known, value.type.dtype))


def element_names(name: str, shape: Sequence[int]) -> tuple[str, ...]:
    """What the columns of an array's elements are called: `x[0,1]`."""
    indices = product(*(range(size) for size in shape))
    return tuple(f"{name}[{','.join(map(str, index))}]" for index in indices)


def _in_order(name: str, wanted: tuple[str, ...], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of a table for the only input, an array of as many elements.

    Raises:
        CompileError: there are more or less, or the first line isn't one of names.
    """
    if len(columns) != len(wanted):
        message = f"input '{name}' has {len(wanted)} elements, the table {len(columns)} columns"
        raise usage_error(message, f"leave others out, or call them {names_text(wanted)}")
    numbered = [str(index) for index in range(len(columns))]
    if list(columns) != numbered and all(map(_is_number, columns)):
        message = "the first line holds numbers, not the names of columns"
        raise usage_error(message, f"put a line in front, such as {names_text(wanted)}")
    return tuple(columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# -- cells -------------------------------------------------------------------------------------


def _reader(known: Argument, dtype: DType) -> Callable[[Sequence[str], Sequence[Any]], Any]:
    """Reads the one cell of a number or a string; what a row lacks is left out or NaN."""

    def read(columns: Sequence[str], cells: Sequence[Any]) -> Any:
        (column,), (cell,) = columns, cells
        if dtype is DType.STR:
            return _string(column, cell)
        number = _number(column, cell, whole=known.kind == "int64")
        if number is not None:
            return number
        if missing_number(known) is None:
            raise CellError(column, "has no value")
        return ABSENT if known.optional else math.nan

    return read


def _array_reader(
    known: Argument, dtype: DType, shape: tuple[int, ...]
) -> Callable[[Sequence[str], Sequence[Any]], Array]:
    """Reads the cells of an array's elements."""
    missing = missing_number(known)

    def read(columns: Sequence[str], cells: Sequence[Any]) -> Array:
        numbers: list[float | int] = []
        for column, cell in zip(columns, cells, strict=True):
            number = _number(column, cell, whole=not dtype.is_float)
            if number is None and (missing is None or not math.isnan(missing)):
                raise CellError(column, "has no value")
            numbers.append(math.nan if number is None else number)
        return np.array(numbers, dtype.numpy).reshape(shape)

    return read


def _json_reader(known: Argument, dtype: DType) -> Callable[[Sequence[str], Sequence[Any]], Any]:
    """Reads a dictionary, a list, or an array from one cell."""

    def read(columns: Sequence[str], cells: Sequence[Any]) -> Any:
        (column,), (cell,) = columns, cells
        if _is_missing(cell):
            if known.optional:
                return ABSENT
            raise CellError(column, "has no value")
        found = _parsed(column, cell) if isinstance(cell, str) else cell
        if known.part is None:
            if not isinstance(found, list):
                raise CellError(column, f"has {_shown(cell)}, expected a list", "such as [1, 2]")
            return found
        if not isinstance(found, dict):
            raise CellError(
                column, f"has {_shown(cell)}, expected a dictionary", 'such as {"a": 1}'
            )
        try:
            return (
                {int(key): number for key, number in found.items()} if dtype is DType.I64 else found
            )
        except ValueError:
            raise CellError(column, "has a key that is not a whole number") from None

    return read


def _parsed(column: str, cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        raise CellError(column, f"has {_shown(cell)}, which is not JSON") from None


def _string(column: str, cell: Any) -> str:
    """Text as it is, also if there is none: Core ML has no missing strings."""
    if not isinstance(cell, str):
        raise CellError(column, f"has {_shown(cell)}, expected a string")
    return cell


def _is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _number(column: str, cell: Any, *, whole: bool) -> float | int | None:
    """A number; None if it is missing, which text may say as `nan`.

    Raises:
        CellError: it is not a number, or not whole.
    """
    if _is_missing(cell):
        return None
    number = _parsed_number(cell) if isinstance(cell, str) else cell
    if not isinstance(number, int | float):
        remedy = ""
        if isinstance(cell, str) and "," in cell:
            remedy = "write a point for the decimals, and nothing between thousands"
        raise CellError(column, f"has {_shown(cell)}, which is not a number", remedy)
    if number != number:
        return None
    if not whole:
        return number
    if not is_whole(number):
        raise CellError(column, f"has {_shown(cell)}, which is not a whole number")
    if not -(2**63) <= number < 2**63:
        raise CellError(column, f"has {_shown(cell)}, which is beyond 64 bits")
    return int(number)


def _parsed_number(text: str) -> float | int | None:
    if "_" in text:  # Python's own spelling
        return None
    try:
        return int(text) if _NUMBER.fullmatch(text.strip().lstrip("+-")) else float(text)
    except ValueError:
        return None


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}…"
