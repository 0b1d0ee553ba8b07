"""Convolution, transposed convolution and pooling: everything that slides a window.

All kernels work channels first, on one contiguous padded copy of the input, and loop over kernel
taps: for each tap a strided slice of the input meets one slice of the weight in a batched matmul.
The memory used is that of the input plus two outputs, whatever the kernel size.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Literal, TypeAlias

import numpy as np

from .precision import Array, widen, working_dtype

PadType: TypeAlias = Literal["valid", "same", "same_lower"]
PoolKind: TypeAlias = Literal["max", "average", "l2"]


def padding_amounts(
    pad_type: PadType, size: int, kernel: int, stride: int, dilation: int
) -> tuple[int, int]:
    """Padding (low, high) of one spatial dimension.

    TensorFlow's SAME rule (tf.nn.convolution): the output has ceil(size / stride) elements and the
    missing input is split evenly. An odd rest goes to the high end for "same" and to the low end
    for "same_lower", Core ML's BOTTOM_RIGHT_HEAVY and TOP_LEFT_HEAVY.

    Args:
        pad_type: "valid" (no padding), "same" or "same_lower".
        size: Size of the input along this dimension.
        kernel: Number of kernel taps.
        stride: Distance between windows.
        dilation: Distance between taps.
    """
    if pad_type == "valid":
        return 0, 0
    count = -(-size // stride)
    total = max((count - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    less, more = total // 2, total - total // 2
    return (less, more) if pad_type == "same" else (more, less)


def windowed_size(size: int, kernel: int, stride: int, dilation: int, lo: int, hi: int) -> int:
    """Number of whole windows along one dimension, of `size` elements padded by lo and hi."""
    return (size + lo + hi - (kernel - 1) * dilation - 1) // stride + 1


def convolve(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    groups: int = 1,
    channels_last: bool = False,
) -> Array:
    """N-D cross-correlation, as in Core ML's `conv` and tf.nn.convolution.

    Group g sees the input channels [g*C/groups, (g+1)*C/groups) and yields the output channels
    [g*O/groups, (g+1)*O/groups).

    Args:
        x: [N, C, *S], or [N, *S, C] with channels_last.
        weight: [O, C/groups, *K], or [*K, C/groups, O] with channels_last.
        bias: [O].
        strides: One per spatial dimension.
        dilations: One per spatial dimension.
        pads: Zero padding lo0, hi0, lo1, hi1, ..., two per spatial dimension.
        groups: Number of groups; groups = C is a depthwise convolution.
        channels_last: The layout of x, weight and result.

    Returns:
        [N, O, *out] or [N, *out, O], in the dtype of x.
    """
    data = _channels_first(widen(x)) if channels_last else widen(x)
    weight = weight.astype(data.dtype, copy=False)
    if channels_last:
        weight = np.moveaxis(weight, (-1, -2), (0, 1))
    batch, channels, *spatial = data.shape
    outputs, group_channels, *kernel = weight.shape
    _check_groups(channels, group_channels, outputs, groups)
    sizes = _output_sizes(spatial, kernel, strides, dilations, pads)

    padded = _pad(data, pads, 0).reshape(batch, groups, group_channels, *_padded(spatial, pads))
    taps = _taps_first(weight).reshape(*kernel, groups, outputs // groups, group_channels)
    total = np.zeros((batch, groups, outputs // groups, prod(sizes)), data.dtype)
    for tap, window in _windows(kernel, strides, dilations, sizes):
        part = padded[(..., *window)].reshape(batch, groups, group_channels, -1)
        total += _mix(taps[tap], part)

    return _finish(total.reshape(batch, outputs, *sizes), bias, x, channels_last)


def convolve_transpose(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
    output_shape: Sequence[int] | None = None,
    groups: int = 1,
    channels_last: bool = False,
) -> Array:
    """Transposed convolution: the adjoint of `convolve` in x, plus a bias.

    Uncropped, a dimension has (in - 1) * stride + (kernel - 1) * dilation + 1 elements. The result
    is this without its first lo and last hi elements or, given output_shape, exactly that many
    elements from lo on: zeros (before the bias) stand where the uncropped output is too short, as
    in tf.nn.conv_transpose and Core ML's `conv_transpose`.

    Args:
        x: [N, C, *S], or [N, *S, C] with channels_last.
        weight: [C, O/groups, *K], or [*K, O/groups, C] with channels_last.
        bias: [O].
        strides: One per spatial dimension.
        dilations: One per spatial dimension.
        pads: Elements cropped, lo0, hi0, lo1, hi1, ...; hi is unused given output_shape.
        output_shape: Spatial shape of the result.
        groups: Number of groups, contiguous in C and in O.
        channels_last: The layout of x, weight and result.

    Returns:
        [N, O, *out] or [N, *out, O], in the dtype of x.
    """
    data = _channels_first(widen(x)) if channels_last else np.ascontiguousarray(widen(x))
    weight = weight.astype(data.dtype, copy=False)
    if channels_last:
        weight = np.moveaxis(weight, (-1, -2), (0, 1))
    batch, channels, *spatial = data.shape
    inputs, group_outputs, *kernel = weight.shape
    _check_groups(channels, inputs // groups, group_outputs * groups, groups)

    flat = data.reshape(batch, groups, channels // groups, -1)
    taps = _taps_first(weight).reshape(*kernel, groups, channels // groups, group_outputs)
    full = [
        (size - 1) * stride + (width - 1) * dilation + 1
        for size, width, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True)
    ]
    total = np.zeros((batch, groups, group_outputs, *full), data.dtype)
    for tap, window in _windows(kernel, strides, dilations, spatial):
        part = _mix(np.swapaxes(taps[tap], -1, -2), flat)
        total[(..., *window)] += part.reshape(batch, groups, group_outputs, *spatial)

    cropped = _crop(total.reshape(batch, groups * group_outputs, *full), pads, output_shape)
    return _finish(cropped, bias, x, channels_last)


def pool(
    x: Array,
    kind: PoolKind,
    *,
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    exclude_padding: bool = False,
    channels_last: bool = False,
) -> Array:
    """Pooling over windows, as in Core ML's `max_pool`, `avg_pool` and `l2_pool`.

    Windows are separable, so each dimension is reduced in turn. Ceil mode is the caller's: it asks
    for a larger hi. A window of padding alone is -inf for "max" and 0 otherwise.

    Args:
        x: [N, C, *S], or [N, *S, C] with channels_last.
        kind: "max" (padding is -inf), "average" or "l2" (the root of the sum of squares).
        kernel: Window size per spatial dimension.
        strides: One per spatial dimension.
        pads: Padding lo0, hi0, lo1, hi1, ..., two per spatial dimension.
        exclude_padding: An average divides by the number of elements of x in the window; otherwise
            it always divides by the size of the kernel.
        channels_last: The layout of x and of the result.

    Returns:
        [N, C, *out] or [N, *out, C], in the dtype of x.
    """
    data = widen(x)
    first = 1 if channels_last else 2
    spatial = data.shape[first : first + len(kernel)]
    ones = (1,) * len(kernel)
    sizes = _output_sizes(spatial, kernel, strides, ones, pads)
    data = _pad(data * data if kind == "l2" else data, pads, -np.inf if kind == "max" else 0, first)

    combine = np.maximum if kind == "max" else np.add
    for dim, size in enumerate(sizes):
        data = _reduce_axis(data, first + dim, kernel[dim], strides[dim], size, combine)

    if kind == "l2":
        data = np.sqrt(data)
    elif kind == "average" and exclude_padding:
        for dim, size in enumerate(sizes):
            count = _inside(spatial[dim], kernel[dim], strides[dim], size, pads[2 * dim])
            data = data / _along(count.astype(data.dtype), first + dim, data.ndim)
    elif kind == "average":
        data = data / data.dtype.type(prod(kernel))
    return data.astype(x.dtype, copy=False)


def _check_groups(channels: int, group_channels: int, outputs: int, groups: int) -> None:
    if channels != group_channels * groups or outputs % groups:
        raise ValueError(
            f"{groups} groups do not fit {channels} channels, {group_channels} of them per group, "
            f"and {outputs} outputs"
        )


def _channels_first(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def _taps_first(weight: Array) -> Array:
    """[A, B, *K] as [*K, A, B]."""
    return np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-2, -1)))


def _padded(spatial: Sequence[int], pads: Sequence[int]) -> list[int]:
    return [size + pads[2 * dim] + pads[2 * dim + 1] for dim, size in enumerate(spatial)]


def _pad(x: Array, pads: Sequence[int], fill: float, first: int = 2) -> Array:
    """Surround x with `pads` elements of `fill`, in its dimensions from `first` on."""
    if not any(pads):
        return x
    pairs = list(zip(pads[::2], pads[1::2], strict=True))
    around = [(0, 0)] * first + pairs + [(0, 0)] * (x.ndim - first - len(pairs))
    return np.pad(x, around, constant_values=fill)


def _output_sizes(
    spatial: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
) -> list[int]:
    per_dim = zip(spatial, kernel, strides, dilations, pads[::2], pads[1::2], strict=True)
    return [
        max(windowed_size(size, width, stride, dilation, lo, hi), 0)
        for size, width, stride, dilation, lo, hi in per_dim
    ]


def _windows(
    kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], sizes: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Every kernel tap, with the strided slice of the input it meets."""
    for tap in product(*map(range, kernel)):
        yield (
            tap,
            tuple(
                slice(at * dilation, at * dilation + (size - 1) * stride + 1 if size else 0, stride)
                for at, stride, dilation, size in zip(tap, strides, dilations, sizes, strict=True)
            ),
        )


