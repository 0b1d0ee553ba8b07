"""Convolutions: layers with their weights, channels last by contract."""

from ....ir.attributes import Layout
from ....ir.dialects.core import conv as core
from ....ir.dims import is_static
from ....ir.ssa import Value
from ....ir.types import Tensor
from ...lowering import Lowering
from ...padding import Amounts, resolve_padding
from ..dialect import layers
from .weights import require_weights, reshaped

lower = Lowering()

_CONV = {3: layers.Conv1D, 4: layers.Conv2D, 5: layers.Conv3D}
_TRANSPOSE = {3: layers.Conv1DTranspose, 4: layers.Conv2DTranspose, 5: layers.Conv3DTranspose}
_ZEROS = {3: layers.ZeroPadding1D, 4: layers.ZeroPadding2D, 5: layers.ZeroPadding3D}
_CROPPING = {3: layers.Cropping1D, 4: layers.Cropping2D, 5: layers.Cropping3D}


@lower(core.Conv)
def conv(op: core.Conv) -> Value:
    """A layer; borders that "same" doesn't mean are one of their own."""
    assert op.layout is Layout.CHANNELS_LAST
    require_weights(op, op.weight, op.bias)
    kernel = op.weight.type.static_shape[:-2]
    strides, dilations = op.per_spatial(op.strides, 1), op.per_spatial(op.dilations, 1)
    # Keras takes a stride or a dilation, not both; that of a single tap means nothing.
    dilations = tuple(1 if k == 1 else d for k, d in zip(kernel, dilations, strict=True))
    both = max(strides) > 1 and max(dilations) > 1
    op.require("", not both, "Keras has no convolution with both strides and dilations")
    padding, x = resolve_padding(op, kernel, strides, dilations), op.x
    if not isinstance(padding, str):
        x, padding = with_zeros(x, padding), "valid"
    # A single tap meets no border: nobody writes "same" then.
    padding = "valid" if max(kernel) == 1 else padding.lower()
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
    return layer(x, op.weight, filters=out, groups=op.groups, **given).result


def collapsed(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """One number for all dimensions, where they are equal."""
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def with_zeros(x: Value, amounts: Amounts) -> Value:
    """x [N, *spatial, C] with borders of zeros."""
    return _ZEROS[x.type.rank](x, amounts, result_types=_grown(x.type, amounts, 1)).result


def cropped(x: Value, amounts: Amounts) -> Value:
    """x [N, *spatial, C] without borders."""
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
    """A layer of the full result, or of "same", then a border cut off."""
    assert op.layout is Layout.CHANNELS_LAST
    require_weights(op, op.weight, op.bias)
    op.require("", op.groups == 1, "Keras has no transposed convolution of groups")
    dilations = op.per_spatial(op.dilations, 1)
    op.require("", max(dilations) == 1, "Keras has no transposed convolution with dilations here")
    kernel, strides = op.weight.type.static_shape[:-2], op.per_spatial(op.strides, 1)
    crops, sizes = op.crops_and_sizes(op.x.type.shape[1:-1], kernel)
    known = is_static(crops)
    op.require("", known, "Keras's transposed convolution needs fixed spatial extents here")
    pairs = tuple(zip(map(_number, crops[::2]), map(_number, crops[1::2]), strict=True))
    same = tuple(
        (max(k - s, 0) // 2, max(k - s, 0) - max(k - s, 0) // 2)
        for k, s in zip(kernel, strides, strict=True)
    )
    covers = all(k >= s for k, s in zip(kernel, strides, strict=True))
    padding = "same" if pairs == same and covers else "valid"
    grown = any(amount < 0 for pair in pairs for amount in pair)
    # The bias comes after the zeros that continue a result: a layer can't say that.
    op.require("", not grown, "Keras has no transposed convolution that is continued with zeros")
    if padding == "valid":
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


def _number(dim: object) -> int:
    assert isinstance(dim, int)
    return dim
