"""Predictions as the columns of a table."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....compiler.binding import outputs_of
from ....ir.diagnostics import usage_error
from ....ir.interface import Labels, Result
from ....ir.ssa import Function, Value
from .files import Column, Kind
from .inputs import element_names

Cells = Callable[[Any], Sequence[Any]]


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
    cells: Cells


def outputs_to(function: Function) -> tuple[Output, ...]:
    """How a model's outputs are written.

    Args:
        function: as imported, whose results are those of one row.

    Raises:
        CompileError: a table can't hold an output.
    """
    labels = function.classifier.class_labels
    rows = (row for row in outputs_of(function) if row[2].part != "present")
    found = {known.feature or name: (name, value, known) for name, value, known in rows}
    return tuple(_output(name, value, known, labels) for name, (_, value, known) in found.items())


def row_of(outputs: Sequence[Output], predicted: Mapping[str, Any]) -> list[Any]:
    """The cells of one prediction."""
    return [cell for output in outputs for cell in output.cells(predicted[output.name])]


def _output(name: str, value: Value, known: Result, labels: Labels) -> Output:
    if known.kind == "image":
        raise usage_error(f"output '{name}' is an image, which a table can't hold")
    if known.kind == "dictionary" and (keys := known.keys or (() if known.part else labels)):
        columns = tuple(Column(f"{name}[{key}]", "number") for key in keys)
        return Output(name, columns, lambda found: [found.get(key) for key in keys])
    if known.kind in ("string", "int64", "double"):
        kind: Kind = {"string": "text", "int64": "integer", "double": "number"}[known.kind]  # type: ignore[assignment]
        return Output(name, (Column(name, kind),), lambda found: [_plain(found)])
    shape = value.type.shape[1 if known.batch == "added" else 0 :]
    sizes = tuple(size for size in shape if isinstance(size, int))
    if known.is_array and len(sizes) == len(shape):
        kind = _kind_of(value)
        columns = tuple(Column(column, kind) for column in element_names(name, sizes))
        return Output(name, columns, lambda found: [_plain(x) for x in np.ravel(found)])
    return Output(name, (Column(name, "text"),), lambda found: [_json(found)])


def _kind_of(value: Value) -> Kind:
    dtype = value.type.dtype.numpy
    if dtype.kind == "O":
        return "text"
    return "number" if dtype.kind == "f" else "integer"


def _plain(cell: Any) -> Any:
    """A number as Python's own; of floats of fewer bits, the shortest text that means the same."""
    if isinstance(cell, np.floating) and not isinstance(cell, np.float64):
        return float(str(cell))
    return cell.item() if isinstance(cell, np.generic | np.ndarray) else cell


def _json(found: Any) -> str:
    """A dictionary or a list in one cell."""
    plain = found.tolist() if isinstance(found, np.ndarray) else found
    if isinstance(plain, Mapping):
        plain = dict(_entries(plain))
    return json.dumps(plain, ensure_ascii=False)


def _entries(found: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, number in found.items():
        yield str(key), number
