"""Slices and elements at computed indices."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import index as core
from ....ir.dims import Dim, is_static, product
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from ...refusals import require_fixed
from ..dialect import layers, ops
from .shape import reshaped_to
from .weights import is_weight

lower = Lowering()


@lower(core.Gather)
def gather(op: core.Gather) -> Value:
    """An embedding if the table is a weight and indices are computed."""
    out = op.result.type
    table = op.x.type
    is_table = is_weight(op.x) and table.rank == 2 and table.dtype.is_float
    computed = not is_weight(op.indices) and op.indices.type.rank > 0
    if is_table and computed and op.axis == 0:
        rows, width = table.static_shape
        return layers.Embedding(
            op.indices, op.x, input_dim=rows, output_dim=width, result_types=out
        ).result
    return ops.Take(op.x, op.indices, op.axis, result_types=out).result


lower.direct(core.GatherAlongAxis, ops.TakeAlongAxis)


@lower(core.GatherNd)
def gather_nd(op: core.GatherNd) -> Value:
    """Rows of x with its first dimensions merged: Keras indexes along one dimension."""
    depth = op.indices.type.shape[-1]
    assert isinstance(depth, int)
    extents, rest = op.x.type.shape[:depth], op.x.type.shape[depth:]
    known = is_static(extents[1:])
    require_fixed(known, "Keras code needs fixed dimensions for indexing, except for the first")
    positions = _flat_positions(op.indices, extents)
    rows = reshaped_to(op.x, (product(extents), *rest))
    return ops.Take(rows, positions, 0, result_types=op.result.type).result


def _flat_positions(indices: Value, sizes: tuple[Dim, ...]) -> Value:
    """[..., k] multi-indices into this shape as [...] row-major indices.

    The first size may be open. Negative indices there stay, and so does what is made of them:
    taking rows counts them from the end.
    """
    dtype, kind = indices.type.dtype.numpy, indices.type.with_shape(indices.type.shape[:-1])
    behind = tuple(int(str(size)) for size in sizes[1:])
    strides = np.cumprod((1, *behind[::-1]))[::-1][: len(sizes)].astype(dtype)
    if is_static(sizes):
        indices = counted_from_the_start(indices, tuple(int(str(size)) for size in sizes))
    elif behind:
        indices = _counted_behind_the_first(indices, behind)
    known = array_of(indices)
    if known is not None:
        return constant(np.sum(known * strides, axis=-1, dtype=known.dtype))
    if len(sizes) > 1:
        indices = ops.Multiply(indices, constant(strides), result_types=indices.type).result
    return ops.Sum(indices, (-1,), result_types=kind).result


def counted_from_the_start(indices: Value, sizes: tuple[int, ...]) -> Value:
    """Make negative indices positive, with one size for each or one for all."""
    extents = np.asarray(sizes if len(sizes) > 1 else sum(sizes), indices.type.dtype.numpy)
    known = array_of(indices)
    if known is not None:
        return constant((known % extents).astype(known.dtype))
    return ops.Mod(indices, constant(extents), result_types=indices.type).result


def _counted_behind_the_first(indices: Value, sizes: tuple[int, ...]) -> Value:
    """Make negative indices positive, except for the first of each multi-index."""
    extents = np.asarray((0, *sizes), indices.type.dtype.numpy)
    known = array_of(indices)
    if known is not None:
        return constant(np.where(known < 0, known + extents, known))
    signs = indices.type.with_dtype(DType.BOOL)
    negative = ops.Less(indices, scalar(0, indices), result_types=signs).result
    moved = ops.Add(indices, constant(extents), result_types=indices.type).result
    return ops.Where(negative, moved, indices, result_types=indices.type).result


@lower(core.OneHot)
def one_hot(op: core.OneHot) -> Value:
    """The function; numbers other than 1 and 0 are selected by its result."""
    out, rank = op.result.type, op.result.type.rank
    axis = -1 if op.axis == rank - 1 else op.axis
    on, off = op.numbers()
    if (on, off) == (1, 0):
        dtype = None if op.dtype is DType.F32 else op.dtype
        return ops.OneHot(op.indices, op.size, axis, dtype, result_types=out).result
    kind = out.with_dtype(DType.BOOL)
    hot = ops.OneHot(op.indices, op.size, axis, DType.BOOL, result_types=kind).result
    return ops.Where(hot, constant(on), constant(off), result_types=out).result


@lower(core.ReverseSequence)
def reverse_sequence(op: core.ReverseSequence) -> Value:
    """Take elements at reversed indices."""
    x, rank = op.x, op.x.type.rank
    extent = x.type.shape[op.seq_axis]
    require_fixed(isinstance(extent, int), "Keras code needs a fixed length of sequences here")
    assert isinstance(extent, int)
    kind = op.lengths.type
    lengths = reshaped_to(op.lengths, _along(op.batch_axis, rank, kind.shape[0]))
    positions = np.arange(extent, dtype=kind.dtype.numpy)
    others = tuple(axis for axis in range(rank) if axis != op.seq_axis)
    positions = constant(np.expand_dims(positions, others))
    both = list(lengths.type.shape)
    both[op.seq_axis] = extent
    kind = kind.with_shape(both)
    inside = ops.Less(positions, lengths, result_types=kind.with_dtype(DType.BOOL)).result
    last = ops.Subtract(lengths, scalar(1, lengths), result_types=lengths.type).result
    turned = ops.Subtract(last, positions, result_types=kind).result
    picked = ops.Where(inside, turned, positions, result_types=kind).result
    return ops.TakeAlongAxis(x, picked, op.seq_axis, result_types=op.result.type).result


def _along(axis: int, rank: int, extent: Dim) -> tuple[Dim, ...]:
    return tuple(extent if i == axis else 1 for i in range(rank))
