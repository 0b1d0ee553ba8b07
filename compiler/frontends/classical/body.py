"""Functions for models: one for a model, and one for each model inside a pipeline."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ....ir.dialects.builtin import Call, Return
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Function, Module
from ....ir.weights.resources import Origin
from ...options import Options
from ...source.interface import Interface
from ...source.reading import ModelSource
from .forms import Form


@dataclass(frozen=True)
class Place:
    """A model: where it is, and what is imported with it.

    Attributes:
        spec: the model.
        interface: its description.
        where: its place in the file.
        origin: what its weights derive their origins from.
    """

    spec: Any
    interface: Interface
    where: InModel
    origin: Origin


@dataclass(frozen=True)
class Body:
    """A module in the making.

    Attributes:
        module: gets a private function for each model inside a pipeline.
        source: the file, of which weights are read.
        options: how networks and programs inside pipelines are imported.
        flexible: whether flexible inputs keep their open dimensions.
    """

    module: Module
    source: ModelSource
    options: Options
    flexible: bool

    def add(self, function: Function, name: str) -> None:
        """Add a private function, under a name of its own."""
        taken, found, number = self.module.functions, name, 1
        while found in taken or found == "main":
            number += 1
            found = f"{name}_{number}"
        function.name, function.public = found, False
        taken[found] = function


Lower = Callable[[Place, Mapping[str, Form], Function], Mapping[str, Form]]


def called(
    body: Body, place: Place, given: Mapping[str, Form], lower: Lower
) -> tuple[Call, dict[str, Form]]:
    """A detached call of a new private function for a model, and its outputs.

    Args:
        body: gets the function.
        place: the model.
        given: its inputs, outside of the function.
        lower: makes its outputs inside.
    """
    rows = [(name, value) for name, form in given.items() for value in form.values]
    names = _distinct(name for name, _ in rows)
    function = Function("", [value.type for _, value in rows], names)
    body.add(function, place.where.name)
    arguments = iter(function.arguments)
    inside = {n: form.of([next(arguments) for _ in form.values]) for n, form in given.items()}
    made = lower(place, inside, function)
    outputs = {f.name: made[f.name] for f in place.interface.outputs if f.name in made}
    results = [value for form in outputs.values() for value in form.values]
    adopt(results, function.block, location=place.where)
    function.block.insert(Return(tuple(results)))
    call = Call.to(function, *(value for _, value in rows))
    back = iter(call.results)
    return call, {n: form.of([next(back) for _ in form.values]) for n, form in outputs.items()}


def _distinct(names: Iterable[str]) -> list[str]:
    """Names of arguments: those of features, numbered where a feature is several values."""
    found: dict[str, None] = {}
    for name in names:
        inner, number = name, 1
        while inner in found:
            number += 1
            inner = f"{name}_{number}"
        found[inner] = None
    return list(found)
