"""Cells of a table as numbers, strings, arrays and dictionaries."""

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ....compiler.columns import is_whole, missing_number
from ....ir.interface import Argument
from ....ir.types import Array, DType

_INTEGER = re.compile(r"[+-]?\d+")
ABSENT = object()  # what a row has for an input that it leaves out

CellReader: TypeAlias = Callable[[Any], Any]
CellsReader: TypeAlias = Callable[[Sequence[Any]], Any]


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


def numbers_of(cells: Sequence[Any]) -> Array | None:
    """A column of numbers at once; None if one is something else, or may be a missing one."""
    try:
        numbers = np.fromiter(map(float, cells), np.float64, len(cells))
        # Text may be spelled as only Python does; other cells are numbers already.
        own = "_" in "".join(cells) if isinstance(cells[0], str) else {*map(type, cells)} != {float}
    except (TypeError, ValueError, OverflowError):
        return None
    return None if own or np.isnan(numbers).any() else numbers


def cell_reader(column: str, known: Argument, dtype: DType) -> CellReader:
    """Reads a number or a string; what a row lacks is left out, or NaN.

    The reader raises a CellError: the cell is missing or has another type.
    """
    if dtype is DType.STR:
        return lambda cell: _string(column, cell)
    whole = known.kind == "int64"
    absent = ABSENT if known.optional else missing_number(known)

    def read(cell: Any) -> Any:
        if not whole:
            try:  # what nearly all cells are
                number = float(cell)
            except (TypeError, ValueError):
                number = math.nan
            if number == number and "_" not in str(cell):
                return number
        found = _number(column, cell, whole=whole)
        if found is not None:
            return found
        if absent is None:
            raise CellError(column, "has no value")
        return absent

    return read


def array_reader(
    columns: Sequence[str], known: Argument, dtype: DType, shape: tuple[int, ...]
) -> CellsReader:
    """Reads the elements of an array; those that are missing are NaN.

    The reader raises a CellError: a cell is missing, or is not a number.
    """
    missing = missing_number(known)
    takes_nan = missing is not None and math.isnan(missing)

    def read(cells: Sequence[Any]) -> Array:
        numbers: list[float | int] = []
        for column, cell in zip(columns, cells, strict=True):
            number = _number(column, cell, whole=not dtype.is_float)
            if number is None and not takes_nan:
                raise CellError(column, "has no value")
            numbers.append(math.nan if number is None else number)
        return np.array(numbers, dtype.numpy).reshape(shape)

    return read


def json_reader(column: str, known: Argument, dtype: DType) -> CellReader:
    """Reads a dictionary, a list, or an array; as JSON in text.

    The reader raises a CellError: it is something else.
    """

    def read(cell: Any) -> Any:
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
        return int(text) if _INTEGER.fullmatch(text.strip()) else float(text)
    except ValueError:
        return None


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}…"
