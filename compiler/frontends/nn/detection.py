"""Layers that select boxes."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import detection as core
from ....ir.ssa import Value
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, extent_of, floats, scalar_of

rules = LayerRules("detection")

_LARGEST = 2**31 - 1


@rules("NonMaximumSuppression")
def non_maximum_suppression(cx: LayerContext, p: Any) -> Result:
    """Keep the best boxes; the third to fifth input, if present, override parameters."""
    cx.expect_inputs(2, 3, 4, 5)
    data = cx.inputs[0], cx.inputs[1]
    iou = _threshold(cx, 2, p.iouThreshold)
    score = _threshold(cx, 3, p.scoreThreshold)
    if len(cx.inputs) > 4:
        most = scalar_of(cx, cx.inputs[4])
        count, most = extent_of(cx, most), integers(most)
    else:
        count = int(p.maxBoxes)
        cx.require(0 < count <= _LARGEST, f"returns {count} boxes, not 1 to {_LARGEST}")
        most = constant(np.asarray(count, np.int32))
    per_class = bool(p.perClassSuppression)
    op = core.NonMaximumSuppression(*data, iou, score, most, (count,), per_class)
    boxes, scores, indices, counts = op.results
    return boxes, scores, floats(indices), floats(counts)


def _threshold(cx: LayerContext, index: int, parameter: float) -> Value:
    if len(cx.inputs) > index:
        return scalar_of(cx, cx.inputs[index])
    return constant(np.asarray(parameter, np.float32))
