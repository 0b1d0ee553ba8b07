"""All weights of a model of any type."""

from collections.abc import Iterator
from dataclasses import replace

from ...ir.diagnostics import CompileError, Diagnostic
from ..source.reading import ModelSource
from ..source.spec import model_kind, parts
from .stored_weights import StoredWeight
from .table import weight_reader


def weights_of(source: ModelSource) -> list[StoredWeight]:
    """Every weight of a model, with unique names; those of a pipeline's models in order.

    Raises:
        CompileError: there are no weights, or damaged ones.
    """
    found: dict[str, StoredWeight] = {}
    for weight in _weights(source):
        name, number = weight.name, 1
        while name in found:  # networks may have layers with the same name
            number += 1
            name = f"{weight.name}_{number}"
        found[name] = replace(weight, name=name)
    if not found:
        kind = model_kind(source.spec)
        message = f"the model has no weights: it is of type {kind}"
        raise CompileError(Diagnostic(message, "unsupported", subject=kind))
    return list(found.values())


def _weights(source: ModelSource) -> Iterator[StoredWeight]:
    models = list(parts(source.spec))
    for position, model in enumerate(models):
        prefix = f"models[{position - 1}]." if len(models) > 1 else ""
        if (read := weight_reader(model_kind(model))) is not None:
            yield from read(replace(source, spec=model), prefix)
