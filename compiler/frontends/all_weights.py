"""All weights of a model of any type."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ...ir.diagnostics import CompileError, Diagnostic
from ..source.reading import ModelSource
from ..source.spec import model_kind, models_in
from .stored_weights import Stored, StoredWeight, Unread
from .table import weight_reader


@dataclass(frozen=True)
class AllWeights:
    """What `weights_of` finds.

    Attributes:
        weights: with unique names; those of a pipeline's models in order.
        unread: what can't be read.
    """

    weights: list[StoredWeight] = field(default_factory=list[StoredWeight])
    unread: list[Unread] = field(default_factory=list[Unread])


def weights_of(source: ModelSource) -> AllWeights:
    """Every weight of a model, and of the models inside it.

    Raises:
        CompileError: there are no weights, or damaged ones.
    """
    found: dict[str, StoredWeight] = {}
    unread: list[Unread] = []
    for weight in _weights(source, ""):
        if isinstance(weight, Unread):
            unread.append(weight)
            continue
        name, number = weight.name, 1
        while name in found:  # networks may have layers with the same name
            number += 1
            name = f"{weight.name}_{number}"
        found[name] = replace(weight, name=name)
    if not found:
        kind = model_kind(source.spec)
        reason = "".join(f"; {one.kind}: {one.reason}" for one in unread[:1])
        message = f"the model has no weights: it is of type {kind}{reason}"
        raise CompileError(Diagnostic(message, "unsupported", subject=kind))
    return AllWeights(list(found.values()), unread)


def _weights(source: ModelSource, prefix: str) -> Iterator[Stored]:
    """Those of a model and of the models inside it, whose names begin with their place."""
    if (read := weight_reader(model_kind(source.spec))) is not None:
        yield from read(source, prefix)
    for index, model in enumerate(models_in(source.spec)):
        yield from _weights(replace(source, spec=model), f"{prefix}models[{index}].")
