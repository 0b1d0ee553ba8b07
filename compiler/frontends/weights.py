"""All weights of a model of any type."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic
from ..source.spec import model_kind, parts
from .mil.stored_weights import stored_weights as program_weights
from .mil.walk import Weights
from .nn.stored_weights import stored_weights as network_weights
from .stored_weights import StoredWeight


def weights_of(spec: Any, files: Weights | None) -> list[StoredWeight]:
    """Every weight of a Model message, with unique names; those of a pipeline's models in order.

    Raises:
        CompileError: there are no weights, or damaged ones.
    """
    found: dict[str, StoredWeight] = {}
    for weight in _weights(spec, files):
        name, number = weight.name, 1
        while name in found:  # networks may have layers with the same name
            number += 1
            name = f"{weight.name}_{number}"
        found[name] = replace(weight, name=name)
    if not found:
        message = f"the model has no weights: it is of type {model_kind(spec)}"
        raise CompileError(Diagnostic(message, "unsupported", subject=model_kind(spec)))
    return list(found.values())


def _weights(spec: Any, files: Weights | None) -> Iterator[StoredWeight]:
    models = list(parts(spec))
    for position, model in enumerate(models):
        kind = model_kind(model)
        prefix = f"models[{position - 1}]." if len(models) > 1 else ""
        if kind == "mlProgram":
            yield from program_weights(model.mlProgram, files, prefix)
        elif kind.startswith("neuralNetwork"):
            yield from network_weights(getattr(model, kind), prefix)
