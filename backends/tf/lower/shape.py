"""Shapes and slices."""

import math

from ....ir.dialects.builtin import array_of, scalar
from ....ir.dialects.core import shape as core
from ....ir.dims import Expr
from ....ir.ssa import Value
from ....ir.types import Tensor
from ...lowering import Lowering
from ...padding import replicated
from .. import dialect as tf
from .extents import extents_from

lower = Lowering()

lower.direct(core.Transpose, tf.Transpose, x="a")
lower.direct(core.Concat, tf.Concat)
lower.direct(core.Split, tf.Split, x="value", sizes="num_or_size_splits")
lower.direct(core.Tile, tf.Tile, x="input", reps="multiples")
lower.direct(core.Reverse, tf.Reverse, x="tensor", axes="axis")
lower.direct(core.ShapeOf, tf.Shape, x="input")


@lower(core.Stack)
def stack(op: core.Stack) -> Value:
    """Along a last dimension by a transpose, because TensorFlow copies one number at a time there.

    A shuffle of channels takes 0.7 of the time.
    """
    out, count = op.result.type, len(op.values)
    if op.axis < out.rank - 1 or not out.is_static or count == 1:
        return tf.Stack(op.values, op.axis, result_types=out).result
    size = math.prod(out.static_shape[:-1])
    rows = out.with_shape((count, *out.shape[:-1]))
    above = tf.Stack(op.values, 0, result_types=rows).result
    flat = tf.Reshape(above, (count, size), result_types=out.with_shape((count, size))).result
    moved = tf.Transpose(flat, (1, 0), result_types=out.with_shape((size, count))).result
    return tf.Reshape(moved, out.static_shape, result_types=out).result


@lower(core.Squeeze)
def squeeze(op: core.Squeeze) -> Value:
    """TensorFlow's call without axes squeezes all of them."""
    if not op.axes:
        return op.x
    return tf.Squeeze(op.x, op.axes, result_types=op.result.type).result


@lower(core.Reshape)
def reshape(op: core.Reshape) -> Value:
    """-1 for a single symbolic dimension; several are computed from the shape of x."""
    sizes, out = op.sizes(), op.result.type
    known = tuple(size for size in sizes if isinstance(size, int))
    if len(known) == len(sizes):
        return tf.Reshape(op.x, known, result_types=out).result
    return tf.ReshapeDynamic(op.x, extents_from(op.x, sizes), result_types=out).result


@lower(core.DynamicReshape)
def dynamic_reshape(op: core.DynamicReshape) -> Value:
    """TensorFlow's shape inference fails on shapes computed as floats, as Core ML's are.

    It follows them through a cast, wrongly; an identity stops it.
    """
    shape = tf.Identity(op.shape, result_types=op.shape.type).result
    return tf.ReshapeDynamic(op.x, shape, result_types=op.result.type).result


@lower(core.ExpandDims)
def expand_dims(op: core.ExpandDims) -> Value:
    """One call for a single axis, a reshape for several."""
    out = op.result.type
    if len(op.axes) == 1:
        return tf.ExpandDims(op.x, op.axes[0], result_types=out).result
    if sum(isinstance(dim, Expr) for dim in out.shape) <= 1:
        sizes = tuple(dim if isinstance(dim, int) else -1 for dim in out.shape)
        return tf.Reshape(op.x, sizes, result_types=out).result
    value = op.x
    for axis in sorted(op.axes):
        shape = list(value.type.shape)
        shape.insert(axis, 1)
        value = tf.ExpandDims(value, axis, result_types=out.with_shape(shape)).result
    return value


@lower(core.SliceByIndex)
def slice_by_index(op: core.SliceByIndex) -> Value:
    """Masks as bit sets."""
    begin_mask, end_mask = _bits(op.begin_mask), _bits(op.end_mask)
    return tf.StridedSlice(
        op.x, op.begin, op.end, op.stride, begin_mask, end_mask, result_types=op.result.type
    ).result


def _bits(mask: tuple[int, ...]) -> int:
    return sum(bit << axis for axis, bit in enumerate(mask))


@lower(core.DynamicSlice)
def dynamic_slice(op: core.DynamicSlice) -> Value:
    """Indices are hidden from shape inference, as in `dynamic_reshape`."""
    begin = tf.Identity(op.begin, result_types=op.begin.type).result
    end = tf.Identity(op.end, result_types=op.end.type).result
    masks = _bits(op.begin_mask), _bits(op.end_mask)
    out = op.result.type
    return tf.StridedSliceDynamic(op.x, begin, end, op.stride, *masks, result_types=out).result


@lower(core.SliceUpdate)
def slice_update(op: core.SliceUpdate) -> Value:
    """Rows at multi-indices; see the kernel."""
    out, depth = op.result.type, cut_axes(op)
    return tf.SliceUpdate(op.x, op.update, op.begin, op.stride, depth, result_types=out).result


def cut_axes(op: core.SliceUpdate) -> int:
    """How many of the first dimensions an update cuts; it takes the others whole."""
    rows = zip(op.update.type.shape, op.x.type.shape, op.stride, strict=True)
    cuts = [
        axis
        for axis, (own, dim, step) in enumerate(rows)
        if own != dim or step != 1 or not _begins_with_zero(op.begin, axis)
    ]
    return cuts[-1] + 1 if cuts else 0


def _begins_with_zero(begin: Value, axis: int) -> bool:
    known = array_of(begin)
    if known is not None:
        return int(known[axis]) == 0
    if not isinstance(begin.op, tf.Stack):
        return False
    entry = array_of(begin.op.values[axis])
    return entry is not None and int(entry) == 0


@lower(core.Pad)
def pad(op: core.Pad) -> Value:
    """TensorFlow can't repeat the edge, so elements at clamped indices are gathered."""
    if op.mode == "replicate":
        return replicated(op, "TensorFlow", gathered)
    paddings, out = op.pairs(), op.result.type
    if not any(op.pad):
        return op.x
    if op.mode == "reflect":
        return tf.Pad(op.x, paddings, result_types=out).result
    return tf.PadV2(op.x, scalar(op.value, op.x), paddings, result_types=out).result


@lower(core.DynamicPad)
def dynamic_pad(op: core.DynamicPad) -> Value:
    """Padding in pairs, hidden from shape inference as in `dynamic_reshape`."""
    pad = tf.Identity(op.pad, result_types=op.pad.type).result
    pairs = op.pad.type.with_shape((op.x.type.rank, 2))
    paddings = tf.Reshape(pad, (op.x.type.rank, 2), result_types=pairs).result
    number = scalar(op.value, op.x)
    return tf.PadV2Dynamic(op.x, number, paddings, result_types=op.result.type).result


def gathered(value: Value, positions: Value, axis: int, out: Tensor) -> Value:
    """The entries of a value at positions along an axis."""
    return tf.Gather(value, positions, axis, result_types=out).result


@lower(core.BroadcastTo)
def broadcast_to(op: core.BroadcastTo) -> Value:
    """Extents that x has itself are read off its shape."""
    out = op.result.type
    if out.is_static:
        return tf.BroadcastTo(op.x, out.static_shape, result_types=out).result
    extents = extents_from(op.x, op.shape)
    return tf.BroadcastToDynamic(op.x, extents, result_types=out).result


@lower(core.AssertShape)
def assert_shape(op: core.AssertShape) -> Value:
    """An assertion that every use of the value depends on."""
    expected = op.expectation()
    return tf.AssertShape(
        op.x, op.allowed, op.subject, expected, result_types=op.result.type
    ).result
