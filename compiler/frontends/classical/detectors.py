"""Non-maximum suppression (NonMaximumSuppression.proto): what follows a detector."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.detection import NonMaximumSuppression
from ....ir.dialects.core.elementwise import GreaterEqual, Maximum, Mul, NotEqual, Select
from ....ir.dialects.core.fill import BroadcastLike
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.reduce import ReduceMax
from ....ir.dialects.core.reshaping import ExpandDims, Reshape, Squeeze
from ....ir.dialects.core.shape import Concat, ShapeOf
from ....ir.dialects.core.slicing import DynamicSlice
from ....ir.dims import Dim
from ....ir.ssa import Value
from ....ir.types import DType
from ...source.interface import Feature, Interface
from ..values import cast
from .context import ModelContext, ModelRules
from .forms import Whole

rules = ModelRules("detectors")

_MOST_ROWS = 2**24  # a malformed file may claim more than there is memory for
_THRESHOLDS = {
    "iouThresholdInputFeatureName": "iouThreshold",
    "confidenceThresholdInputFeatureName": "confidenceThreshold",
}


def _named(message: Any) -> tuple[str, ...]:
    """The inputs of thresholds, which real models name without declaring them."""
    return tuple(name for field in _THRESHOLDS if (name := getattr(message, field)))


def _absent(message: Any, _interface: Interface) -> dict[str, float]:
    """Thresholds that aren't given are those of the model."""
    return {
        name: getattr(message, value)
        for field, value in _THRESHOLDS.items()
        if (name := getattr(message, field))
    }


def _threshold(cx: ModelContext, field: str, dtype: DType) -> Value:
    """A threshold, [], from its input if there is one, else from the model."""
    name, default = getattr(cx.message, field), getattr(cx.message, _THRESHOLDS[field])
    if name and name in cx.given:
        value = cx.whole(name)
        if value.type.rank:
            value = Reshape(value, ()).result
        return cast(value, dtype)
    return constant(np.asarray(default, dtype.numpy))


@rules("nonMaximumSuppression", entries=False, named=_named, absent=_absent)
def suppression(cx: ModelContext) -> None:
    """The best boxes, best first; the score of a box is that of its best class.

    Boxes below the confidence threshold are dropped, and then those whose intersection over union
    with a better one, of the same best class if suppression is per class, is above the other
    threshold. (The specification's comment says that such boxes are kept if their ratio is below;
    that "1.0 means no suppression" decides.) An output of a fixed number of boxes is cut, or
    filled with zeros; a range has a least and a largest number. A limit of either output is one
    of both.
    """
    message = cx.message
    for value in _THRESHOLDS.values():
        number = getattr(message, value)
        cx.require(0 <= number <= 1, f"the model's {value} is {number}, not between 0 and 1")
    scores = cx.whole(message.confidenceInputFeatureName)
    boxes = cx.whole(message.coordinatesInputFeatureName)
    dtype = DType.F32 if {scores.type.dtype, boxes.type.dtype} <= _SINGLES else DType.F64
    scores, boxes = _rows(cx, scores, dtype), _rows(cx, boxes, dtype)
    _check(cx, boxes, scores)
    count, classes = scores.type.shape
    outputs = _outputs(cx, 4, classes)
    low, high = _limits(cx, outputs)
    cx.require(low <= _MOST_ROWS, f"the outputs have {low} rows or more, above {_MOST_ROWS}")
    most = _most(cx, scores, count, low, high)
    chosen = NonMaximumSuppression(
        ExpandDims(boxes, (0,)).result,
        ExpandDims(scores, (0,)).result,
        _threshold(cx, "iouThresholdInputFeatureName", dtype),
        _threshold(cx, "confidenceThresholdInputFeatureName", dtype),
        *most,
        message.pickTop.perClass,
    )
    found = {
        message.coordinatesOutputFeatureName: Squeeze(chosen.results[0], (0,)).result,
        message.confidenceOutputFeatureName: Squeeze(chosen.results[1], (0,)).result,
    }
    threshold = chosen.score_threshold
    kept = _kept(scores, threshold, chosen.results[3])
    fixed = low == high
    for feature, value in zip(outputs, (found[f.name] for f in outputs), strict=True):
        # If no box is good enough, the op gives the best one, as the layer of networks does.
        value = Mul(value, BroadcastLike(cast(_any(scores, threshold), dtype), value).result).result
        if not fixed:
            value = _first_rows(cx, value, kept, low)
        cx.made[feature.name] = Whole(cast(value, feature.dtype or DType.F64))


_SINGLES = frozenset({DType.F32, DType.F16})