def _mix(tap: Array, data: Array) -> Array:
    """[G, A, B] times [N, G, B, P] = [N, G, A, P]; with B = 1 it is a broadcast product."""
    return tap * data if tap.shape[-1] == 1 else np.matmul(tap, data)


def _crop(full: Array, pads: Sequence[int], output_shape: Sequence[int] | None) -> Array:
    """[N, O, *full] cropped, or moved into zeros of the given spatial shape."""
    starts, spatial = pads[::2], full.shape[2:]
    if output_shape is None:
        ends = [size - hi for size, hi in zip(spatial, pads[1::2], strict=True)]
        return full[(..., *map(slice, starts, ends))]
    part = full[
        (..., *(slice(lo, lo + size) for lo, size in zip(starts, output_shape, strict=True)))
    ]
    result = np.zeros((*full.shape[:2], *output_shape), full.dtype)
    result[(..., *map(slice, part.shape[2:]))] = part
    return result


def _finish(y: Array, bias: Array | None, x: Array, channels_last: bool) -> Array:
    """Add the bias to [N, O, *out], restore layout and dtype of x."""
    if bias is not None:
        y = y + _along(bias.astype(working_dtype(x), copy=False), 1, y.ndim)
    if channels_last:
        y = np.moveaxis(y, 1, -1)
    return np.ascontiguousarray(y.astype(x.dtype, copy=False))


def _reduce_axis(
    x: Array, axis: int, kernel: int, stride: int, size: int, combine: np.ufunc
) -> Array:
    """Combine the elements of every window along one axis."""
    before = (slice(None),) * axis
    total = x[(*before, slice(0, (size - 1) * stride + 1 if size else 0, stride))]
    for tap in range(1, kernel):
        stop = tap + (size - 1) * stride + 1 if size else 0
        total = combine(total, x[(*before, slice(tap, stop, stride))])
    return total


def _inside(size: int, kernel: int, stride: int, count: int, lo: int) -> Array:
    """How many elements of each window are not padding; 1 at least, so that one can divide."""
    starts = np.arange(count) * stride - lo
    return np.maximum(np.minimum(starts + kernel, size) - np.maximum(starts, 0), 1)


def _along(vector: Array, axis: int, rank: int) -> Array:
    """A vector shaped to broadcast along one axis."""
    return vector.reshape([-1 if dim == axis else 1 for dim in range(rank)])
