"""Resampling of spatial axes: nearest-neighbour upsampling, resizing, cropping boxes.

Both axes are resampled one after the other, each by gathering. Semantics are those of MIL's
`upsample_nearest_neighbor`, `resize_nearest_neighbor`, `resize_bilinear`, iOS 17's `resize` and
`crop_resize`, and of the NeuralNetwork layers they come from.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from .precision import Array, widen

Coordinates: TypeAlias = Literal[
    "strict_align_corners", "align_corners", "default", "offset_corners", "unalign_corners"
]
Interpolation: TypeAlias = Literal["nearest", "bilinear"]
BoxCoordinates: TypeAlias = Literal[
    "strict_align_corners", "align_corners", "default", "offset_corners"
]
BoxMode: TypeAlias = Literal[
    "corners_height_first",
    "corners_width_first",
    "center_size_height_first",
    "center_size_width_first",
]


def upsampled_size(size: int, scale: float) -> int:
    """floor(size * scale), in float32 like the scale factors of Core ML."""
    if isinstance(scale, int):
        return size * scale
    return int(np.floor(np.float32(size) * np.float32(scale)))


def upsample_nearest(x: Array, scale: Sequence[float], axes: Sequence[int]) -> Array:
    """Nearest-neighbour upsampling: element i of the result is element floor(i / scale) of x.

    Args:
        x: Any shape and dtype.
        scale: A positive factor per axis, an int or a (float32) fraction, possibly below 1.
        axes: The axes scaled.

    Returns:
        x with `upsampled_size` elements along each of the axes.
    """
    for factor, axis in zip(scale, axes, strict=True):
        size = x.shape[axis]
        if isinstance(factor, int):
            x = np.repeat(x, factor, axis)
        else:
            at = np.arange(upsampled_size(size, factor), dtype=np.float32) / np.float32(factor)
            x = np.take(x, np.minimum(at.astype(np.int64), size - 1), axis)
    return x


def resize(
    x: Array,
    *,
    axes: tuple[int, int],
    size: tuple[int, int],
    mode: Interpolation,
    coordinates: Coordinates,
) -> Array:
    """Resample two axes of x at the points given by `grid`.

    "bilinear" interpolates between the neighbours of a point. "nearest" takes floor(point) for
    "default" coordinates, which is index floor(i * in / out) as in Core ML, TensorFlow and PyTorch;
    for all others it rounds half up, which for "unalign_corners" is TensorFlow's index
    floor((i + 0.5) * in / out) (Core ML leaves the rounding open).

    Args:
        x: Any shape; any dtype for "nearest", floats for "bilinear".
        axes: The height and the width axis.
        size: The new height and width.
        mode: "nearest" or "bilinear".
        coordinates: How sampling points are placed, see `grid`.

    Returns:
        x with the new size along the axes, in the dtype of x.
    """
    if mode == "nearest":
        for axis, count in zip(axes, size, strict=True):
            points = grid(x.shape[axis], count, coordinates)
            shift = 0.0 if coordinates == "default" else 0.5
            index = np.floor(points + shift).astype(np.int64)
            x = np.take(x, np.minimum(index, x.shape[axis] - 1), axis)
        return x
    data = widen(x)
    for axis, count in zip(axes, size, strict=True):
        data = _interpolate(data, axis, grid(x.shape[axis], count, coordinates))
    return data.astype(x.dtype, copy=False)


def grid(size: int, count: int, coordinates: Coordinates) -> Array:
    """Where `count` samples are taken from the interval [0, size - 1]; float64.

    With X = size, N = count, i = 0 ... N-1 (MIL's sampling_mode; in brackets NeuralNetwork's
    SamplingMode or LinearUpsampleMode, and the attributes of tf.raw_ops.ResizeBilinear):

    * strict_align_corners: i * (X-1) / (N-1), and 0 for N = 1
      [STRICT_ALIGN_ENDPOINTS_MODE, ALIGN_CORNERS_TRUE; align_corners].
    * align_corners: the same, but (X-1) / 2 for N = 1 [ALIGN_ENDPOINTS_MODE].
    * default: i * X / N, at most X-1 [UPSAMPLE_MODE, DEFAULT; neither]. MIL writes its spacing as
      (X - X/N) / (N-1), which is X / N.
    * offset_corners: (i + 0.5) * max(1, X-1) / N, at most X-1 [ROI_ALIGN_MODE; none].
    * unalign_corners: (i + 0.5) * X / N - 0.5, clamped to [0, X-1]
      [ALIGN_CORNERS_FALSE; half_pixel_centers].
    """
    i = np.arange(count, dtype=np.float64)
    match coordinates:
        case "strict_align_corners":
            points = i * (size - 1) / max(count - 1, 1)
        case "align_corners":
            points = i * (size - 1) / (count - 1) if count > 1 else i + (size - 1) / 2
        case "default":
            points = i * size / count
        case "offset_corners":
            points = (i + 0.5) * max(1, size - 1) / count
        case "unalign_corners":
            points = (i + 0.5) * size / count - 0.5
    return np.clip(points, 0, size - 1)


def _interpolate(x: Array, axis: int, points: Array) -> Array:
    """Linear interpolation along one axis."""
    below = np.floor(points).astype(np.int64)
    above = np.minimum(below + 1, x.shape[axis] - 1)
    shape = [1] * x.ndim
    shape[axis] = -1
    share = (points - below).astype(x.dtype).reshape(shape)
    return _between(np.take(x, below, axis), np.take(x, above, axis), share)


def crop_resize(
    x: Array,
    boxes: Array,
    box_indices: Array | None,
    *,
    axes: tuple[int, int],
    size: tuple[int, int],
    box_mode: BoxMode,
    coordinates: BoxCoordinates,
    normalized: bool,
    spatial_scale: float,
    pad_value: float,
) -> Array:
    """Boxes out of a batch of images, each resampled to `size`; see the op `image.crop_resize`.

    Args:
        x: [B, C, H, W] or [B, H, W, C].
        boxes: [N, 4], floats.
        box_indices: [N], which image each box is cut from; None for the first.
        axes: The height and the width axis of x.
        size: The new height and width.
        box_mode: What the four numbers of a box are.
        coordinates: How sampling points are placed between start and end, see `box_grid`.
        normalized: Coordinates are fractions of the size minus 1.
        spatial_scale: Multiplies coordinates.
        pad_value: The value outside an image.

    Returns:
        x with N images of the new size, in the dtype of x.
    """
    images = np.zeros(len(boxes), np.int64) if box_indices is None else box_indices
    if images.size and not 0 <= images.min() <= images.max() < len(x):
        raise ValueError(f"box_indices are {images.tolist()}, for {len(x)} images")
    data = np.moveaxis(widen(x), axes, (1, 2))
    extents = data.shape[1:3]
    starts, ends = box_corners(widen(boxes), box_mode)
    samples: list[_Samples] = []
    for axis, extent in enumerate(extents):
        unit = starts.dtype.type(extent - 1 if normalized else 1)
        scale = starts.dtype.type(spatial_scale)
        start, end = (corner[:, axis] * unit * scale for corner in (starts, ends))
        samples.append(_samples(box_grid(start, end, size[axis], coordinates), extent, data.dtype))
    rows, columns = samples

    image = images[:, None]
    strips = _between(data[image, rows.low], data[image, rows.high], rows.share[:, :, None, None])
    left, right = (
        np.take_along_axis(strips, at[:, None, :, None], 2) for at in (columns.low, columns.high)
    )
    pixels = _between(left, right, columns.share[:, None, :, None])
    inside = rows.inside[:, :, None, None] & columns.inside[:, None, :, None]
    result = np.where(inside, pixels, data.dtype.type(pad_value)).astype(x.dtype, copy=False)
    return np.ascontiguousarray(np.moveaxis(result, (1, 2), axes))


def box_corners(boxes: Array, box_mode: BoxMode) -> tuple[Array, Array]:
    """(start, end) of every box, each [N, 2] as (height, width), from [N, 4] numbers."""
    first, second = boxes[:, :2], boxes[:, 2:]
    if box_mode in ("corners_width_first", "center_size_width_first"):
        first, second = first[:, ::-1], second[:, ::-1]
    if box_mode in ("corners_height_first", "corners_width_first"):
        return first, second
    half = second / second.dtype.type(2)
    return first - half, first + half


def box_grid(start: Array, end: Array, count: int, coordinates: BoxCoordinates) -> Array:
    """Where `count` samples are taken from each interval [start, end]; [N, count].

    The interval is as long as that of `grid` for X = end - start + 1, and samples lie in it as
    they do there. NeuralNetwork's SamplingMode says so: it speaks of [0, X-1] "without the loss of
    generality". Of [end, start] with end < start the samples are the same, backwards.
    """
    number = start.dtype.type
    start, end = start[:, None], end[:, None]
    with np.errstate(invalid="ignore", over="ignore"):
        length = np.abs(end - start)
        spans = {"default": length + number(1), "offset_corners": np.maximum(length, number(1))}
        shares = box_shares(count, coordinates).astype(start.dtype)
        # At most the length, so that rounding can't move the last sample out of the image.
        offsets = np.minimum(shares * spans.get(coordinates, length), length)
        points = np.where(start <= end, start + offsets, start - offsets)
    return np.where(np.isfinite(length), points, number(np.nan))


def box_shares(count: int, coordinates: BoxCoordinates) -> Array:
    """Positions of samples, as fractions of the length that `box_grid` divides; float64."""
    i = np.arange(count, dtype=np.float64)
    match coordinates:
        case "strict_align_corners":
            return i / max(count - 1, 1)
        case "align_corners":
            return i / (count - 1) if count > 1 else i + 0.5
        case "default":
            return i / count
        case "offset_corners":
            return (i + 0.5) / count


class _Samples(NamedTuple):
    """Positions between neighbouring elements of an axis, each [N, count]."""

    low: Array
    high: Array
    share: Array
    inside: Array


def _samples(points: Array, size: int, dtype: np.dtype[Any]) -> _Samples:
    """Neighbours of every point, and the weight of the upper one; arbitrary for points outside."""
    inside = (points >= 0) & (points <= size - 1)
    points = np.where(inside, points, 0)
    low = np.floor(points).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    return _Samples(low, high, (points - low).astype(dtype), inside)


def _between(low: Array, high: Array, share: Array) -> Array:
    return low + (high - low) * share
