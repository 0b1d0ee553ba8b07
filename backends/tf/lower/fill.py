"""Computed broadcasts and tiles, ranges, bands of matrices."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import fill as core
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.DynamicBroadcastTo)
def dynamic_broadcast_to(op: core.DynamicBroadcastTo) -> Value:
    """The shape is hidden from shape inference, as in `dynamic_reshape`."""
    shape = tf.Identity(op.shape, result_types=op.shape.type).result
    return tf.BroadcastToDynamic(op.x, shape, result_types=op.result.type).result


@lower(core.BroadcastLike)
def broadcast_like(op: core.BroadcastLike) -> Value:
    """To the shape of `like`, or to numbers if it is static."""
    return in_shape_of(op.like, op.x, op.result.type)


def in_shape_of(like: Value, x: Value, out: Tensor) -> Value:
    """x repeated to the shape of another value."""
    if out.is_static:
        return tf.BroadcastTo(x, out.static_shape, result_types=out).result
    shape = tf.Shape(like, result_types=Tensor(DType.I32, (out.rank,))).result
    return tf.BroadcastToDynamic(x, shape, result_types=out).result


@lower(core.DynamicTile)
def dynamic_tile(op: core.DynamicTile) -> Value:
    """Repetitions are hidden from shape inference, as in `dynamic_reshape`."""
    reps = tf.Identity(op.reps, result_types=op.reps.type).result
    return tf.TileDynamic(op.x, reps, result_types=op.result.type).result


@lower(core.Range1d)
def range_1d(op: core.Range1d) -> Value:
    """Count first: `tf.range` refuses empty ranges in the wrong direction."""
    number, out = op.start.type, op.result.type
    if number.dtype.is_float:
        way = tf.Subtract(op.end, op.start, result_types=number).result
        steps = tf.Ceil(tf.Divide(way, op.step, result_types=number).result, result_types=number)
    else:
        way = tf.Subtract(op.start, op.end, result_types=number).result
        steps = tf.Negative(
            tf.Floordiv(way, op.step, result_types=number).result, result_types=number
        )
    count = Tensor(DType.I32, ())
    whole = tf.Cast(steps.result, DType.I32, result_types=count).result
    zero = constant(np.zeros((), np.int32))
    limit = tf.Maximum(whole, zero, result_types=count).result
    positions = tf.Range(zero, limit, result_types=out.with_dtype(DType.I32)).result
    if number.dtype is not DType.I32:
        positions = tf.Cast(positions, number.dtype, result_types=out).result
    scaled = tf.Multiply(positions, op.step, result_types=out).result
    return tf.Add(scaled, op.start, result_types=out).result


@lower(core.BandPart)
def band_part(op: core.BandPart) -> Value:
    """By a mask: `tf.linalg.band_part` needs the diagonal, and limits within the shape."""
    above = _distances(op)
    inside: Value | None = None
    for distance, limit in ((above, op.upper), (_negated(above), op.lower)):
        if limit == core.NO_LIMIT:
            continue
        bits = distance.type.with_dtype(DType.BOOL)
        bound = constant(np.asarray(limit, np.int32))
        near = tf.LessEqual(distance, bound, result_types=bits).result
        both = near if inside is None else tf.LogicalAnd(inside, near, result_types=bits).result
        inside = both
    if inside is None:
        return op.x
    return tf.Where(inside, op.x, scalar(0, op.x), result_types=op.result.type).result


def _distances(op: core.BandPart) -> Value:
    """Column minus row, broadcasting to x."""
    sides = [_positions(op.x, axis) for axis in (op.columns, op.rows)]
    rank = op.x.type.rank
    shape = [op.x.type.shape[i] if i in (op.rows, op.columns) else 1 for i in range(rank)]
    return tf.Subtract(*sides, result_types=Tensor(DType.I32, tuple(shape))).result


def _positions(x: Value, axis: int) -> Value:
    """0, 1, … along one dimension, with dimensions of 1 around it."""
    rank, size = x.type.rank, x.type.shape[axis]
    sizes = tuple(-1 if i == axis else 1 for i in range(rank))
    if isinstance(size, int):
        return constant(np.arange(size, dtype=np.int32).reshape(sizes))
    shape = tf.Shape(x, result_types=Tensor(DType.I32, (rank,))).result
    limit = tf.StridedSlice(
        *(shape, (axis,), (axis + 1,), (1,)),
        shrink_axis_mask=1,
        result_types=Tensor(DType.I32, ()),
    ).result
    line = tf.Range(
        constant(np.zeros((), np.int32)), limit, result_types=Tensor(DType.I32, (size,))
    ).result
    out = Tensor(DType.I32, tuple(size if i == axis else 1 for i in range(rank)))
    return tf.Reshape(line, sizes, result_types=out).result


def _negated(value: Value) -> Value:
    return tf.Negative(value, result_types=value.type).result
