"""All types of models that this package lowers, and how they take their inputs."""

from collections.abc import Mapping
from typing import Any

from ....ir.interface import Labels
from ...source.interface import Interface, read_interface
from ...source.spec import model_kind, models_in, parts
from . import (
    detectors,
    encoders,
    linear,
    neighbours,
    probit,
    recommender,
    scaling,
    sound,
    trees,
    vectors,
)
from .context import ModelType

FAMILIES = (
    detectors,
    encoders,
    linear,
    neighbours,
    probit,
    recommender,
    scaling,
    sound,
    trees,
    vectors,
)
MODELS: Mapping[str, ModelType] = {
    kind: known for family in FAMILIES for kind, known in family.rules.types.items()
}
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
_ENTRY_KINDS = frozenset({"double", "int64", "string", "array"})


def absent_values(spec: Any, interface: Interface) -> dict[str, float | None]:
    """What optional numbers of a model, or of one inside it, count as if they aren't given."""
    kind = model_kind(spec)
    if kind in MODELS:
        return MODELS[kind].absent(getattr(spec, kind), interface)
    found: dict[str, float | None] = {}
    if kind in PIPELINES:
        for inner in models_in(spec):
            found = absent_values(inner, read_interface(inner)) | found
    return found


def detected_labels(spec: Any) -> Labels:
    """What the columns of a detector's confidences mean; empty if that isn't said."""
    for part in parts(spec):
        if model_kind(part) == "nonMaximumSuppression":
            message = part.nonMaximumSuppression
            which = message.WhichOneof("ClassLabels")
            return tuple(getattr(message, which).vector) if which else ()
    return ()


def takes_entries(spec: Any, interface: Interface) -> bool:
    """Whether a model computes tables: every input is one value or array of a row.

    Args:
        spec: the model.
        interface: its description.
    """
    kinds = {feature.kind for feature in interface.inputs}
    leaves = [kind for kind in map(model_kind, parts(spec)) if kind not in PIPELINES]
    rows = all(kind in MODELS and MODELS[kind].entries for kind in leaves)
    return rows and bool(kinds) and kinds <= _ENTRY_KINDS
