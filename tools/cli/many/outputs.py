"""Predictions as the columns of a table."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....compiler.binding import outputs_of
from ....ir.diagnostics import usage_error
from ....ir.interface import Labels, Result
from ....ir.ssa import Function, Value
from ....ir.types import Array
from ..tables.inputs import element_names
from .formats import Cells, Column, Format, Kind

_MOST = 1 << 14  # columns; spreadsheets have no more
_SCALARS: dict[str | None, Kind] = {"string": "text", "int64": "integer", "double": "number"}


@dataclass(frozen=True)
class Output:
    """An output, and how it is written into a row.

    Attributes:
        name: its name.
        columns: its columns.
        cells: their cells, from what `predict` gives.
    """

    name: str
    columns: tuple[Column, ...]
    cells: Callable[[Any], Sequence[Any]]


def outputs_to(function: Function, written: type[Format]) -> tuple[Output, ...]:
    """How a model's outputs are written.

    Args:
        function: as imported, whose results are those of one row.
        written: the format that they are written in.

    Raises:
        CompileError: a table can't hold an output.
    """
    labels = function.classifier.class_labels
    rows = (row for row in outputs_of(function) if row[2].part != "present")
    found = {known.feature or name: (name, value, known) for name, value, known in rows}
    return tuple(
        _output(name, value, known, labels, written) for name, (_, value, known) in found.items()
    )


def cells_of(outputs: Iterable[Output], entries: Sequence[Mapping[str, Any]]) -> Cells:
    """The cells of each column, from the predictions of entries."""
    found: list[Sequence[Any]] = []
    for output in outputs:
        rows = [output.cells(entry[output.name]) for entry in entries]
        found += list(zip(*rows, strict=True)) or [()] * len(output.columns)
    return found


def cells_of_columns(outputs: Iterable[Output], predicted: Mapping[str, Any]) -> Cells:
    """The same from the prediction of a table, in which each output has its entries in a row."""
    found: list[Sequence[Any]] = []
    for output in outputs:
        entries = predicted[output.name]
        if [column.kind for column in output.columns] == ["number"] and np.ndim(entries) == 1:
            found.append(np.asarray(entries, np.float64).tolist())
        else:
            found += zip(*(output.cells(entry) for entry in entries), strict=True)
    return found


def _output(
    name: str, value: Value, known: Result, labels: Labels, written: type[Format]
) -> Output:
    shape = written.shape
    if known.kind == "image" and written.takes_pictures:
        return Output(name, (Column(name, "picture"),), lambda found: [found])
    if known.kind == "image":
        remedy = "write pictures of files into a folder: -o FOLDER"
        raise usage_error(f"output '{name}' is an image, which a table can't hold", remedy)
    if (kind := _SCALARS.get(known.kind)) is not None:
        return Output(name, (Column(name, kind),), lambda found: [_plain(found)])
    if shape == "values":
        return Output(name, (Column(name, "value"),), lambda found: [_as_json(found)])
    if known.kind == "dictionary" and (keys := known.keys or (() if known.part else labels)):
        columns = tuple(Column(f"{name}[{key}]", "number") for key in keys)
        return Output(name, columns, lambda found: [found.get(key) for key in keys])
    dims = value.type.shape[1 if known.batch == "added" else 0 :]
    sizes = tuple(size for size in dims if isinstance(size, int))
    if not known.is_array or len(sizes) < len(dims):
        return Output(name, (Column(name, "text"),), lambda found: [_json(found)])
    if shape == "lists":
        column = Column(name, "list", value.type.dtype.numpy.str)
        return Output(name, (column,), lambda found: [found])
    if (count := int(np.prod(sizes))) > _MOST:
        message = f"output '{name}' has {count:,} elements, too many for columns"
        raise usage_error(message, "write a .parquet or .jsonl file")
    columns = tuple(Column(column, _kind_of(value)) for column in element_names(name, sizes))
    return Output(name, columns, _elements)


def _kind_of(value: Value) -> Kind:
    dtype = value.type.dtype.numpy
    if dtype.kind == "O":
        return "text"
    return "number" if dtype.kind == "f" else "integer"


def _elements(found: Any) -> list[Any]:
    """The elements of an array as Python's own; of floats, the shortest text that means the same.

    That is the text of as many bits as the elements have.
    """
    return _numbers(np.ravel(found)).tolist()


def _numbers(array: Array) -> Array:
    if array.dtype.kind == "f" and array.dtype != np.float64:
        return np.array([float(str(cell)) for cell in array.flat]).reshape(array.shape)
    return array


def _plain(cell: Any) -> Any:
    """A label or a number as Python's own."""
    return _numbers(np.asarray(cell)).item() if isinstance(cell, np.generic | np.ndarray) else cell


def _as_json(found: Any) -> Any:
    """What JSON has in place of an array or a dictionary."""
    if isinstance(found, np.ndarray):
        return _numbers(found).tolist()
    return dict(_entries(found)) if isinstance(found, Mapping) else found


def _json(found: Any) -> str:
    """A dictionary or a list in one cell."""
    return json.dumps(_as_json(found), ensure_ascii=False)


def _entries(found: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, number in found.items():
        yield str(key), number
