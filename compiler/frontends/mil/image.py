"""Resampling of images to another size, and cropping of boxes."""

from collections.abc import Callable

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import image as core
from ....ir.dialects.core import shape
from ....ir.dims import Dim, product
from ....ir.reference.resize import upsampled_size
from ....ir.ssa import Value
from ....ir.types import DType
from ..rules import Result
from ..values import cast
from . import sampling
from .context import MilContext, MilRules

rules = MilRules("image")

Size = int | sampling.Computed
_INTERPOLATIONS = {"LINEAR": "bilinear", "NEAREST_NEIGHBOR": "nearest"}


# -- by factors ------------------------------------------------------------------------------------


@rules("upsample_nearest_neighbor")
def upsample_nearest_neighbor(cx: MilContext) -> Result:
    """Upsample by whole or fractional factors."""
    x, factors = _images(cx), _factors(cx)
    if all(factor == int(factor) for factor in factors):
        images, restore = _as_batch(x)
        scale = tuple(int(factor) for factor in factors)
        return restore(core.UpsampleNearest(images, scale).result)
    return _resized(x, _scaled(cx, x, factors), "nearest", "default")


@rules("upsample_bilinear")
def upsample_bilinear(cx: MilContext) -> Result:
    """Upsample by whole or fractional factors; the spacing depends on sizes, not on factors.

    Either corners are aligned, or pixel centres are at halves (the default is the opposite).
    """
    x, factors = _images(cx), _factors(cx)
    aligned = cx.flag("align_corners", True)
    halves = cx.flag("half_pixel_centers", not aligned) if cx.opset >= 16 else not aligned
    if aligned and halves:
        raise cx.unsupported("aligns corners and has pixel centres at halves")
    coordinates = "unalign_corners" if halves else "default"
    coordinates = "strict_align_corners" if aligned else coordinates
    return _resized(x, _scaled(cx, x, factors), "bilinear", coordinates)


def _factors(cx: MilContext) -> tuple[float, float]:
    height, width = (float(cx.scalar(f"scale_factor_{end}", 1)) for end in ("height", "width"))
    cx.require(min(height, width) > 0, f"has the factors {height} and {width}")
    return height, width


def _scaled(cx: MilContext, x: Value, factors: tuple[float, float]) -> tuple[Size, Size]:
    rank = x.type.rank
    first, second = (
        _scaled_extent(cx, x, axis, factor)
        for axis, factor in zip((rank - 2, rank - 1), factors, strict=True)
    )
    return first, second


def _scaled_extent(cx: MilContext, x: Value, axis: int, factor: float) -> Size:
    extent = x.type.shape[axis]
    if isinstance(extent, int):
        size = upsampled_size(extent, factor)
        cx.require(size > 0, f"can't scale a dimension of {extent} by {factor}")
        return size
    dim = extent * int(factor) if factor == int(factor) else cx.fresh_symbol(axis)
    return sampling.scaled(x, axis, factor), dim


# -- to sizes --------------------------------------------------------------------------------------


@rules("resize_nearest_neighbor")
def resize_nearest_neighbor(cx: MilContext) -> Result:
    """Resize to a height and a width: the pixel that contains a sample's centre, as recorded."""
    x, size = _images(cx), (cx.integer("target_size_height"), cx.integer("target_size_width"))
    return _resized(x, size, "nearest", "unalign_corners")


@rules("resize_bilinear")
def resize_bilinear(cx: MilContext) -> Result:
    """Resize to a height and a width, which are 1 unless given."""
    x = _images(cx)
    size = (cx.integer("target_size_height", 1), cx.integer("target_size_width", 1))
    return _resized(x, size, "bilinear", _coordinates(cx, core.COORDINATES))


@rules("resize", since=17)
def resize(cx: MilContext) -> Result:
    """Resize the last dimensions to the last entries of a shape, where 0 keeps a dimension.

    The nearest pixel for "DEFAULT" is the one that contains the sample's centre, as recorded from
    Core ML: [a, b] becomes [a, b, b]. The definition doesn't say.
    """
    x, count = cx.value("x"), cx.integer("resized_dims")
    mode = cx.text("interpolation_mode", "LINEAR")
    if mode not in _INTERPOLATIONS:
        raise cx.unsupported(f"has the unknown interpolation mode '{mode}'")
    coordinates = _coordinates(cx, core.COORDINATES)
    if mode == "NEAREST_NEIGHBOR" and coordinates == "default":
        coordinates = "unalign_corners"
    entries, target = cx.extents("shape"), cast(cx.value("shape"), DType.I32)
    cx.require(target.type.rank == 1, f"takes a shape of type {target.type}")
    (length,) = target.type.static_shape
    fits = 0 <= count <= length <= x.type.rank
    cx.require(fits, f"resizes {count} dimensions of {x.type}, but has {length} sizes")
    if count > 2:
        raise cx.unsupported(f"resizes {count} dimensions at once")
    floats = x.type.dtype in (DType.F16, DType.F32)
    if mode == "LINEAR" and not floats:
        raise cx.unsupported(f"can't interpolate between elements of {x.type.dtype.value}")
    axes = range(x.type.rank - count, x.type.rank)
    sizes: list[Size] = []
    for axis, at in zip(axes, range(length - count, length), strict=True):
        entry = None if entries is None else entries[at]
        extent = x.type.shape[axis]
        entry = extent if entry == 0 else entry
        if isinstance(entry, int):
            cx.require(entry > 0, f"resizes to a dimension of {entry}")
            sizes.append(entry)
        else:
            dim = cx.fresh_symbol(axis) if entry is None else entry
            sizes.append((sampling.entry_or_extent(target, at, x, axis), dim))
    if count == 2 and floats and x.type.rank >= 3:
        return _resized(x, (sizes[0], sizes[1]), _INTERPOLATIONS[mode], coordinates)
    for axis, size in zip(axes, sizes, strict=True):
        x = sampling.resample_axis(x, axis, size, _INTERPOLATIONS[mode], coordinates)
    return x


