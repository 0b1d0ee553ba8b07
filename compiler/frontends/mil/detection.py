"""Selection among boxes."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import detection as core
from ....ir.dialects.core.shape import Transpose
from ....ir.ssa import Value
from ..rules import Result
from .context import MilContext, MilRules

rules = MilRules("detection")


def _suppressed(
    cx: MilContext, boxes: Value, scores: Value, score_threshold: float
) -> tuple[Value, ...]:
    count = cx.integer("max_boxes")
    cx.require(count > 0, f"returns {count} boxes, not 1 or more")
    return core.NonMaximumSuppression(
        boxes,
        scores,
        scalar(cx.number("iou_threshold"), boxes),
        scalar(score_threshold, boxes),
        constant(np.asarray(count, np.int32)),
        (count,),
        cx.flag("per_class_suppression", False),
    ).results


@rules("non_maximum_suppression")
def non_maximum_suppression(cx: MilContext) -> Result:
    """The best boxes that don't overlap, their scores, their indices, and how many there are."""
    threshold = cx.number("score_threshold")
    return _suppressed(cx, cx.value("boxes"), cx.value("scores"), threshold)


@rules("non_maximum_suppression", since=17)
def non_maximum_suppression_17(cx: MilContext) -> Result:
    """The same with the boxes last, no threshold for scores, and no count."""
    boxes, scores = (Transpose(cx.value(name), (0, 2, 1)).result for name in ("boxes", "scores"))
    boxes, scores, indices, _ = _suppressed(cx, boxes, scores, -np.inf)
    turned = (Transpose(value, (0, 2, 1)).result for value in (boxes, scores))
    return (*turned, indices)
