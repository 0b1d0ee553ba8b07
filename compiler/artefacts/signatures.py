"""A function for each shape that a model lists, where one function can't be for all of them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import prod

from ...ir.diagnostics import CompileError
from ...ir.interface import Sizes
from ...ir.rewrite import clone_module
from ...ir.ssa import Module
from .. import driver
from ..binding import inputs_of
from ..frontends.choices import reason_of
from ..stages import Stages

MOST = 128  # functions: as many shapes as Core ML lets one input have


def with_every_shape(stages: Stages) -> Stages:
    """The same model, with a function for each listed shape if it was compiled for one only.

    The default function has the default shape, the others are called after it and their shape. They
    share weights. A shape that can't be compiled is left out, and `fixed_shapes` says why.

    Raises:
        CompileError: the model can't be read again.
    """
    module = stages.imported
    if "fixed_shapes" not in module.attributes or len(module.public_functions) > 1:
        return stages
    if stages.watch.survey is None or not 1 < prod(map(len, _lists(module).values())) <= MOST:
        return stages
    source = driver.read(stages.stored())  # once for all, so that weights are the same
    options = stages.options
    made = clone_module(Stages(source, options).imported)
    reasons = [made.attributes.get("fixed_shapes", "")]
    for chosen in _combinations(made):
        try:
            other = Stages(source, replace(options, shapes={**options.shapes, **chosen})).imported
        except CompileError as error:
            shown = ", ".join(f"{name} {list(sizes)}" for name, sizes in chosen.items())
            reasons.append(f"not for {shown}, because of {reason_of(error)}")
            continue
        function = other.main
        shown = "_".join("x".join(map(str, sizes)) for sizes in chosen.values())
        function.name = f"{made.main.name}_{shown}"
        made.functions[function.name] = function
    made.attributes["fixed_shapes"] = "; ".join(reasons)
    made.attributes["default_function"] = made.main.name
    carried_out = ("function", "shapes", "states", "omit", "inputs", "outputs")
    return Stages(made, options.without(carried_out), stages.watch)


def _lists(module: Module) -> dict[str, tuple[Sizes, ...]]:
    """The shapes that inputs list, by name."""
    rows = inputs_of(module.main)
    return {value.name: known.enumerated_shapes for value, known in rows if known.enumerated_shapes}


def _combinations(module: Module) -> Iterator[dict[str, Sizes]]:
    """Every choice of shapes but the default ones."""
    lists = _lists(module)
    default = {
        value.name: known.shape or value.type.static_shape[1:3]
        for value, known in inputs_of(module.main)
        if value.name in lists
    }
    for sizes in product(*(dict.fromkeys(shapes) for shapes in lists.values())):
        chosen = dict(zip(lists, sizes, strict=True))
        if chosen != default:
            yield chosen
