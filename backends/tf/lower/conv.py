"""Convolutions: channels-last by contract, with explicit padding only where SAME doesn't fit."""

import numpy as np

from ....ir.attributes import Layout
from ....ir.dialects.builtin import Constant, array_of, constant, scalar
from ....ir.dialects.core import conv as core
from ....ir.dims import Shape
from ....ir.ssa import Value
from ....ir.weights.resources import ViewResource
from ...lowering import Lowering
from ...padding import Amounts, resolve_padding, same_amounts
from ...refusals import require, require_fixed
from .. import dialect as tf

lower = Lowering()


def pad_spatial(x: Value, amounts: Amounts, value: float = 0.0) -> Value:
    """x [N, *spatial, C] with explicit padding."""
    paddings = ((0, 0), *amounts, (0, 0))
    sizes = [dim + low + high for dim, (low, high) in zip(x.type.shape, paddings, strict=True)]
    out = x.type.with_shape(sizes)
    return tf.PadV2(x, scalar(value, x), paddings, result_types=out).result


def add_bias(x: Value, bias: Value | None) -> Value:
    """x + bias over the last dimension."""
    return x if bias is None else tf.BiasAdd(x, bias, result_types=x.type).result


def _add_bias(op: core.Conv, x: Value) -> Value:
    """A convolution's bias; in groups by an addition that is never fused with the convolution.

    TensorFlow's graph optimizer fuses `BiasAdd` with convolutions, and its fused CPU kernel has no
    groups: without oneDNN's kernels (processors without VNNI) such a graph fails when it runs.
    """
    if op.bias is None or op.groups == 1:
        return add_bias(x, op.bias)
    return tf.Add(x, op.bias, result_types=x.type).result


@lower(core.Conv)
def conv(op: core.Conv) -> Value:
    """Depthwise convolutions use their own, faster function."""
    assert op.layout is Layout.CHANNELS_LAST
    rank = op.x.type.rank - 2
    kernel = tuple(k for k in op.weight.type.shape[:-2] if isinstance(k, int))
    strides, dilations = op.per_spatial(op.strides, 1), op.per_spatial(op.dilations, 1)
    padding = resolve_padding(op, kernel, strides, dilations)
    out = op.result.type
    if rank != 2:
        return _add_bias(op, _convolution(op, kernel, strides, dilations, padding))
    everywhere = padding if isinstance(padding, str) else ((0, 0), *padding, (0, 0))
    channels = op.x.type.shape[-1]
    depthwise = op.groups > 1 and op.groups == channels and strides[0] == strides[1]
    if depthwise and (dilations == (1, 1) or strides == (1, 1)):
        steps, x = (1, *strides, 1), op.x
        if not isinstance(padding, str):
            # An operation of its own, of which TensorFlow's graph optimizer (2.21) takes no notice.
            x, padding = pad_spatial(x, padding), "VALID"
        filters = _depthwise_filter(op.weight, op.groups)
        y = tf.DepthwiseConv2d(x, filters, steps, padding, dilations, result_types=out)
        return add_bias(y.result, op.bias)
    y = tf.Conv2d(op.x, op.weight, strides, everywhere, dilations, result_types=out)
    return _add_bias(op, y.result)


