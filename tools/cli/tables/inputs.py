"""Which columns of a table are which input of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ....compiler.binding import features_of
from ....compiler.columns import names_text
from ....ir.diagnostics import usage_error
from ....ir.interface import Argument
from ....ir.ssa import Function, Value
from ....ir.types import Array, DType
from .cells import (
    ABSENT,
    CellError,
    CellReader,
    CellsReader,
    array_reader,
    cell_reader,
    json_reader,
    numbers_of,
)


@dataclass(frozen=True)
class Single:
    """An input that is read from one column.

    Attributes:
        name: its name.
        column: the column's.
        optional: whether the column may be left out.
        read: its value, `ABSENT` if a row leaves it out.
        is_float: whether its value is a number, whole or not.
    """

    name: str
    column: str
    optional: bool
    read: CellReader
    is_float: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        return (self.column,)


@dataclass(frozen=True)
class Several:
    """An input that is read from several columns.

    Attributes:
        name: its name.
        columns: those of its elements.
        optional: whether they may be left out, all of them.
        read: its value.
    """

    name: str
    columns: tuple[str, ...]
    optional: bool
    read: CellsReader


class Inputs:
    """How rows are read.

    Attributes:
        unused: columns that aren't of an input.
    """

    def __init__(self, inputs: Iterable[Single | Several], columns: Sequence[str]) -> None:
        places = {name: place for place, name in enumerate(columns)}
        self._single: list[tuple[Single, int]] = []
        self._several: list[tuple[str, list[int], CellsReader]] = []
        for each in inputs:
            own = [places.pop(column) for column in each.columns]
            if isinstance(each, Single):
                self._single.append((each, own[0]))
            else:
                self._several.append((each.name, own, each.read))
        self.unused = tuple(places)

    def columns(self, rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any] | Array] | None:
        """Rows as the columns of a table, with None where a row leaves an input out.

        Returns:
            None if a cell is missing or malformed, or an input has several columns: the rows one by
            one say what is wrong.
        """
        if self._several:
            return None
        cells = list(zip(*rows, strict=True))
        try:
            return {each.name: _column(each, cells[place]) for each, place in self._single}
        except CellError:
            return None

    def row(self, cells: Sequence[Any]) -> dict[str, Any]:
        """A row as what `predict` takes.

        Raises:
            CellError: a cell is missing or malformed.
        """
        found = {each.name: each.read(cells[place]) for each, place in self._single}
        for name, places, read in self._several:
            found[name] = read([cells[place] for place in places])
        return {name: value for name, value in found.items() if value is not ABSENT}


def _column(single: Single, cells: Sequence[Any]) -> Sequence[Any] | Array:
    """An input of many rows; None where one leaves it out.

    Raises:
        CellError: a cell is missing or malformed.
    """
    if single.is_float and (numbers := numbers_of(cells)) is not None:
        return numbers if len(numbers) > 1 else numbers.tolist()  # an array of one is a number
    found = map(single.read, cells)
    return [None if value is ABSENT else value for value in found]


def inputs_from(function: Function, columns: Sequence[str]) -> Inputs:
    """What a model takes from a table's columns.

    Raises:
        CompileError: a column is missing, or a table can't hold an input.
    """
    there = set(columns)
    found: list[Single | Several] = []
    missing: list[str] = []
    features = features_of(function)
    for name, ((value, known), *_) in features.items():
        for own in _inputs(name, value, known, columns, alone=len(features) == 1):
            lacking = [column for column in own.columns if column not in there]
            if not lacking:
                found.append(own)
            elif not own.optional or len(lacking) < len(own.columns):
                missing += lacking
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        remedy = f"the table has {names_text(columns)}"
        raise usage_error(f"the table lacks the {noun} {names_text(missing)}", remedy)
    return Inputs(found, columns)


def _inputs(
    name: str, value: Value, known: Argument, columns: Sequence[str], *, alone: bool
) -> Iterable[Single | Several]:
    """How an input is read; the columns of a matrix are read as inputs themselves.

    Raises:
        CompileError: a table can't hold the input.
    """
    dtype, optional = value.type.dtype, known.optional
    if known.kind == "image":
        raise usage_error(f"input '{name}' is an image, which a table can't hold")
    if known.columns:
        for column in known.columns:
            read = cell_reader(column, known, DType.F64)
            yield Single(column, column, optional, read, is_float=True)
    elif known.kind in ("double", "int64", "string"):
        read = cell_reader(name, known, dtype)
        yield Single(name, name, optional, read, is_float=known.kind == "double")
    elif known.part is not None or known.kind == "sequence" or name in columns:
        yield Single(name, name, optional, json_reader(name, known, dtype))
    else:
        shape = _fixed_shape(name, value, known)
        wanted = element_names(name, shape)
        if alone and not {*wanted} & {*columns}:
            wanted = _in_order(name, wanted, columns)
        yield Several(name, wanted, optional, array_reader(wanted, known, dtype, shape))


def _fixed_shape(name: str, value: Value, known: Argument) -> tuple[int, ...]:
    """The shape of an array of one row.

    Raises:
        CompileError: it is open.
    """
    dims = known.shape or value.type.shape[1 if known.batch == "added" else 0 :]
    sizes = tuple(size for size in dims if isinstance(size, int))
    if len(sizes) < len(dims):
        remedy = f"give a column '{name}' of JSON lists"
        raise usage_error(f"input '{name}' is an array of any size", remedy)
    return sizes


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
