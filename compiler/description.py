"""A model's interface and metadata as plain data, for people and programs."""

import math
from typing import Any

from ..ir.interface import Description
from ..ir.ssa import Function, Module, Value
from .binding import inputs_of, outputs_of, states_of


def describe(module: Module) -> dict[str, Any]:
    """The interface for readers of a SavedModel: `assets.extra/cmlc.json`."""
    found = {"model": module.name, **module.attributes, **_described(module.main)}
    if len(module.public_functions) > 1:
        found["functions"] = {name: _described(f) for name, f in module.public_functions.items()}
    return found


def _portable(fact: Any) -> Any:
    """A fact as JSON has it: numbers that it lacks are text, which `float` reads."""
    is_number = not isinstance(fact, float) or math.isfinite(fact)
    return fact if is_number else {"nan": "NaN", "inf": "Infinity"}.get(str(fact), "-Infinity")


def _described(function: Function) -> dict[str, Any]:
    def entry(name: str, value: Value, known: Description) -> dict[str, Any]:
        entries = {key: _portable(fact) for key, fact in known.entries().items()}
        return {"name": name, "type": str(value.type), **entries}

    found: dict[str, Any] = {
        "inputs": [entry(value.name, value, known) for value, known in inputs_of(function)],
        "outputs": [entry(*row) for row in outputs_of(function)],
    }
    if states := [entry(value.name, value, known) for value, known in states_of(function)]:
        found["states"] = states
    for key, fact in function.classifier.entries().items():
        found[key] = list(fact) if isinstance(fact, tuple) else fact
    return found
