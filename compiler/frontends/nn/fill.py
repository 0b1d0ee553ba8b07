"""Layers that make tensors from a few numbers: fills, broadcasts, ranges; bands of matrices."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import fill as core
from ....ir.dialects.core.shape import BroadcastTo
from ....ir.dim_values import known_dims
from ....ir.dims import is_static
from ....ir.ssa import Value
from ..ranges import range_between
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, scalar_of

rules = LayerRules("fill")


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
    return core.BroadcastLike(x, like).result


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
    return range_between(cx, start, end, step, lambda: cx.fresh_symbol(0))


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