def _rows(cx: ModelContext, value: Value, dtype: DType) -> Value:
    """[N, C], also of [1, N, C]."""
    while value.type.rank > 2 and value.type.shape[0] == 1:
        value = Squeeze(value, (0,)).result
    cx.require(value.type.rank == 2, f"a row for each box is expected, not {value.type}")
    return cast(value, dtype)


def _check(cx: ModelContext, boxes: Value, scores: Value) -> None:
    count, four = boxes.type.shape
    cx.require(four == 4, f"coordinates are {boxes.type}, not four numbers a box")
    rows = scores.type.shape[0]
    fits = count == rows or not (isinstance(count, int) and isinstance(rows, int))
    cx.require(fits, f"there are {count} boxes, but confidences of {rows}")
    labels, classes = len(cx.interface.class_labels), scores.type.shape[1]
    if labels and isinstance(classes, int):
        cx.require(labels == classes, f"the model has {labels} class labels for {classes} classes")


def _outputs(cx: ModelContext, four: int, classes: Dim) -> tuple[Feature, ...]:
    message = cx.message
    named = {
        message.coordinatesOutputFeatureName: four,
        message.confidenceOutputFeatureName: classes,
    }
    declared = tuple(f for f in cx.interface.outputs if f.name in named)
    if other := [f.name for f in cx.interface.outputs if f.name not in named]:
        cx.fail(f"the model does not make the output '{other[0]}'")
    for feature in declared:
        columns, wanted = feature.shape[-1:], named[feature.name]
        is_other = columns and isinstance(wanted, int) and columns[0] not in (0, wanted)
        cx.require(
            not is_other,
            f"output '{feature.name}' is declared {list(feature.shape)}, not [N, {wanted}]",
        )
    return declared


def _limits(cx: ModelContext, outputs: tuple[Feature, ...]) -> tuple[int, int | None]:
    """The least and the largest number of boxes that all outputs allow; None for any number."""
    low, high = 0, None
    for feature in outputs:
        for least, most in _range(cx, feature):
            low = max(low, least)
            high = most if high is None else min(high, most) if most is not None else high
    return (low, high) if high is None or high >= low else (high, high)


def _range(cx: ModelContext, feature: Feature) -> Iterator[tuple[int, int | None]]:
    flexibility = feature.flexibility
    if flexibility is not None:
        ranges = flexibility.ranges
        if len(ranges) < 2:
            message = f"output '{feature.name}' has neither a range of rows nor a number of them"
            cx.fail(message, kind="unsupported", remedy="declare its shape as [N, columns]")
        yield ranges[-2]
    elif len(feature.shape) >= 2 and feature.shape[-2] > 0:
        yield feature.shape[-2], feature.shape[-2]


def _most(
    cx: ModelContext, scores: Value, count: Dim, low: int, high: int | None
) -> tuple[Value, tuple[Dim, ...]]:
    """How many rows the op makes: as many as there may be boxes, at least those to be filled."""
    if high is not None and low == high:
        return constant(np.asarray(high, np.int32)), (high,)
    if isinstance(count, int):
        rows = max(low, 1, count if high is None else min(count, high))
        return constant(np.asarray(rows, np.int32)), (rows,)
    first = constant(np.asarray(0, np.int32))
    found = cast(Gather(ShapeOf(scores).result, first, axis=0).result, DType.I32)
    found = Maximum(found, constant(np.asarray(max(low, 1), np.int32))).result
    return found, (cx.fresh("rows"),)


def _any(scores: Value, threshold: Value) -> Value:
    """Whether a score is high enough, bool[]."""
    lowest = constant(np.asarray(-np.inf, scores.type.dtype.numpy))
    clean = Select(NotEqual(scores, scores).result, lowest, scores).result
    return GreaterEqual(ReduceMax(clean, axes=(0, 1)).result, threshold).result


def _kept(scores: Value, threshold: Value, count: Value) -> Value:
    """How many boxes there are, i32[]."""
    number = Squeeze(count, (0,)).result
    return Mul(number, cast(_any(scores, threshold), DType.I32)).result


def _first_rows(cx: ModelContext, value: Value, kept: Value, low: int) -> Value:
    """The first rows: as many as there are boxes, and at least `low`."""
    rows = Maximum(kept, constant(np.asarray(low, np.int32))).result if low else kept
    end = Reshape(rows, (1,)).result
    columns = value.type.shape[1]
    zero = constant(np.zeros(2, np.int32))
    last = constant(np.asarray([0], np.int32))
    ends = Concat((end, last), axis=0).result
    return DynamicSlice(
        value,
        zero,
        ends,
        stride=(1, 1),
        begin_mask=(1, 1),
        end_mask=(0, 1),
        dims=(cx.fresh("boxes"), columns),
    ).result
