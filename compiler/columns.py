"""Columns of tables as arrays: cells that are missing, numbers that are whole, matrices.

A cell is one number or string of a row. Core ML's predict takes one row; what it doesn't say of
tables is decided here: None and NaN are a missing cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..ir.interface import Argument
from ..ir.ssa import Function, Value
from ..ir.types import Array, DType

_SHOWN = 8


def is_cell(known: Argument) -> bool:
    """Whether a row has one number or string for an argument, and a table a column."""
    return known.kind in ("double", "int64", "string") and known.batch == "added"


def is_table(function: Function) -> bool:
    """Whether all arguments are cells of rows, or one is a matrix of such columns."""
    return bool(function.inputs) and all(
        is_cell(known) or known.columns for known in function.inputs
    )


def missing_number(known: Argument) -> float | None:
    """What a missing number counts as; None if the model has no missing values for it.

    An argument that may be left out has its default. NaN is a missing value of decision trees, also
    where the argument has to be given.
    """
    return (known.default or 0.0) if known.optional else known.default


def names_text(names: Iterable[str]) -> str:
    """Names for a message, where thousands would say nothing."""
    listed = list(names)
    more = [f"and {len(listed) - _SHOWN:,} more"] if len(listed) > _SHOWN else []
    return ", ".join([*listed[:_SHOWN], *more])


def column_of(value: Value, known: Argument, given: Any) -> Array:
    """A column as an array [N] of the argument's type.

    Args:
        value: the argument.
        known: its interface attributes, those of a cell.
        given: N cells.

    Raises:
        ValueError: a cell is missing or has another type; the message names the row.
    """
    dtype = value.type.dtype
    if dtype is DType.STR:
        return _strings(given)
    array = np.asarray(given)
    if array.dtype.kind in "iub":
        return array.astype(dtype.numpy)
    if array.dtype.kind == "f" and known.kind != "int64":
        return _filled(known, array.astype(dtype.numpy))
    numbers = [_number(known, cell, row) for row, cell in enumerate(given)]
    try:
        return np.array(numbers, dtype.numpy)
    except OverflowError:
        raise ValueError("has a number beyond 64 bits") from None


def _strings(given: Any) -> Array:
    found = np.empty(len(given), object)
    for row, cell in enumerate(given):
        if not isinstance(cell, str):
            raise ValueError(f"has {_shown(cell)} in row {row}, expected a string")
        found[row] = str(cell)
    return found


def _filled(known: Argument, array: Array) -> Array:
    """The column with what missing numbers count as."""
    absent = np.isnan(array)
    if not absent.any():
        return array
    if (number := missing_number(known)) is None:
        raise ValueError(f"has no value in row {int(absent.argmax())}")
    return np.where(absent, array.dtype.type(number), array)


def _number(known: Argument, cell: Any, row: int) -> float | int:
    """One cell."""
    is_number = isinstance(cell, int | float | np.number | np.bool_)
    if cell is None or (is_number and cell != cell):
        if (number := missing_number(known)) is None:
            raise ValueError(f"has no value in row {row}")
        return number
    if not is_number:
        raise ValueError(f"has {_shown(cell)} in row {row}, expected a number")
    if known.kind != "int64":
        return float(cell)
    if not is_whole(cell):
        raise ValueError(f"has {cell} in row {row}, expected a whole number")
    return int(cell)


def is_whole(number: Any) -> bool:
    """Whether a number is an integer, whatever its type."""
    return isinstance(number, int) or (bool(np.isfinite(number)) and number == int(number))


def _shown(cell: Any) -> str:
    return "no value" if cell is None else repr(cell)


def joined_rows(function: Function, rows: Sequence[Mapping[str, Any]]) -> dict[str, Array] | None:
    """Rows as the arguments of a function whose arguments are cells, or one matrix of columns.

    Returns:
        None if a row has something that is not a column or not a cell, or lacks one that has to be
        given: the rows one by one say what is wrong.
    """
    names = {name for known in function.inputs for name in known.columns}
    names = names or {value.name for value in function.arguments}
    if not all(row.keys() <= names for row in rows):
        return None
    found: dict[str, Array] = {}
    try:
        for value, known in zip(function.arguments, function.inputs, strict=True):
            if known.columns:
                columns = {name: [row.get(name) for row in rows] for name in known.columns}
                found[value.name] = matrix_of(value, known, columns)
            else:
                cells = [row.get(value.name) for row in rows]
                found[value.name] = column_of(value, known, cells)
    except ValueError:
        return None
    return found


def matrix_of(value: Value, known: Argument, columns: Mapping[str, Any]) -> Array:
    """Columns as the matrix [N, F] of an argument that has their names.

    Args:
        value: the argument.
        known: its interface attributes.
        columns: N cells of each column, some of which may be left out.

    Raises:
        ValueError: a column is missing or not one of the matrix's, has another number of rows, or a
            cell is missing or has another type.
    """
    if unknown := columns.keys() - set(known.columns):
        raise ValueError(f"has no column '{min(unknown)}'; there are {names_text(known.columns)}")
    counts = {name: len(cells) for name, cells in columns.items()}
    first = next(iter(counts), "")
    rows = counts.get(first, 1)
    found = np.empty((rows, len(known.columns)), value.type.dtype.numpy)
    for place, name in enumerate(known.columns):
        if name not in columns:
            if not known.optional:
                raise ValueError(f"lacks the column '{name}'")
            found[:, place] = missing_number(known)
            continue
        if counts[name] != rows:
            raise ValueError(
                f"has {counts[name]} rows in column '{name}', {rows} in column '{first}'"
            )
        try:
            found[:, place] = column_of(value, known, columns[name])
        except ValueError as error:
            raise ValueError(f"has a column '{name}' that {error}") from None
    return found


def check_matrix(known: Argument, array: Array) -> None:
    """Refuse a matrix [N, F] in which a cell is missing, if the model has no missing values.

    Raises:
        ValueError: naming row and column.
    """
    absent = np.isnan(array)
    if absent.any() and missing_number(known) is None:
        row, place = map(int, np.argwhere(absent)[0])
        raise ValueError(f"has no value in row {row}, column '{known.columns[place]}'")
