"""Layers that make tensors from a few numbers: fills, broadcasts, ranges; bands of matrices."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import array_of, constant
from ....ir.dialects.core import fill as core
from ....ir.dialects.core.shape import BroadcastTo, ShapeOf, Squeeze
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, bare_symbol, is_static
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, integers, layer_rules, scalar_of

rules = layer_rules("fill")


# -- broadcasts and fills --------------------------------------------------------------------------


def broadcast_to(cx: LayerContext, x: Value, extents: Value) -> Value:
    """x broadcast to a computed shape; statically if the shape is known at compile time."""
    cx.require(extents.type.rank == 1, f"takes a shape of type {extents.type}")
    known = known_dims(extents)
    if known is None:
        dims = cx.declared_dims(extents, None)
        return core.DynamicBroadcastTo(x, integers(extents), dims).result
    negative = [dim for dim in known if isinstance(dim, int) and dim < 0]
    cx.require(not negative, f"makes a tensor of shape {list(map(str, known))}")
    if is_static(known):
        return BroadcastTo(x, known).result
    return core.DynamicBroadcastTo(x, integers(extents), known).result


def _broadcast_like(x: Value, like: Value) -> Value:
    shape = like.type.shape
    if is_static(shape):
        return BroadcastTo(x, shape).result
    return core.DynamicBroadcastTo(x, ShapeOf(like).result, shape).result


def _target_shape(cx: LayerContext, p: Any) -> tuple[int, ...]:
    shape = tuple(int(size) for size in p.targetShape)
    cx.require(bool(shape), "has no target shape")
    return shape


def _value(cx: LayerContext, p: Any) -> Value:
    return constant(np.asarray(p.value, np.float32))


@rules("broadcastToStatic")
def broadcast_to_static(cx: LayerContext, p: Any) -> Result:
    """Broadcast to a fixed shape."""
    cx.expect_inputs(1)
    return BroadcastTo(cx.input, _target_shape(cx, p)).result


@rules("broadcastToLike")
def broadcast_to_like(cx: LayerContext, p: Any) -> Result:
    """Broadcast to the shape of the second input."""
    cx.expect_inputs(2)
    return _broadcast_like(*cx.inputs)


@rules("broadcastToDynamic")
def broadcast_to_dynamic(cx: LayerContext, p: Any) -> Result:
    """Broadcast to a shape in the second input."""
    cx.expect_inputs(2)
    return broadcast_to(cx, *cx.inputs)


@rules("fillLike")
def fill_like(cx: LayerContext, p: Any) -> Result:
    """Fill the input's shape with one number."""
    cx.expect_inputs(1)
    return _broadcast_like(_value(cx, p), cx.input)


@rules("fillStatic")
def fill_static(cx: LayerContext, p: Any) -> Result:
    """Fill a fixed shape with one number."""
    cx.expect_inputs(0)
    return BroadcastTo(_value(cx, p), _target_shape(cx, p)).result


@rules("fillDynamic")
def fill_dynamic(cx: LayerContext, p: Any) -> Result:
    """Fill a shape given by the input with one number."""
    cx.expect_inputs(1)
    return broadcast_to(cx, _value(cx, p), cx.input)


# -- ranges ----------------------------------------------------------------------------------------


@rules("rangeStatic")
def range_static(cx: LayerContext, p: Any) -> Result:
    """Count from start up to end, which is excluded."""
    cx.expect_inputs(0)
    return _range(cx, *map(_number, (p.startValue, p.endValue, p.stepSizeValue)))


@rules("rangeDynamic")
def range_dynamic(cx: LayerContext, p: Any) -> Result:
    """Count from start to end by steps; inputs are end, start, step, the last two optional."""
    cx.expect_inputs(1, 2, 3)
    end, *others = (scalar_of(cx, value) for value in cx.inputs)
    given = [_number(p.startValue), _number(p.stepSizeValue)]
    given[: len(others)] = others
    return _range(cx, given[0], end, given[1])


def _number(value: float) -> Value:
    return constant(np.asarray(value, np.float32))


def _range(cx: LayerContext, start: Value, end: Value, step: Value) -> Value:
    numbers = [_known_number(value) for value in (start, end, step)]
    stride = numbers[2]
    cx.require(stride != 0, "has a step of 0")
    if all(isinstance(number, float) for number in numbers):
        op = core.Range1d(start, end, step, (cx.fresh_symbol(0),))
        arrays = [np.asarray(number, np.float32) for number in numbers]
        return constant(op.evaluate(*arrays))
    # From 0 by 1 to a dimension of the model: that dimension again.
    limit = numbers[1]
    extent: Dim = cx.fresh_symbol(0)
    if numbers[0] == 0 and stride == 1 and limit is not None and _is_symbol(limit):
        extent = limit
    return core.Range1d(start, end, step, (extent,)).result


def _is_symbol(number: Any) -> bool:
    return not isinstance(number, float) and bare_symbol(number) is not None


def _known_number(value: Value) -> Any:
    """A scalar's value at compile time: a float, an expression over symbols, or None."""
    source = value.op.x if isinstance(value.op, Squeeze) else value
    array = array_of(source)
    if array is not None:
        return float(array.flat[0])
    known = known_dims(value)
    if known is None:
        return None
    return float(known[0]) if isinstance(known[0], int) else known[0]


# -- bands -----------------------------------------------------------------------------------------


@rules("matrixBandPart")
def matrix_band_part(cx: LayerContext, p: Any) -> Result:
    """Keep some diagonals below and above the main one; a negative number means all."""
    x = cx.rank_at_least(cx.input, 2)
    limits = (
        core.NO_LIMIT if count < 0 else _limit(count)
        for count in (int(p.numLower), int(p.numUpper))
    )
    return core.BandPart(x, *limits).result


@rules("lowerTriangular")
def lower_triangular(cx: LayerContext, p: Any) -> Result:
    """Keep nothing above the diagonal k."""
    x = cx.rank_at_least(cx.input, 2)
    return core.BandPart(x, upper=_limit(int(p.k))).result


@rules("upperTriangular")
def upper_triangular(cx: LayerContext, p: Any) -> Result:
    """Keep nothing below the diagonal k."""
    x = cx.rank_at_least(cx.input, 2)
    return core.BandPart(x, lower=_limit(-int(p.k))).result


def _limit(count: int) -> int:
    """The limit, clipped to the op's integers; no matrix is larger."""
    return max(-core.NO_LIMIT, min(count, core.NO_LIMIT))
