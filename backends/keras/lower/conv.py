"""Convolutions: layers with their weights, channels-last by contract."""

from typing import Any

import numpy as np

from ....ir.attributes import Layout, PadType
from ....ir.dialects.builtin import array_of, constant
from ....ir.dialects.core import conv as core
from ....ir.dims import is_static
from ....ir.ssa import Value
from ....ir.types import Tensor
from ...lowering import Lowering
from ...padding import Amounts, resolve_padding, same_amounts
from ...refusals import require, require_fixed
from ..dialect import layers, ops
from .shape import reshaped_to
from .weights import is_weight, origin_of, require_weights, reshaped

lower = Lowering()

_CONV = {3: layers.Conv1D, 4: layers.Conv2D, 5: layers.Conv3D}
_TRANSPOSE = {3: layers.Conv1DTranspose, 4: layers.Conv2DTranspose, 5: layers.Conv3DTranspose}
_ZEROS = {3: layers.ZeroPadding1D, 4: layers.ZeroPadding2D, 5: layers.ZeroPadding3D}
_CROPPING = {3: layers.Cropping1D, 4: layers.Cropping2D, 5: layers.Cropping3D}


@lower(core.Conv)
def conv(op: core.Conv) -> Value:
    """A layer; padding that differs from "same" is a layer of its own."""
    assert op.layout is Layout.CHANNELS_LAST
    require_fixed(op.weight.type.is_static, "Keras code needs weights of a fixed shape")
    kernel = op.weight.type.static_shape[:-2]
    strides, dilations = op.per_spatial(op.strides, 1), op.per_spatial(op.dilations, 1)
    # The dilation of a single tap has no meaning.
    dilations = tuple(1 if k == 1 else d for k, d in zip(kernel, dilations, strict=True))
    if max(strides) > 1 and max(dilations) > 1:
        return _every_nth(op, kernel, strides, dilations)
    padding, x = resolve_padding(op, kernel, strides, dilations), op.x
    if not isinstance(padding, str):
        x, padding = with_zeros(x, padding), "valid"
    # A single tap needs no padding, so nobody writes "same" then.
    padding = "valid" if max(kernel) == 1 else padding.lower()
    if not all(value is None or is_weight(value) for value in (op.weight, op.bias)):
        return _computed(op, x, strides, dilations, padding)
    given = {
        "kernel_size": kernel,
        "strides": collapsed(strides),
        "padding": padding,
        "dilation_rate": collapsed(dilations),
        "bias": op.bias,
        "use_bias": op.bias is not None,
        "result_types": op.result.type,
    }
    channels, out = op.x.type.shape[-1], op.weight.type.static_shape[-1]
    even = len(set(strides)) == len(set(dilations)) == 1
    if op.groups > 1 and op.groups == channels and len(kernel) == 2 and even:
        sizes = (*kernel, op.groups, out // op.groups)
        return layers.DepthwiseConv2D(
            x, reshaped(op.weight, sizes), depth_multiplier=out // op.groups, **given
        ).result
    layer = _CONV[op.x.type.rank]
    if layer is layers.Conv2D and _is_sparse(op, kernel, dilations, given):
        layer = layers.SparseConv2D
    return layer(x, op.weight, filters=out, groups=op.groups, **given).result


def _is_sparse(
    op: core.Conv, kernel: tuple[int, ...], dilations: tuple[int, ...], given: dict[str, Any]
) -> bool:
    """Whether a dilated kernel is mostly outside of the image, and around it there are zeros."""
    pixels = op.x.type.shape[1:3]
    if given["padding"] != "same" or given["strides"] != (1,) or op.groups != 1:
        return False
    if not is_static(pixels) or not all(size % 2 for size in kernel):
        return False
    rows = zip(kernel, dilations, op.x.type.shape[1:3], strict=True)
    return all(d > 1 and k > 1 and isinstance(size, int) and 2 * d >= size for k, d, size in rows)


def _computed(
    op: core.Conv, x: Value, strides: tuple[int, ...], dilations: tuple[int, ...], padding: str
) -> Value:
    """The function, for weights that no layer can hold."""
    require(op.groups == 1, "Keras's function of computed weights has no groups")
    out = op.result.type
    sizes = {"strides": collapsed(strides), "dilation_rate": collapsed(dilations)}
    y = ops.Conv(x, op.weight, padding=padding, result_types=out, **sizes).result
    return y if op.bias is None else ops.Add(y, op.bias, result_types=out).result


def _every_nth(
    op: core.Conv, kernel: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> Value:
    """Every nth pixel of a result without strides: Keras takes a stride or a dilation."""
    padding, x = resolve_padding(op, kernel, strides, dilations), op.x
    if padding == "SAME":
        padding = same_amounts(op, "same", kernel, strides, dilations)
    if not isinstance(padding, str):
        x = with_zeros(x, padding)
    given = {"dilations": dilations, "groups": op.groups, "layout": op.layout}
    dense = conv(core.Conv(x, op.weight, op.bias, pad_type=PadType.VALID, **given))
    key = ", ".join((":", *(f"::{stride}" if stride > 1 else ":" for stride in strides)))
    return ops.Getitem(dense, key, result_types=op.result.type).result


def collapsed(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """One number for all dimensions, if they are equal."""
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def with_zeros(x: Value, amounts: Amounts) -> Value:
    """x [N, *spatial, C] padded with zeros."""
    if not any(amount for pair in amounts for amount in pair):
        return x
    return _ZEROS[x.type.rank](x, amounts, result_types=_grown(x.type, amounts, 1)).result


def cropped(x: Value, amounts: Amounts) -> Value:
    """x [N, *spatial, C] cropped."""
    if not any(amount for pair in amounts for amount in pair):
        return x
    return _CROPPING[x.type.rank](x, amounts, result_types=_grown(x.type, amounts, -1)).result


def _grown(kind: Tensor, amounts: Amounts, sign: int) -> Tensor:
    sizes = [
        dim + sign * (low + high)
        for dim, (low, high) in zip(kind.shape[1:-1], amounts, strict=True)
    ]
    return kind.with_shape((kind.shape[0], *sizes, kind.shape[-1]))


@lower(core.ConvTranspose)
def conv_transpose(op: core.ConvTranspose) -> Value:
    """A layer of the full result, or of "same", then a crop; otherwise a convolution."""
    assert op.layout is Layout.CHANNELS_LAST
    require_weights(op.weight, op.bias)
    kernel, strides = op.weight.type.static_shape[:-2], op.per_spatial(op.strides, 1)
    crops, sizes = op.crops_and_sizes(op.x.type.shape[1:-1], kernel)
    known = is_static(crops)
    require_fixed(known, "Keras's transposed convolution needs fixed spatial dimensions here")
    pairs = tuple(zip(map(_number, crops[::2]), map(_number, crops[1::2]), strict=True))
    # A bias comes after the zeros that continue a result, which the layer can't express.
    grown = any(amount < 0 for pair in pairs for amount in pair)
    if op.groups > 1 or max(op.per_spatial(op.dilations, 1)) > 1 or grown:
        return _by_convolution(op, kernel, strides, pairs)
    same = tuple(
        (max(k - s, 0) // 2, max(k - s, 0) - max(k - s, 0) // 2)
        for k, s in zip(kernel, strides, strict=True)
    )
    covers = all(k >= s for k, s in zip(kernel, strides, strict=True))
    padding = "same" if pairs == same and covers else "valid"
    if padding == "valid":
        # Keras extends the last window to a whole stride.
        rows = zip(kernel, strides, pairs, strict=True)
        pairs = tuple((low, high + max(s - k, 0)) for k, s, (low, high) in rows)
        sizes = tuple(low + size + high for size, (low, high) in zip(sizes, pairs, strict=True))
    out = op.result.type.with_shape((op.x.type.shape[0], *sizes, op.result.type.shape[-1]))
    y = _TRANSPOSE[op.x.type.rank](
        op.x,
        op.weight,
        filters=op.weight.type.static_shape[-2],
        kernel_size=kernel,
        strides=collapsed(strides),
        padding=padding,
        bias=op.bias,
        use_bias=op.bias is not None,
        result_types=out,
    ).result
    return y if padding == "same" else cropped(y, pairs)


def _by_convolution(
    op: core.ConvTranspose, kernel: tuple[int, ...], strides: tuple[int, ...], crops: Amounts
) -> Value:
    """A convolution of pixels with zeros between them: Keras's layer lacks groups and dilations."""
    dilations = op.per_spatial(op.dilations, 1)
    reaches = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    rows = list(zip(reaches, strides, crops, strict=True))
    amounts = [(reach - low, reach - high - (s - 1)) for reach, s, (low, high) in rows]
    x = with_zeros(_spread(op, strides), _limited(amounts, 1))
    x = cropped(x, _limited(amounts, -1))
    given = {"dilations": dilations, "groups": op.groups, "layout": op.layout}
    return conv(core.Conv(x, _turned(op), op.bias, pad_type=PadType.VALID, **given))


def _limited(amounts: list[tuple[int, int]], sign: int) -> Amounts:
    """The numbers of one sign, 0 for the others."""
    return tuple((max(sign * low, 0), max(sign * high, 0)) for low, high in amounts)


def _spread(op: core.ConvTranspose, strides: tuple[int, ...]) -> Value:
    """[N, *spatial, C] with zeros after each pixel, as many as a stride skips."""
    x = op.x
    if max(strides) == 1:
        return x
    require_fixed(is_static(x.type.shape[1:]), "Keras code needs fixed dimensions here")
    for axis, stride in enumerate(strides, 1):
        before, (extent, *after) = x.type.shape[:axis], x.type.shape[axis:]
        if stride == 1:
            continue
        # One dimension at a time: TensorFlow pads at most six.
        x = reshaped_to(x, (*before, extent, 1, *after))
        pairs = tuple((0, (stride - 1) * (i == axis + 1)) for i in range(x.type.rank))
        grown = x.type.with_shape((*before, extent, stride, *after))
        x = ops.Pad(x, pairs, result_types=grown).result
        x = reshaped_to(x, (*before, extent * stride, *after))
    return x


def _turned(op: core.ConvTranspose) -> Value:
    """[*size, O / groups, C] reversed, as the kernel of a convolution, [*size, C / groups, O]."""
    array = array_of(op.weight)
    assert array is not None, "checked before"
    *sizes, outputs, inputs = array.shape
    groups, rank = op.groups, len(sizes)
    array = np.flip(array, tuple(range(rank)))
    array = array.reshape(*sizes, outputs, groups, inputs // groups)
    array = np.moveaxis(array, (rank, rank + 2), (rank + 2, rank))
    kernel = array.reshape(*sizes, inputs // groups, groups * outputs)
    origin = origin_of(op.weight, "turned", groups)
    return constant(np.ascontiguousarray(kernel), op.weight.name, origin)


def _number(dim: object) -> int:
    assert isinstance(dim, int)
    return dim