def _convolution(
    op: core.Conv,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: str | Amounts,
) -> Value:
    """One or three dimensions. TensorFlow's function takes a stride or a dilation, not both."""
    x, steps = op.x, strides
    both = max(strides) > 1 and max(dilations) > 1
    if both:
        steps = (1,) * len(strides)
        if padding == "SAME":
            padding = same_amounts(op, "same", kernel, strides, dilations)
    if not isinstance(padding, str):
        x, padding = pad_spatial(x, padding), "VALID"
    out = op.result.type
    if both:
        spans = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
        sizes = [dim - span for dim, span in zip(x.type.shape[1:-1], spans, strict=True)]
        out = out.with_shape((out.shape[0], *sizes, out.shape[-1]))
    # In three dimensions TensorFlow's CPU kernel has no groups.
    groups = op.groups if len(kernel) == 3 else 1
    part = out.with_shape((*out.shape[:-1], op.weight.type.static_shape[-1] // groups))
    made = tuple(
        tf.Convolution(x, weight, steps, padding, dilations, result_types=part).result
        for x, weight in zip(_split_last(x, groups), _split_last(op.weight, groups), strict=True)
    )
    y = made[0]
    if groups > 1:
        y = tf.Concat(made, axis=out.rank - 1, result_types=out).result
    if both:
        every = (1 << out.rank) - 1
        zeros, hop = (0,) * out.rank, (1, *strides, 1)
        y = tf.StridedSlice(y, zeros, zeros, hop, every, every, result_types=op.result.type).result
    return y


def _depthwise_filter(weight: Value, groups: int) -> Value:
    """[H, W, 1, in * multiplier] → [H, W, in, multiplier]; a view for constants."""
    height, width, _, out = weight.type.static_shape
    sizes = (height, width, groups, out // groups)
    if isinstance(weight.op, Constant):
        view = ViewResource(weight.op.value, (0, 1, 2, 3), sizes)
        return constant(view, view.name)
    return tf.Reshape(weight, shape=sizes, result_types=weight.type.with_shape(sizes)).result


@lower(core.ConvTranspose)
def conv_transpose(op: core.ConvTranspose) -> Value:
    """The full result, then crops and missing zeros; one call for each group."""
    assert op.layout is Layout.CHANNELS_LAST
    weight = _dilated(op)
    strides = op.per_spatial(op.strides, 1)
    crops, sizes = op.crops_and_sizes(op.x.type.shape[1:-1], op.weight.type.shape[:-2])
    amounts = [c for c in crops if isinstance(c, int)]
    require_fixed(len(amounts) == len(crops), "TensorFlow needs fixed spatial dimensions here")
    pairs = tuple(zip(amounts[::2], amounts[1::2], strict=True))
    full = tuple(low + size + high for size, (low, high) in zip(sizes, pairs, strict=True))
    xs, weights = _split_last(op.x, op.groups), _split_last(weight, op.groups)
    parts = tuple(
        _full_transpose(x, weight, strides, full) for x, weight in zip(xs, weights, strict=True)
    )
    y = parts[0]
    if len(parts) > 1:
        out = y.type.with_shape((*y.type.shape[:-1], y.type.shape[-1] * op.groups))
        y = tf.Concat(parts, axis=y.type.rank - 1, result_types=out).result
    return add_bias(_crop_and_extend(y, pairs), op.bias)


def _dilated(op: core.ConvTranspose) -> Value:
    """The weight [*kernel, O, C] with zeros between its taps: TensorFlow has no dilation here."""
    dilations = op.per_spatial(op.dilations, 1)
    if max(dilations) == 1:
        return op.weight
    array = array_of(op.weight)
    require(array is not None, "TensorFlow can't dilate weights that are computed")
    assert array is not None
    kernel = [(k - 1) * d + 1 for k, d in zip(array.shape[:-2], dilations, strict=True)]
    spread = np.zeros((*kernel, *array.shape[-2:]), array.dtype)
    spread[tuple(slice(None, None, d) for d in dilations)] = array
    assert isinstance(op.weight.op, Constant)
    return constant(spread, op.weight.name, op.weight.op.value.derived("dilated", dilations))


def _full_transpose(x: Value, weight: Value, strides: tuple[int, ...], full: Shape) -> Value:
    out = x.type.with_shape((x.type.shape[0], *full, weight.type.shape[-2]))
    return tf.ConvTranspose(x, weight, strides, result_types=out).result


def _split_last(value: Value, count: int) -> tuple[Value, ...]:
    if count == 1:
        return (value,)
    *lead, channels = value.type.shape
    assert isinstance(channels, int)
    size = channels // count
    part = value.type.with_shape((*lead, size))
    axis = value.type.rank - 1
    return tf.Split(value, (size,) * count, axis, result_types=(part,) * count).results


def _crop_and_extend(y: Value, crops: Amounts) -> Value:
    """Remove the crops of every spatial dimension; a negative one at the end adds zeros."""
    if any(amount > 0 for pair in crops for amount in pair):
        rank = y.type.rank
        kept = [
            dim - low - max(high, 0)
            for dim, (low, high) in zip(y.type.shape[1:-1], crops, strict=True)
        ]
        out = y.type.with_shape((y.type.shape[0], *kept, y.type.shape[-1]))
        end_mask = 1 | 1 << (rank - 1)  # batch, channels and ends without a crop stay
        for axis, (_, high) in enumerate(crops, 1):
            end_mask |= (high <= 0) << axis
        begin = (0, *(low for low, _ in crops), 0)
        end = (0, *(-max(high, 0) for _, high in crops), 0)
        y = tf.StridedSlice(y, begin, end, (1,) * rank, 0, end_mask, result_types=out).result
    if any(high < 0 for _, high in crops):
        y = pad_spatial(y, tuple((0, max(-high, 0)) for _, high in crops))
    return y
