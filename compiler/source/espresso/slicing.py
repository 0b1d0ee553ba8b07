"""Slices, padding and resampling."""

from typing import Any

from .files import Dims
from .layer import EspressoLayer, RuleTable

_LETTERS = ("w", "h", "k", "n", "seq")
# Axes count from the width; the specification's slice knows channel, height and width.
_SLICE_AXES = {2: (0, -3), 1: (1, -2), 0: (2, -1)}
_PAD_PLACES = 64
_PAD_MODES = ("constant", "reflection", "replication")
_BILINEAR = 1
_ALIGN_CORNERS, _HALF_PIXELS = 1, 2  # LinearUpsampleMode


def slice_layer(cx: EspressoLayer) -> tuple[Dims, ...]:
    """[start:end] of channel, height or width."""
    shape, axis = cx.image(), cx.integer("axis")
    if axis not in _SLICE_AXES:
        raise cx.unknown("axis", axis)
    p = cx.add("slice")
    p.axis, at = _SLICE_AXES[axis]
    p.startIndex, p.endIndex, p.stride = cx.integer("start"), cx.integer("end"), 1
    end = min(p.endIndex, shape[at])
    cx.require(
        0 <= p.startIndex < end, f"can't slice {p.startIndex} to {p.endIndex} of {shape[at]}"
    )
    found = list(shape)
    found[at] = end - p.startIndex
    return (tuple(found),)


def general_slice(cx: EspressoLayer) -> tuple[Dims, ...]:
    """[begin:end:stride] of every dimension; the letter w stands for the first, h for the next."""
    cx.only_exact()
    cx.arity(1)
    cx.optional("use_static_sizes", 0)
    shape = cx.shape()
    p = cx.add("sliceStatic", since=4)
    found: list[int] = []
    for place, letter in enumerate(_LETTERS):
        used = place < len(shape)
        begin, end, stride = (
            cx.integer(f"{key}_{letter}", None if used else default)
            for key, default in (("begin", 0), ("end", 1), ("stride", 1))
        )
        masks = [cx.flag(f"{side}_mask_{letter}") for side in ("begin", "end")]
        cx.optional_only({f"squeeze_mask_{letter}": 0, f"static_sizes_{letter}": 0})
        if not used:
            cx.require(
                (begin, end, stride, *masks) == (0, 1, 1, False, False),
                "slices more dimensions than its input has",
            )
            continue
        cx.require(stride != 0, "has a stride of 0")
        for values, value in (
            *((p.beginIds, begin), (p.endIds, end), (p.strides, stride)),
            *((p.beginMasks, masks[0]), (p.endMasks, masks[1]), (p.squeezeMasks, False)),
        ):
            values.append(value)
        part = slice(None if masks[0] else begin, None if masks[1] else end, stride)
        found.append(len(range(*part.indices(shape[place]))))
    return (tuple(found),)


def tensor_zero_pad(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Padding in any dimension: `pads_0` before the first one, `pads_1` after it, and so on."""
    cx.only_exact()
    cx.arity(1)
    cx.expect("nd_mode", 1)
    shape = cx.shape()
    used = cx.amounts(*(f"pads_{i}" for i in range(2 * len(shape))))
    rest = [cx.integer(f"pads_{i}", 0) for i in range(len(used), _PAD_PLACES)]
    cx.require(not any(rest), f"has padding that doesn't fit {list(shape)}")
    p = cx.add("constantPad", since=4)
    p.value = cx.number("value", 0)
    p.padAmounts.extend(used)
    return (tuple(size + used[2 * i] + used[2 * i + 1] for i, size in enumerate(shape)),)


def general_padding(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Padding of height and width."""
    *lead, height, width = cx.image()
    top, bottom, left, right = edges = cx.amounts(*(f"pad_{side}" for side in "tblr"))
    mode = _PAD_MODES[int(cx.expect("pad_pad_mode", 0, 1, 2))]
    cx.optional("pad_fill_mode", 0)
    value = cx.number("pad_value", 0)
    p = cx.add("padding")
    _borders(p.paddingAmounts, edges)
    getattr(p, mode).SetInParent()
    if mode == "constant":
        p.constant.value = value
    return ((*lead, height + top + bottom, width + left + right),)


def crop(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Crops height and width."""
    *lead, height, width = cx.image()
    top, bottom, left, right = edges = cx.amounts(*"tblr")
    _borders(cx.add("crop").cropAmounts, edges)
    return ((*lead, height - top - bottom, width - left - right),)


def _borders(amounts: Any, edges: tuple[int, ...]) -> None:
    top, bottom, left, right = edges
    amounts.borderAmounts.add(startEdgeSize=top, endEdgeSize=bottom)
    amounts.borderAmounts.add(startEdgeSize=left, endEdgeSize=right)


def upsample(cx: EspressoLayer) -> tuple[Dims, ...]:
    """By whole factors, repeating pixels or interpolating linearly."""
    *lead, height, width = cx.image()
    rows, columns = cx.size("scaling_factor_y"), cx.size("scaling_factor_x")
    cx.optional("use_fractional_scale_factors", 0)
    for side in "xy":
        cx.keys.pop(f"fractional_scaling_factor_{side}", None)  # which are not used
    mode = int(cx.expect("mode", 0, _BILINEAR))
    p = cx.add("upsample", since=1 if mode == 0 else 5)
    p.scalingFactor.extend((rows, columns))
    p.mode = mode
    if mode == _BILINEAR:
        cx.expect("is_legacy_mode", 0)
        aligned = cx.expect("align_corners", 0, 1)
        p.linearUpsampleMode = _ALIGN_CORNERS if aligned else _HALF_PIXELS
    else:
        cx.optional_only({"is_legacy_mode": 0, "align_corners": 0})
    return ((*lead, height * rows, width * columns),)


def space_to_depth(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Blocks of pixels to channels, or back."""
    *lead, channels, height, width = cx.image()
    block, back = cx.size("block_size"), cx.flag("reverse")
    cx.expect("pixel_shuffle", 0)
    p = cx.add("reorganizeData")
    p.mode, p.blockSize = int(back), block
    area = block * block
    if back:
        cx.require(channels % area == 0, f"can't make blocks of {area} from {channels} channels")
        return ((*lead, channels // area, height * block, width * block),)
    fits = height % block == width % block == 0
    cx.require(fits, f"can't make blocks of {block} from {height} × {width}")
    return ((*lead, channels * area, height // block, width // block),)


RULES: RuleTable = {
    "slice": slice_layer,
    "general_slice": general_slice,
    "tensor_zero_pad": tensor_zero_pad,
    "general_padding": general_padding,
    "crop": crop,
    "upsample": upsample,
    "space_to_depth": space_to_depth,
}
