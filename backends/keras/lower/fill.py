"""Tensors made from a few numbers, and bands of matrices."""

import numpy as np

from ....ir.dialects.builtin import constant, splat_of
from ....ir.dialects.core import fill as core
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from ...refusals import require, require_fixed
from ..dialect import ops
from .linear import transposed
from .shape import DYNAMIC

lower = Lowering()


@lower(core.BandPart)
def band_part(op: core.BandPart) -> Value:
    """The part that is neither above the upper diagonal nor below the lower one."""
    rank = op.x.type.rank
    last = (rank - 2, rank - 1)
    if {op.rows, op.columns} == set(last):
        return _band(op, op.x, turned=op.rows > op.columns)
    others = tuple(axis for axis in range(rank) if axis not in (op.rows, op.columns))
    order = (*others, op.rows, op.columns)
    back = tuple(order.index(axis) for axis in range(rank))
    return transposed(_band(op, transposed(op.x, order), turned=False), back)


def _band(op: core.BandPart, x: Value, *, turned: bool) -> Value:
    """`turned` if rows are the last dimension."""
    below, above = (op.upper, op.lower) if turned else (op.lower, op.upper)
    rows, columns = x.type.shape[-2:]
    if _removes(above, columns):
        x = ops.Tril(x, _within(above, rows), result_types=x.type).result
    if _removes(below, rows):
        x = ops.Triu(x, -_within(below, columns), result_types=x.type).result
    return x


def _removes(distance: int, extent: Dim) -> bool:
    """Whether anything is farther from the diagonal, on the side of this dimension."""
    return distance < core.NO_LIMIT and not (isinstance(extent, int) and distance >= extent - 1)


def _within(distance: int, extent: Dim) -> int:
    """The distance, clipped: a negative one beyond the other side removes nothing more."""
    return max(distance, -extent) if isinstance(extent, int) else distance


@lower(core.Range1d)
def range_1d(op: core.Range1d) -> Value:
    """start + step * (0, 1, …), if the number of elements is known."""
    out = op.result.type
    require_fixed(is_static(op.dims), "a Keras model's input can't determine the length of a range")
    positions = constant(np.arange(out.static_shape[0]).astype(out.dtype.numpy))
    steps = ops.Multiply(op.step, positions, result_types=out).result
    return ops.Add(op.start, steps, result_types=out).result


@lower(core.BroadcastLike)
def broadcast_like(op: core.BroadcastLike) -> Value:
    """x, combined with ones in the shape of `like`: computed shapes have no place in a model."""
    x, out = op.x, op.result.type
    if out.is_static:
        return ops.BroadcastTo(x, out.static_shape, result_types=out).result
    require(out.dtype is not DType.STR, "Keras has no strings to broadcast")
    number = splat_of(x)
    if number in (0, 1) and out.dtype is not DType.BOOL:
        like = ops.OnesLike if number else ops.ZerosLike
        return like(op.like, dtype=out.dtype, result_types=out).result
    ones = ops.OnesLike(op.like, dtype=out.dtype, result_types=out).result
    call = ops.LogicalAnd if out.dtype is DType.BOOL else ops.Multiply
    return call(x, ones, result_types=out).result


@lower(core.DynamicTile)
def dynamic_tile(op: core.DynamicTile) -> Value:
    """As often as the known shapes say."""
    known = [
        count
        for extent, dim in zip(op.x.type.shape, op.dims, strict=True)
        if (count := _repetitions(extent, dim)) is not None
    ]
    whole = len(known) == len(op.dims)
    require_fixed(whole, "Keras code can't repeat a dimension a computed number of times")
    return ops.Tile(op.x, tuple(known), result_types=op.result.type).result


def _repetitions(extent: Dim, dim: Dim) -> int | None:
    """How often a dimension is repeated; None if that is not known."""
    if extent == dim:
        return 1
    if isinstance(extent, int) and isinstance(dim, int) and extent:
        return dim // extent
    return None


@lower(core.DynamicBroadcastTo)
def dynamic_broadcast_to(op: core.DynamicBroadcastTo) -> Value:
    """The shape has only numbers."""
    out = op.result.type
    require_fixed(out.is_static, DYNAMIC)
    return ops.BroadcastTo(op.x, out.static_shape, result_types=out).result
