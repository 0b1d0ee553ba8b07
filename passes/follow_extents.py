"""Positions that are computed from extents follow the tensors that have them."""

from dataclasses import dataclass

import numpy as np

from ..ir.dialects.builtin import array_of, constant, splat_of
from ..ir.dialects.core import elementwise, fill, index, shape
from ..ir.dialects.core.sort import Cumsum
from ..ir.dim_values import known_dims
from ..ir.dims import Dim
from ..ir.ssa import Value
from ..ir.types import Array, DType
from .canonicalize.fill import measured
from .manager import PatternPass
from .patterns import Rewrite, no, pattern


@pattern(shape.DynamicSlice)
def slice_along_a_tensor(op: shape.DynamicSlice) -> Rewrite:
    """dynamic_slice(x, 0, extent of y) → gather(x, positions along y)."""
    begin, end = known_dims(op.begin), known_dims(op.end)
    if begin is None or end is None or set(op.stride) != {1}:
        return no("where it begins and ends is not known, or it has strides")
    value = op.x
    for axis, (extent, dim) in enumerate(zip(op.x.type.shape, op.dims, strict=True)):
        first = 0 if op.begin_mask[axis] else begin[axis]
        last = extent if op.end_mask[axis] else end[axis]
        if first != 0 or last != dim:
            return no("it doesn't begin at 0, or its extent is another")
        if dim == extent:
            continue
        positions = _positions(dim, op.end)
        if positions is None:
            return no("no tensor that it depends on has its extent")
        value = _taken(value, positions, axis)
    return _repeated(op) or value


def _repeated(op: shape.DynamicSlice) -> Value | None:
    """One number everywhere, in the shape of a tensor that has the slice's."""
    number = splat_of(op.x)
    likes = (like for like in measured(op.end) if like.type.shape == op.dims)
    like = next(likes, None)
    if number is None or like is None:
        return None
    one = constant(np.asarray(number, op.x.type.dtype.numpy))
    return fill.BroadcastLike(one, like).result


@pattern(fill.Range1d)
def range_along_a_tensor(op: fill.Range1d) -> Rewrite:
    """range(0, extent of y, 1) → positions along y."""
    ends = [known_dims(value) for value in (op.start, op.end, op.step)]
    if isinstance(op.dims[0], int) or ends != [(0,), op.dims, (1,)]:
        return no("it doesn't count from 0 to an open extent")
    positions = _positions(op.dims[0], op.end)
    if positions is None:
        return no("no tensor that it depends on has its extent")
    dtype = op.start.type.dtype
    return positions if dtype is DType.I32 else elementwise.Cast(positions, dtype).result


def _positions(dim: Dim, computed: Value) -> Value | None:
    """0, 1, … up to an extent that a tensor has whose shape a value is computed of."""
    for like in measured(computed):
        if dim not in like.type.shape:
            continue
        one = constant(np.ones((), np.int32))
        along = _one_row(like, like.type.shape.index(dim))
        return Cumsum(fill.BroadcastLike(one, along).result, exclusive=True).result
    return None


def _one_row(like: Value, axis: int) -> Value:
    """A vector of the elements along one dimension, the first ones of all others."""
    others = tuple(i for i in range(like.type.rank) if i != axis)
    if not others:
        return like
    row = shape.SliceByIndex(
        like,
        begin=(0,) * like.type.rank,
        end=(1,) * like.type.rank,
        stride=(1,) * like.type.rank,
        begin_mask=(1,) * like.type.rank,
        end_mask=tuple(int(i == axis) for i in range(like.type.rank)),
    )
    return shape.Squeeze(row.result, others).result


def _taken(x: Value, positions: Value, axis: int) -> Value:
    """x at the positions along a dimension; the positions, if x has just them there."""
    array = array_of(x)
    if array is None or not _counts(array, axis):
        return index.Gather(x, positions, axis).result
    others = tuple(i for i in range(array.ndim) if i != axis)
    counted = shape.ExpandDims(positions, others).result if others else positions
    if x.type.dtype is not DType.I32:
        counted = elementwise.Cast(counted, x.type.dtype).result
    sizes = x.type.shape
    wanted = tuple(counted.type.shape[axis] if i == axis else d for i, d in enumerate(sizes))
    return counted if counted.type.shape == wanted else shape.BroadcastTo(counted, wanted).result


def _counts(array: Array, axis: int) -> bool:
    """Whether an array has the positions along a dimension for its elements."""
    if array.dtype.kind not in "iu" or array.shape[axis] < 2:
        return False
    indices: Array = np.indices(array.shape)[axis]
    return np.array_equal(array, indices)


@dataclass(frozen=True)
class FollowExtents(PatternPass):
    """Replace ranges and slices up to a computed extent by positions along a tensor that has it.

    For targets that don't compute with shapes: the positions are running sums of ones.
    """

    name = "follow-extents"
    patterns = (slice_along_a_tensor, range_along_a_tensor)
