"""Core ops → TensorFlow ops whose meaning the TFLite converter keeps.

Everything else is lowered as for TensorFlow. The converter writes an update of slices as x plus the
sum of updates less x times their number: right for an index given once, and a number of nobody's
for one given twice. It has no operation for most other modes, nor for pooling in three dimensions.
"""

import math
from typing import Literal

from ...ir.dialects.builtin import scalar
from ...ir.dialects.core.activation import Gelu
from ...ir.dialects.core.elementwise import Erf
from ...ir.dialects.core.scatter import ScatterMode
from ...ir.dialects.core.shape import Pad
from ...ir.dialects.core.slicing import SliceUpdate
from ...ir.dims import Shape, is_static
from ...ir.ssa import Op, Value
from ...ir.types import DType, Tensor
from ..lowering import Lowering, Rule
from ..padding import bordered, has_fixed_extents
from ..tf import dialect as tf
from ..tf.lower import LOWERING as TENSORFLOW
from ..tf.lower import lookup, pool, recurrent, scatter, trees
from ..tf.lower.activation import add, gelu, library_gelu, multiply
from ..tf.lower.scatter import Call
from ..tf.lower.shape import cut_axes, gathered, pad


def _last(x: Value, where: Value, updates: Value) -> Value:
    return tf.ScatterNdLast(x, where, updates, result_types=x.type).result


def _added(x: Value, where: Value, updates: Value) -> Value:
    return tf.TensorScatterNdAdd(x, where, updates, result_types=x.type).result


def _subtracted(x: Value, where: Value, updates: Value) -> Value:
    negative = tf.Negative(updates, result_types=updates.type).result
    return _added(x, where, negative)


def _combined(combine: Literal["max", "min"]) -> Call:
    def call(x: Value, where: Value, updates: Value) -> Value:
        return tf.ScatterNdCombined(x, where, updates, combine, result_types=x.type).result

    return call


_SCATTERS = scatter.lowering(
    {
        ScatterMode.UPDATE: _last,
        ScatterMode.ADD: _added,
        ScatterMode.SUB: _subtracted,
        ScatterMode.MAX: _combined("max"),
        ScatterMode.MIN: _combined("min"),
    },
    "TFLite can't multiply or divide by several updates of one position in turn",
)


def _in_two(
    kind: type[tf.AvgPool] | type[tf.MaxPool],
    x: Value,
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    out: Tensor,
) -> Value:
    """Windows in three dimensions along the first one, then along the others.

    The largest of the largest, and the mean of means of as many: padding that isn't counted is
    along each dimension, too.
    """
    shape = x.type.shape
    if len(shape) != 5 or not is_static(shape[1:]):
        return pool.in_one(kind, x, sizes, strides, padding, out)
    count, before, height, width, channels = shape
    depth = out.shape[1]
    if (sizes[0], strides[0]) != (1, 1):
        rows = (count, before, height * width, channels)
        columns = x.type.with_shape((count, depth, height * width, channels))
        x = kind(
            _reshaped(x, rows), (sizes[0], 1), (strides[0], 1), padding, result_types=columns
        ).result
    frames = _reshaped(x, (count * depth, height, width, channels))
    small = frames.type.with_shape((count * depth, *out.shape[2:]))
    found = kind(frames, sizes[1:], strides[1:], padding, result_types=small).result
    return _reshaped(found, out.shape)


def _reshaped(x: Value, shape: Shape) -> Value:
    """x with this shape, of which the first dimension may be open."""
    sizes = tuple(dim if isinstance(dim, int) else -1 for dim in shape)
    return tf.Reshape(x, sizes, result_types=x.type.with_shape(shape)).result


_slices = Lowering()


@_slices(SliceUpdate)
def _slice_update(op: SliceUpdate) -> Value:
    """TFLite's own operation, which writes to a copy; with strides, rows that are found last."""
    out, depth = op.result.type, cut_axes(op)
    if set(op.stride) <= {1}:
        return tf.DynamicUpdateSlice(op.x, op.update, op.begin, result_types=out).result
    where = Tensor(DType.I32, (*op.update.type.shape[:depth], depth))
    rows = tf.SlicePositions(op.update, op.begin, op.stride, depth, result_types=where).result
    return _last(op.x, rows, op.update)


_borders = Lowering()


@_borders(Pad)
def _pad(op: Pad) -> Value:
    """What a border reflects is gathered: MIRROR_PAD takes ten times as long on a CPU."""
    if op.mode == "reflect" and has_fixed_extents(op):
        return bordered(op, "reflect", gathered)
    return pad(op)


_activations = Lowering()


@_activations(Gelu)
def _gelu(op: Gelu) -> Value:
    """The converter makes its GELU of the library's call."""
    return gelu(op) if op.mode == "sigmoid_approximation" else library_gelu(op)


_elementwise = Lowering()


@_elementwise(Erf)
def _erf(op: Erf) -> Value:
    """By the exact GELU, which TFLite has: gelu(z) = z (1 + erf(z / sqrt(2))) / 2.

    Near 0, where that is a small number divided by a small one, it is the first term of its series;
    far from 0 it is 1, as single precision has it.
    """
    x, kind = op.x, op.x.type
    truth = kind.with_dtype(DType.BOOL)
    low, high = scalar(-_SATURATED, x), scalar(_SATURATED, x)
    near = tf.Less(tf.Abs(x, result_types=kind).result, scalar(_NEAR, x), result_types=truth).result
    z = tf.Minimum(tf.Maximum(x, low, result_types=kind).result, high, result_types=kind).result
    z = multiply(z, math.sqrt(2))
    safe = tf.Where(near, scalar(1.0, x), z, result_types=kind).result
    made = tf.Gelu(safe, approximate=False, result_types=kind).result
    far = add(multiply(tf.Divide(made, safe, result_types=kind).result, 2.0), -1.0)
    return tf.Where(near, multiply(x, 2 / math.sqrt(math.pi)), far, result_types=kind).result


# Up to here the series' second term is below single precision; from there erf is 1 in it.
_NEAR, _SATURATED = 1e-4, 5.0

LOWERING: dict[type[Op], Rule] = {
    **TENSORFLOW,
    **_elementwise.rules,
    **_slices.rules,
    **_borders.rules,
    **_activations.rules,
    **_SCATTERS.rules,
    **pool.lowering(_in_two).rules,
    **recurrent.lowering(block=False).rules,
    **lookup.lowering(tf.FirstEqual).rules,
    **trees.lowering(at_once=0).rules,
}
