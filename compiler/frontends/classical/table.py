"""All types of models that this package lowers, and how they take their inputs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from ....ir.interface import Detected, Labels
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
from .context import Missing, ModelType

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


def takes_missing(spec: Any, interface: Interface) -> frozenset[str]:
    """The inputs in which NaN is a missing value to all models that see it, not a number."""
    if not any(_nan_is(part) == "missing" for part in parts(spec)):
        return frozenset()
    names = frozenset(feature.name for feature in interface.inputs)
    missing, numbers = _seen(spec, {name: frozenset((name,)) for name in names})
    return missing - numbers


_Names: TypeAlias = frozenset[str]


def _seen(spec: Any, carried: dict[str, _Names]) -> tuple[_Names, _Names]:
    """The inputs whose NaN some model takes as missing, and those whose NaN is a number to one.

    Args:
        spec: the model.
        carried: by the names of features, the inputs whose NaN they have. A pipeline's models add
            their outputs.
    """
    kind, interface = model_kind(spec), read_interface(spec)
    nothing: _Names = frozenset()
    given = nothing.union(*(carried.get(one.name, nothing) for one in interface.inputs))
    if kind in PIPELINES:
        parts_seen = [_seen(inner, carried) for inner in models_in(spec)]
        ends = nothing.union(*(carried.get(one.name, nothing) for one in interface.outputs))
        numbers = ends.union(*(numbers for _, numbers in parts_seen))
        return nothing.union(*(missing for missing, _ in parts_seen)), numbers
    what = _nan_is(spec)
    passed = given if what == "passed on" else nothing
    carried |= {feature.name: passed for feature in interface.outputs}
    return given if what == "missing" else nothing, given if what == "a number" else nothing


def _nan_is(spec: Any) -> Missing:
    """What NaN is to one model, not to those inside it."""
    kind = model_kind(spec)
    return MODELS[kind].missing(getattr(spec, kind)) if kind in MODELS else "a number"


class Detections(NamedTuple):
    """What a detector's outputs say of boxes.

    Attributes:
        labels: what the columns of the confidences mean; empty if that isn't said.
        outputs: which outputs it is about, by name.
    """

    labels: Labels = ()
    outputs: Mapping[str, Detected] = MappingProxyType({})


KeyType: TypeAlias = Literal["string", "int64"]


def listed_keys(spec: Any) -> dict[str, KeyType]:
    """What keys the dictionaries have that a vectorizer takes, by the input: those of its list.

    coremltools declares strings where scikit-learn's vectorizer was trained on integers, and its
    tests on macOS give integers (test_int_features_in_pipeline).
    """
    kind = model_kind(spec)
    if kind == "dictVectorizer":
        is_number = spec.dictVectorizer.WhichOneof("Map") == "int64ToIndex"
        return {f.name: "int64" if is_number else "string" for f in spec.description.input}
    found: dict[str, KeyType] = {}
    made: set[str] = set()
    for inner in models_in(spec):
        own = listed_keys(inner)
        found |= {name: key for name, key in own.items() if name not in made | found.keys()}
        made |= {feature.name for feature in inner.description.output}
    return found


def detections(spec: Any) -> Detections:
    """What a model finds boxes with; nothing if it isn't a detector.

    Outputs that a later model of a pipeline makes anew are not a detector's.
    """
    found = Detections()
    for part in parts(spec):
        kind = model_kind(part)
        if kind == "nonMaximumSuppression":
            message = part.nonMaximumSuppression
            which = message.WhichOneof("ClassLabels")
            labels = tuple(getattr(message, which).vector) if which else ()
            coordinates = message.coordinatesOutputFeatureName
            confidence = message.confidenceOutputFeatureName
            found = Detections(labels, {coordinates: "coordinates", confidence: "confidence"})
        elif kind not in PIPELINES:
            anew = {feature.name for feature in part.description.output}
            kept = {name: what for name, what in found.outputs.items() if name not in anew}
            found = found._replace(outputs=kept)
    return found


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
