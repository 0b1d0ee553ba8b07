"""`cmlc --list-values`: the values of a model by name, at which it can be cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...ir.dialects.builtin import Constant
from ...ir.finding import ModelValues
from ...ir.interface import Description
from ...ir.location import UNKNOWN, CallSite, InModel, Location, leaves, parts
from ...ir.rewrite import clone_module
from ...ir.ssa import Function, Module, Value
from ...passes import INLINE
from ...passes.manager import parse_pipeline
from . import printing


@dataclass(frozen=True)
class Row:
    """One value.

    Attributes:
        names: each stands for it; the first is that of the blob, output or argument.
        value: what it is in the function.
        role: "input", "output", "state", or empty.
    """

    names: tuple[str, ...]
    value: Value
    role: str = ""

    @property
    def place(self) -> Location:
        """Where it is computed: a layer or operation, perhaps of a model in a pipeline."""
        op = self.value.op
        return parts(op.location)[0] if op is not None else UNKNOWN

    @property
    def layer(self) -> str:
        """The type of the layer or operation; of text, which doesn't say it, the op's name."""
        op, (place, *_) = self.value.op, leaves(self.place)
        if isinstance(place, InModel):
            return place.type
        return op.name if op is not None else ""

    @property
    def place_text(self) -> str:
        """The place for people; empty if the model has none."""
        return str(self.place) if isinstance(self.place, InModel | CallSite) else ""


def list_values(module: Module) -> dict[str, list[Row]]:
    """The values of each public function, constants left out, in the order of the model."""
    whole = clone_module(module)
    parse_pipeline(INLINE).run(whole)
    return {name: list(_rows(each)) for name, each in whole.public_functions.items()}


def _rows(function: Function) -> Iterator[Row]:
    for value, known in zip(function.arguments, function.inputs, strict=True):
        names = tuple(dict.fromkeys((value.name, *value.names)))
        yield Row(names, value, _role(known, "input"))
    results = {
        name: Row((name,), value, _role(known, "output"))
        for name, value, known in zip(
            function.result_names, function.results, function.outputs, strict=True
        )
        if known.kind != "state"
    }
    for value, names in ModelValues(function).names().items():
        if isinstance(value.op, Constant):
            continue
        if own := tuple(name for name in names if name not in results):
            yield Row(own, value)
        yield from (results.pop(name) for name in names if name in results)
    yield from results.values()


def _role(known: Description, otherwise: str) -> str:
    return "state" if known.kind == "state" else otherwise


def as_facts(row: Row) -> dict[str, Any]:
    """A value as plain data."""
    kind = row.value.type
    return {
        "name": row.names[0],
        "names": list(row.names),
        "dtype": kind.dtype.value,
        "shape": [dim if isinstance(dim, int) else str(dim) for dim in kind.shape],
        "place": row.place_text,
        "layer": row.layer,
        "role": row.role,
    }


def print_values(found: dict[str, list[Row]], *, as_json: bool) -> None:
    """Print all values, one a line, or as one JSON object."""
    if as_json:
        facts = {name: [as_facts(row) for row in rows] for name, rows in found.items()}
        printing.print_json({"ok": True, "functions": facts})
        return
    for name, rows in found.items():
        if len(found) > 1:
            print(f"@{name}")
        printing.print_rows(map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    return ", ".join(row.names), str(row.value.type), row.layer, row.place_text, row.role
