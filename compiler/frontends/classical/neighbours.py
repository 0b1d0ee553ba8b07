"""Nearest neighbours (NearestNeighbors.proto)."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import Equal, Mul, RealDiv, Select, Square, Sub
from ....ir.dialects.core.fill import BroadcastLike
from ....ir.dialects.core.index import Gather, GatherAlongAxis, OneHot
from ....ir.dialects.core.reduce import ReduceArgmax, ReduceMax, ReduceSum
from ....ir.dialects.core.reshaping import ExpandDims, Squeeze
from ....ir.dialects.core.sort import Topk
from ....ir.interface import Labels
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ..values import cast
from .classes import classified
from .context import ModelContext, ModelRules

rules = ModelRules("neighbours")


@rules("kNearestNeighborsClassifier")
def classifier(cx: ModelContext) -> None:
    """The label with the most votes of the nearest samples.

    Labels are those of samples, one each. The number of neighbours is the default value: its range
    says what applications may choose. Where there are fewer samples, all vote. A kd-tree is another
    way to find the same samples. Points are compared as float32, which the samples are.

    What the specification leaves open: of labels with as many votes, that of the nearest sample
    wins; of samples at the same distance, the first is the nearest; and the probability of a label
    is its share of the votes, 0 for one without a vote.
    """
    message, x = cx.message, cx.vector()
    samples, names = _samples(cx, x.type.static_shape[1]), cx.interface.class_labels
    cx.require(
        len(names) == len(samples),
        f"the model has {len(names)} labels for {len(samples)} samples",
    )
    _check_default(cx)
    k = message.numberOfNeighbors.defaultValue
    cx.require(k >= 1, f"the model takes {k} neighbours, not 1 or more")
    scheme = message.WhichOneof("WeightingScheme")
    cx.require(scheme is not None, "the model has no weighting scheme")
    if not len(samples):
        _without_samples(cx, x)
        return
    labels: Labels = tuple(dict.fromkeys(names))  # pyright: ignore[reportAssignmentType]
    distances = _distances(cx, x, samples)
    near, found = Topk(distances, k=min(k, len(samples)), axis=1, ascending=True).results
    position = {label: index for index, label in enumerate(labels)}
    of_samples = np.array([position[name] for name in names], np.int32)
    classes = Gather(constant(of_samples, "sample_classes"), found, axis=0).result
    votes = OneHot(classes, size=len(labels), dtype=DType.F64).result
    if scheme == "inverseDistanceWeighting":
        votes = Mul(votes, ExpandDims(_inverse(near), (2,)).result).result
    totals = ReduceSum(votes, axes=(1,)).result
    shares = RealDiv(totals, ReduceSum(totals, axes=(1,), keep_dims=True).result).result
    classified(cx, labels, shares, _nearest_of_best(totals, classes))


def _samples(cx: ModelContext, features: int) -> Array:
    """The samples, [V, F] f32."""
    index = cx.message.nearestNeighborsIndex
    count = index.numberOfDimensions
    cx.require(
        count == features, f"the inputs have {features} elements, the model {count} dimensions"
    )
    for position, sample in enumerate(index.floatSamples):
        have = len(sample.vector)
        message = f"sample {position} has {have} elements, the model {count} dimensions"
        cx.require(have == count, message)
    has_distance = index.WhichOneof("DistanceFunction") is not None
    cx.require(has_distance, "the model has no distance function")
    rows = [sample.vector for sample in index.floatSamples]
    return np.array(rows, np.float32).reshape(len(rows), features)


def _check_default(cx: ModelContext) -> None:
    """Refuse a default label of another type than the labels have."""
    names, default = cx.interface.class_labels, cx.message.WhichOneof("DefaultClassLabel")
    if names and default is not None:
        agree = isinstance(names[0], str) == (default == "defaultStringLabel")
        cx.require(agree, "the model's labels and its default label differ in type")


def _without_samples(cx: ModelContext, x: Value) -> None:
    """The default label, whatever the inputs are."""
    default = cx.message.WhichOneof("DefaultClassLabel")
    if default is None:
        cx.fail("the model has neither samples nor a default label")
    if any(feature.kind == "dictionary" for feature in cx.interface.outputs):
        message = "what probabilities are without samples is not documented"
        cx.fail(message, kind="unsupported", remedy="declare the label alone as an output")
    one = constant(np.ones((1, 1)))
    row = BroadcastLike(one, ReduceSum(x, axes=(1,), keep_dims=True).result).result
    classified(cx, (getattr(cx.message, default),), row)


def _distances(cx: ModelContext, x: Value, samples: Array) -> Value:
    """The squared Euclidean distance to each sample, [1, V] f64."""
    single = cast(cast(x, DType.F32), DType.F64)
    apart = Sub(ExpandDims(single, (1,)).result, cx.weight(samples, "samples")).result
    return ReduceSum(Square(apart).result, axes=(2,)).result


def _inverse(distances: Value) -> Value:
    """1 / distance, of the model's distance function; where it is 0, 1, and then 0 for others."""
    zero, one = constant(np.asarray(0.0)), constant(np.asarray(1.0))
    is_same = Equal(distances, zero).result
    same = cast(is_same, DType.F64)
    has_same = Equal(ReduceMax(same, axes=(1,), keep_dims=True).result, one).result
    inverse = RealDiv(one, Select(is_same, one, distances).result).result
    return Select(BroadcastLike(has_same, is_same).result, same, inverse).result


def _nearest_of_best(totals: Value, classes: Value) -> Value:
    """The class of the nearest sample among those of the classes with the most votes, [1] i32.

    Args:
        totals: votes of each class, [1, K].
        classes: of the neighbours, the nearest first, [1, k].
    """
    own = GatherAlongAxis(totals, classes, axis=1).result
    first = ExpandDims(ReduceArgmax(own, axis=1).result, (1,)).result
    return Squeeze(GatherAlongAxis(classes, first, axis=1).result, (1,)).result
