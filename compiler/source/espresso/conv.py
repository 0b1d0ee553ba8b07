"""Convolutions and pooling: windows that move over images."""

from math import prod
from typing import Any

import numpy as np

from .files import Dims
from .layer import EspressoLayer, RuleTable

_EXPLICIT, _SAME, _VALID, _SAME_LOWER = 0, 1, 2, 4
_EDGES = ("pad_t", "pad_b", "pad_l", "pad_r")
_INCLUDE_LAST_PIXEL = 2
_QUANTIZED = {"W_U8", "per_ch_qscale", "per_ch_qbias"}
_TOP_LEFT_HEAVY = 1
# avg_or_max → PoolingType.
_MEAN = 0
_POOLINGS = {_MEAN: 1, 1: 0, 2: 2}


def convolution(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Weights are [C, K / groups, Ny, Nx]; batch normalization is part of them."""
    *lead, channels, height, width = cx.image()
    out, groups = _channels(cx, channels)
    p, function, before = _convolution(cx, out, channels // groups, groups)
    dilation = cx.size("dilation_y", 1), cx.size("dilation_x", 1)
    p.dilationFactor.extend(dilation)
    kernel = [(k - 1) * d + 1 for k, d in zip(p.kernelSize, dilation, strict=True)]
    modes = (_EXPLICIT, _SAME, _VALID, _SAME_LOWER)
    sizes = _padded(cx, p, (height, width), kernel, modes)
    _weights(cx, p.weights, (out, channels // groups, *p.kernelSize))
    cx.activate(function, before)
    return ((*lead, out, *sizes),)


def _weights(cx: EspressoLayer, params: Any, dims: Dims) -> None:
    """Weights as they are, or bytes with a scale and a bias for each output channel.

    Core ML rounds scaled bytes to half precision, as others have measured on its CPU, so they
    become half precision here.
    """
    named = cx.keys.get("weights", {})
    if named.keys() != _QUANTIZED:
        cx.weights(params, dims)
        return
    cx.keys |= cx.keys.pop("weights")
    count = dims[0]
    codes = np.frombuffer(cx.blob("W_U8", prod(dims), 1), np.uint8).reshape(count, -1)
    scale, bias = (
        np.frombuffer(cx.blob(key, count), "<f4").astype(np.float64)[:, np.newaxis]
        for key in ("per_ch_qscale", "per_ch_qbias")
    )
    with np.errstate(over="ignore", invalid="ignore"):
        params.float16Value = (codes * scale + bias).astype("<f4").astype("<f2").tobytes()
    cx.version = max(cx.version, 2)


def deconvolution(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Weights are [K, C / groups, Ny, Nx]; padding is cropped."""
    *lead, channels, height, width = cx.image()
    out, groups = _channels(cx, channels)
    p, function, before = _convolution(cx, out, channels, groups)
    p.isDeconvolution = True
    cx.optional_only({"dilation_y": 1, "dilation_x": 1})
    cx.expect("pad_mode", _EXPLICIT)
    top, bottom, left, right = _edges(cx)
    _valid(p, (top, bottom, left, right))
    rows, columns = (
        (size - 1) * s + k - cut
        for size, s, k, cut in zip(
            (height, width), p.stride, p.kernelSize, (top + bottom, left + right), strict=True
        )
    )
    cx.optional_only({"deconv_out_height": rows, "deconv_out_width": columns})
    cx.weights(p.weights, (channels, out // groups, *p.kernelSize))
    cx.activate(function, before)
    return ((*lead, out, rows, columns),)


def _channels(cx: EspressoLayer, found: int) -> tuple[int, int]:
    """(output channels, groups)."""
    out, total, groups = cx.size("C"), cx.size("K"), cx.size("n_groups", 1)
    cx.require(total == found, f"takes {total} channels, its input has {found}")
    fits = total % groups == 0 and out % groups == 0
    cx.require(fits, f"has {groups} groups of {total} channels to {out}")
    return out, groups


def _convolution(
    cx: EspressoLayer, out: int, kernel_channels: int, groups: int
) -> tuple[Any, str, tuple[str, ...]]:
    """(parameters, the following activation, the blob between them)."""
    function = cx.fused(fused_relu="ReLU", fused_tanh="tanh")
    before = cx.before(function)
    p = cx.add("convolution", outputs=before)
    p.outputChannels, p.kernelChannels, p.nGroups = out, kernel_channels, groups
    p.kernelSize.extend((cx.size("Ny"), cx.size("Nx")))
    p.stride.extend((cx.size("stride_y", 1), cx.size("stride_x", 1)))
    cx.optional_only({"has_batch_norm": 0, "n_parallel": 1})
    if cx.flag("has_biases"):
        p.hasBias = True
        cx.bias(p.bias, out)
    return p, function, before


def pool(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Largest, mean or root of the sum of squares."""
    *lead, height, width = cx.image()
    kind = cx.integer("avg_or_max")
    if kind not in _POOLINGS:
        raise cx.unknown("avg_or_max", kind)
    p = cx.add("pooling")
    p.type = _POOLINGS[kind]
    if kind == _MEAN:
        p.avgPoolExcludePadding = bool(cx.expect("average_count_exclude_padding", 0, 1))
    else:
        cx.keys.pop("average_count_exclude_padding", None)  # no average is taken
    p.kernelSize.extend((cx.size("size_y"), cx.size("size_x")))
    p.stride.extend((cx.size("stride_y", 1), cx.size("stride_x", 1)))
    if cx.flag("is_global"):
        return (_global(cx, p, tuple(lead)),)
    modes = (_EXPLICIT, _SAME, _VALID)
    style = cx.optional("top_shape_style", 0, _INCLUDE_LAST_PIXEL)
    if style == _INCLUDE_LAST_PIXEL:
        return ((*lead, *_include_last_pixel(cx, p, (height, width))),)
    return ((*lead, *_padded(cx, p, (height, width), list(p.kernelSize), modes)),)


def _global(cx: EspressoLayer, p: Any, lead: Dims) -> Dims:
    """Over whole images, where sizes and strides have no meaning."""
    p.globalPooling = True
    del p.kernelSize[:], p.stride[:]
    p.valid.SetInParent()
    cx.require(not any(_edges(cx)), "is global and padded")
    cx.optional("pad_mode", _EXPLICIT, _VALID)
    cx.optional("top_shape_style", 0)
    return (*lead, 1, 1)


def _include_last_pixel(cx: EspressoLayer, p: Any, sizes: Dims) -> Dims:
    """Windows continue until they include the last pixel."""
    cx.expect("pad_mode", _EXPLICIT)
    top, bottom, left, right = _edges(cx)
    if (top, left) != (bottom, right):
        pads = [top, bottom, left, right]
        raise cx.unsupported(f"includes the last pixel although its padding is unequal, {pads}")
    p.includeLastPixel.paddingAmounts.extend((top, left))
    found: list[int] = []
    for size, kernel, stride, pad in zip(sizes, p.kernelSize, p.stride, (top, left), strict=True):
        count = -((kernel - size - 2 * pad) // stride) + 1
        found.append(count - 1 if pad and (count - 1) * stride >= size + pad else count)
    return tuple(found)


def _padded(cx: EspressoLayer, p: Any, sizes: Dims, kernel: list[int], modes: Dims) -> Dims:
    """Set the padding; returns the sizes of the result."""
    mode = int(cx.expect("pad_mode", *modes))
    is_same = mode in (_SAME, _SAME_LOWER)
    top, bottom, left, right = edges = _edges(cx, padded=is_same)
    if is_same:
        cx.require(not any(edges), "is padded to the same size and has explicit padding")
        p.same.asymmetryMode = _TOP_LEFT_HEAVY if mode == _SAME_LOWER else 0
        return tuple(-(-size // stride) for size, stride in zip(sizes, p.stride, strict=True))
    cx.require(mode == _EXPLICIT or not any(edges), "is not padded but has explicit padding")
    _valid(p, edges)
    pads = (top + bottom, left + right)
    return tuple(
        (size + pad - k) // stride + 1
        for size, pad, k, stride in zip(sizes, pads, kernel, p.stride, strict=True)
    )


def _edges(cx: EspressoLayer, *, padded: bool = False) -> tuple[int, int, int, int]:
    """Padding as (top, bottom, left, right); if there is any, it must be filled with 0."""
    top, bottom, left, right = edges = cx.amounts(*_EDGES)
    for key in ("pad_fill_mode", "pad_value"):
        if padded or any(edges):
            cx.optional(key, 0)
        else:
            cx.keys.pop(key, None)
    return top, bottom, left, right


def _valid(p: Any, edges: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = edges
    amounts = p.valid.paddingAmounts.borderAmounts
    amounts.add(startEdgeSize=top, endEdgeSize=bottom)
    amounts.add(startEdgeSize=left, endEdgeSize=right)


RULES: RuleTable = {"convolution": convolution, "deconvolution": deconvolution, "pool": pool}
