"""Indexing by computed indices."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant
from ....ir.dialects.core import index as core
from ....ir.ssa import Op, Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.Gather)
def gather(op: core.Gather) -> Value:
    """Slices along one dimension."""
    indices = positive(op, op.indices, (op.axis,))
    return tf.Gather(op.x, indices, op.axis, result_types=op.result.type).result


@lower(core.GatherAlongAxis)
def gather_along_axis(op: core.GatherAlongAxis) -> Value:
    """Gather by multi-indices, so that no dimension has to move."""
    where = along_axis(op, op.indices, op.axis)
    return tf.GatherNd(op.x, where, result_types=op.result.type).result


@lower(core.GatherNd)
def gather_nd(op: core.GatherNd) -> Value:
    """Slices at multi-indices."""
    where = positive_nd(op, op.indices)
    return tf.GatherNd(op.x, where, result_types=op.result.type).result


def along_axis(op: Op, indices: Value, axis: int) -> Value:
    """Indices along one dimension of the op's first operand as multi-indices."""
    shape = (*indices.type.shape, indices.type.rank)
    picked = positive(op, indices, (axis,))
    return tf.AlongAxis(picked, axis, result_types=indices.type.with_shape(shape)).result


def positive_nd(op: Op, indices: Value) -> Value:
    """Multi-indices into the op's first operand, without negative ones."""
    count = indices.type.shape[-1]
    assert isinstance(count, int)  # the op's own constraint
    return positive(op, indices, tuple(range(count)))


def positive(op: Op, indices: Value, axes: tuple[int, ...]) -> Value:
    """Make negative indices, which TensorFlow doesn't have, positive.

    Args:
        op: its first operand is indexed.
        indices: the indices; several axes are the last dimension.
        axes: the axes that they index.
    """
    known = array_of(indices)
    if isinstance(indices.op, tf.Argmax | tf.Argmin) or (known is not None and (known >= 0).all()):
        return indices
    dims = [op.operands[0].type.shape[axis] for axis in axes]
    sizes = [dim for dim in dims if isinstance(dim, int)]
    fixed = len(sizes) == len(dims)
    number = indices.type.dtype.numpy
    extents = np.asarray(sizes[0] if len(axes) == 1 and fixed else sizes, number)
    if known is not None and fixed:
        return constant(np.where(known < 0, known + extents, known).astype(number))
    zero = constant(np.zeros((), number))
    test = tf.Less(indices, zero, result_types=indices.type.with_dtype(DType.BOOL)).result
    dtype = indices.type.dtype
    size = constant(extents) if fixed else _extents(op.operands[0], axes, dtype)
    moved = tf.Add(indices, size, result_types=indices.type).result
    return tf.Where(test, moved, indices, result_types=indices.type).result


def _extents(x: Value, axes: tuple[int, ...], dtype: DType) -> Value:
    """Sizes at run time: one number, or one for each axis."""
    shape = tf.Shape(x, dtype, result_types=Tensor(dtype, (x.type.rank,))).result
    positions = np.asarray(axes if len(axes) != 1 else axes[0], np.int32)
    out = Tensor(dtype, positions.shape)
    return tf.Gather(shape, constant(positions), 0, result_types=out).result


@lower(core.OneHot)
def one_hot(op: core.OneHot) -> Value:
    """The numbers have the result's dtype."""
    on, off = map(constant, op.numbers())
    return tf.OneHot(op.indices, on, off, op.size, op.axis, result_types=op.result.type).result


lower.direct(core.ReverseSequence, tf.ReverseSequence, x="input", lengths="seq_lengths")


@lower(core.NonZero)
def non_zero(op: core.NonZero) -> Value:
    """TensorFlow's indices are i64, and its CPU kernel has no half precision."""
    out, x = op.result.type, op.x
    if x.type.dtype is DType.F16:
        x = tf.Cast(x, DType.F32, result_types=x.type.with_dtype(DType.F32)).result
    found = tf.WherePositions(x, result_types=out.with_dtype(DType.I64)).result
    return tf.Cast(found, DType.I32, result_types=out).result
