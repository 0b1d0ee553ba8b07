"""Resampling of spatial axes: nearest-neighbour upsampling and resizing to a size.

Both axes are resampled one after the other, each by gathering. Semantics are those of MIL's
`upsample_nearest_neighbor`, `resize_nearest_neighbor`, `resize_bilinear` and iOS 17's `resize`, and
of the NeuralNetwork layers they come from.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from .precision import Array, widen

Coordinates: TypeAlias = Literal[
    "strict_align_corners", "align_corners", "default", "offset_corners", "unalign_corners"
]
Interpolation: TypeAlias = Literal["nearest", "bilinear"]


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
    low, high = np.take(x, below, axis), np.take(x, above, axis)
    return low + (high - low) * share