def _coordinates(cx: MilContext, known: tuple[str, ...]) -> str:
    name = cx.text("sampling_mode", "DEFAULT").lower()
    if name not in known:
        raise cx.unsupported(f"has the sampling mode '{name.upper()}', which is not understood")
    return name


def _resized(x: Value, size: tuple[Size, Size], mode: str, coordinates: str) -> Value:
    """x with other sizes of the last two dimensions."""
    height, width = size
    if isinstance(height, int) and isinstance(width, int):
        images, restore = _as_batch(x)
        return restore(core.Resize(images, (height, width), mode, coordinates).result)
    for axis, count in ((x.type.rank - 2, height), (x.type.rank - 1, width)):
        x = sampling.resample_axis(x, axis, count, mode, coordinates)
    return x


def _images(cx: MilContext) -> Value:
    x = cx.value("x")
    cx.require(x.type.rank >= 3, f"takes at least three dimensions, got {x.type}")
    return x


def _as_batch(x: Value) -> tuple[Value, Callable[[Value], Value]]:
    """(x as [N, C, H, W], a function that restores its leading dimensions)."""
    lead = x.type.shape[:-3]
    if len(lead) == 1:
        return x, lambda result: result
    if not lead:
        batch = shape.ExpandDims(x, (0,)).result
        return batch, lambda result: shape.Squeeze(result, (0,)).result

    def restore(result: Value) -> Value:
        return shape.Reshape(result, (*lead, *result.type.shape[-3:])).result

    return shape.Reshape(x, (product(lead), *x.type.shape[-3:])).result, restore


# -- boxes -----------------------------------------------------------------------------------------


@rules("crop_resize")
def crop_resize(cx: MilContext) -> Result:
    """Crop boxes [N, 1, 4, 1, 1] from all images, or [N, 1, 5, 1, 1] from the image they name."""
    x, boxes = _batch(cx), cx.value("roi")
    numbers = boxes.type.shape[2] if boxes.type.rank == 5 else None
    fits = numbers in (4, 5) and boxes.type.shape[1::2] == (1, 1) and boxes.type.shape[4] == 1
    cx.require(fits, f"takes boxes [N, 1, 4, 1, 1] or [N, 1, 5, 1, 1], got {boxes.type}")
    rows = shape.Squeeze(boxes, (1, 3, 4)).result
    if numbers == 5:
        first, rest = shape.Split(rows, (1, 4), 1).results
        indices = cast(shape.Squeeze(first, (1,)).result, DType.I32)
        return shape.ExpandDims(_cut(cx, x, rest, indices), (1,)).result
    # As if the channels of all images belonged to a single one.
    batch, channels, height, width = x.type.shape
    merged = shape.Reshape(x, (1, product((batch, channels)), height, width)).result
    made = _cut(cx, merged, rows, None)
    sizes = (made.type.shape[0], batch, channels, *made.type.shape[2:])
    return shape.Reshape(made, sizes).result


@rules("crop_resize", since=17)
def crop_resize_by_indices(cx: MilContext) -> Result:
    """Crop boxes [N, 4], each from the image of its index; without indices, box n from image n."""
    x, boxes, indices = _batch(cx), cx.value("boxes"), cx.optional("box_indices")
    cx.require(boxes.type.rank == 2, f"takes boxes [N, 4], got {boxes.type}")
    if indices is None:
        count: Dim = boxes.type.shape[0]
        batch = x.type.shape[0]
        if not isinstance(count, int):
            raise cx.unsupported("has a number of boxes known only at run time, and no indices")
        fits = not isinstance(batch, int) or count <= batch
        cx.require(fits, f"has {count} boxes for {batch} images, and no indices")
        indices = constant(np.arange(count, dtype=np.int32))
    if boxes.type.dtype not in (DType.F16, DType.F32):
        boxes = cast(boxes, DType.F32)
    return _cut(cx, x, boxes, cast(indices, DType.I32))


def _batch(cx: MilContext) -> Value:
    x = cx.value("x")
    cx.require(x.type.rank == 4, f"takes four dimensions, got {x.type}")
    return x


def _cut(cx: MilContext, x: Value, boxes: Value, indices: Value | None) -> Value:
    mode = cx.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST").lower()
    if mode not in core.BOX_MODES:
        raise cx.unsupported(f"has the unknown box mode '{mode.upper()}'")
    return core.CropResize(
        x,
        boxes,
        indices,
        size=(cx.integer("target_height", 1), cx.integer("target_width", 1)),
        normalized=cx.flag("normalized_coordinates", False),
        spatial_scale=cx.number("spatial_scale", 1.0),
        box_mode=mode,
        coordinates=_coordinates(cx, core.BOX_COORDINATES),
        pad_value=cx.number("pad_value", 0.0) if cx.opset >= 16 else 0.0,
    ).result
