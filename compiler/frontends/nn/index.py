"""Layers that index by computed indices."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import index as core
from ....ir.dialects.core import scatter
from ....ir.dialects.core.scatter import ScatterMode
from ....ir.ssa import Value
from .. import ranges
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, extent_of, floats, known_dim, scalar_of

rules = LayerRules("index")

_MODES = (
    *(ScatterMode.UPDATE, ScatterMode.ADD, ScatterMode.SUB, ScatterMode.MUL),
    *(ScatterMode.DIV, ScatterMode.MAX, ScatterMode.MIN),
)


@rules("gather")
def gather(cx: LayerContext, p: Any) -> Result:
    """Gather slices of the first input along an axis at the indices in the second."""
    cx.expect_inputs(2)
    data, indices = cx.inputs
    return core.Gather(data, integers(indices), axis=int(p.axis)).result


@rules("gatherAlongAxis")
def gather_along_axis(cx: LayerContext, p: Any) -> Result:
    """Gather elements of the first input along an axis at the indices in the second."""
    cx.expect_inputs(2)
    data, indices = cx.inputs
    return core.GatherAlongAxis(data, integers(indices), axis=int(p.axis)).result


@rules("gatherND")
def gather_nd(cx: LayerContext, p: Any) -> Result:
    """Gather slices of the first input at the multi-indices in the second."""
    cx.expect_inputs(2)
    data, indices = cx.inputs
    return core.GatherNd(data, integers(indices)).result


def _scatter(make: Callable[..., Any], has_axis: bool) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        cx.expect_inputs(3)
        cx.require(0 <= p.mode < len(_MODES), f"has an unknown mode {p.mode}")
        container, indices, updates = cx.inputs
        given: dict[str, Any] = {"axis": int(p.axis)} if has_axis else {}
        return make(container, integers(indices), updates, mode=_MODES[p.mode], **given).result

    return rule


rules.add("scatter", _scatter(scatter.Scatter, has_axis=True))
rules.add("scatterND", _scatter(scatter.ScatterNd, has_axis=False))
rules.add("scatterAlongAxis", _scatter(scatter.ScatterAlongAxis, has_axis=True))


@rules("oneHot")
def one_hot(cx: LayerContext, p: Any) -> Result:
    """One-hot vectors of the indices in the input; a second input may give their size."""
    cx.expect_inputs(1, 2)
    indices, axis = integers(cx.input), int(p.axis)
    on, off = cx.number(p.onValue), cx.number(p.offValue)
    given = cx.inputs[1:]
    size = known_dim(given[0]) if given else int(p.oneHotVectorSize)
    if isinstance(size, int):
        return core.OneHot(indices, size, axis=axis, on_value=on, off_value=off).result
    rank = indices.type.rank
    cx.require(-rank - 1 <= axis <= rank, f"has axis {axis} for {indices.type}")
    count = integers(scalar_of(cx, given[0]))
    classes = ranges.numbers_below(count, extent_of(cx, given[0]))
    hot, cold = (constant(np.asarray(number, np.float32)) for number in (on, off))
    return ranges.one_hot(indices, classes, axis, hot, cold)


@rules("reverseSeq")
def reverse_seq(cx: LayerContext, p: Any) -> Result:
    """Reverse each sequence up to its length in the second input."""
    cx.expect_inputs(2)
    data, lengths = cx.inputs
    axes = {"seq_axis": int(p.sequenceAxis), "batch_axis": int(p.batchAxis)}
    return core.ReverseSequence(data, integers(lengths), **axes).result


@rules("whereNonZero")
def where_non_zero(cx: LayerContext, p: Any) -> Result:
    """The multi-indices of elements that are not 0, one per row; their number is dynamic."""
    cx.expect_inputs(1)
    return floats(core.NonZero(cx.input, (cx.fresh_symbol(0), cx.input.type.rank)).result)


@rules("slidingWindows")
def sliding_windows(cx: LayerContext, p: Any) -> Result:
    """All windows along an axis, gathered at indices that are known at compile time."""
    cx.expect_inputs(1)
    x: Value = cx.input
    axis, size, step = int(p.axis), int(p.windowSize), int(p.step)
    rank = x.type.rank
    cx.require(-rank <= axis < rank, f"has axis {axis} for rank {rank}")
    extent = x.type.shape[axis]
    cx.require(isinstance(extent, int), "takes windows along a flexible dimension")
    assert isinstance(extent, int)
    fits = 1 <= size <= extent and step >= 1
    cx.require(fits, f"can't take windows of {size} every {step} elements from {extent}")
    starts = np.arange(0, extent - size + 1, step, dtype=np.int32)
    positions = starts[:, np.newaxis] + np.arange(size, dtype=np.int32)
    return core.Gather(x, constant(positions), axis=axis).result
