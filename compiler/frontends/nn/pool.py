"""Pooling layers."""

from typing import Any

from ....ir.attributes import PadType
from ....ir.dialects.core import pool as core
from ....ir.dialects.core import reduce
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, LayerRules, pair
from .conv import borders_3d, extents_3d, padding, padding_3d

rules = LayerRules("pool")

_KINDS = (core.MaxPool, core.AvgPool, core.L2Pool)
_GLOBAL = (reduce.ReduceMax, reduce.ReduceMean, reduce.ReduceL2Norm)


@rules("pooling")
def pooling(cx: LayerContext, p: Any) -> Result:
    """Max, average or L2 pooling over windows, or over the whole image."""
    cx.expect_inputs(1)
    cx.require(0 <= p.type < len(_KINDS), f"has an unknown type {p.type}")
    if p.globalPooling:
        cx.rank_at_least(cx.input, 3)
        return _GLOBAL[p.type](cx.input, axes=(-2, -1), keep_dims=True).result
    x, restore = cx.as_images(cx.input)
    kernel, strides = pair(p.kernelSize, 3), pair(p.stride, 1)
    if p.WhichOneof("PoolingPaddingType") == "includeLastPixel":
        before = pair(p.includeLastPixel.paddingAmounts, 0)
        pad = _include_last_pixel(cx, x, kernel, strides, before)
        pad_type = PadType.CUSTOM
    else:
        pad_type, pad = padding(cx, p, "PoolingPaddingType")
    given = {"kernel_sizes": kernel, "strides": strides, "pad_type": pad_type, "pad": pad}
    if p.type == 1:
        exclude = bool(p.avgPoolExcludePadding)
        return restore(core.AvgPool(x, exclude_padding_from_average=exclude, **given).result)
    return restore(_KINDS[p.type](x, **given).result)


def _include_last_pixel(
    cx: LayerContext,
    x: Value,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    before: tuple[int, int],
) -> tuple[int, ...]:
    """Padding with which the last window includes the last pixel (ValidCompletePadding)."""
    pad: list[int] = []
    for size, k, s, p in zip(x.type.shape[-2:], kernel, strides, before, strict=True):
        if not isinstance(size, int):
            # Without padding, space for one more stride gives the same windows for every size.
            if any(before):
                raise cx.unsupported("has a last window that depends on a flexible dimension")
            pad += [0, s - 1]
            continue
        out = -(-(size + 2 * p - k) // s) + 1
        if any(before) and (out - 1) * s >= size + p:
            out -= 1
        pad += [p, max((out - 1) * s + k - size - p, 0)]
    return tuple(pad)


# -- three dimensions ------------------------------------------------------------------------------


@rules("pooling3d")
def pooling_3d(cx: LayerContext, p: Any) -> Result:
    """Max or average pooling of [N, C, D, H, W] over windows.

    Padding never wins a maximum, although the specification speaks of zeros: recorded maxima of
    negative numbers are negative. SAME gives ceil(size / stride), as for convolutions.
    """
    cx.expect_inputs(1)
    cx.require(0 <= p.type < 2, f"has an unknown type {p.type}")
    x = cx.sequence_input()
    kernel, strides = extents_3d(cx, p, "kernel"), extents_3d(cx, p, "stride")
    pad_type, pad = padding_3d(cx, p)
    fits = p.paddingType == 0 or not any(borders_3d(p))
    cx.require(fits, "has explicit padding, which is only for CUSTOM")
    exclude = p.type == 1 and bool(p.countExcludePadding)
    if pad and (p.type == 0 or exclude):
        _require_data(cx, x, kernel, strides, pad)
    given = {"kernel_sizes": kernel, "strides": strides, "pad_type": pad_type, "pad": pad}
    if p.type == 0:
        return cx.without_unit_sequence(core.MaxPool(x, **given).result)
    pooled = core.AvgPool(x, exclude_padding_from_average=exclude, **given)
    return cx.without_unit_sequence(pooled.result)


def _require_data(
    cx: LayerContext,
    x: Value,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pad: tuple[int, ...],
) -> None:
    """Refuse windows that contain only padding: their maximum and mean are not specified."""
    rows = zip(x.type.shape[2:], kernel, strides, pad[::2], pad[1::2], strict=True)
    for size, width, stride, before, after in rows:
        empty = before >= width or after >= width
        if isinstance(size, int):
            last = (size + before + after - width) // stride * stride - before
            empty = before >= width or last >= size
        if empty:
            raise cx.unsupported("has windows that contain only padding")


@rules("globalPooling3d")
def global_pooling_3d(cx: LayerContext, p: Any) -> Result:
    """The maximum or mean of each channel of [N, C, D, H, W]."""
    cx.expect_inputs(1)
    cx.require(0 <= p.type < 2, f"has an unknown type {p.type}")
    x = cx.sequence_input()
    return cx.without_unit_sequence(_GLOBAL[p.type](x, axes=(-3, -2, -1), keep_dims=True).result)
