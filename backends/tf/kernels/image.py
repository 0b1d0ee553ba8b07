"""Resampling at positions that are known only at run time."""

from collections.abc import Sequence
from typing import Any

from ....ir.reference.resize import box_shares


def resample(x: Any, axis: int, count: int, mode: str, coordinates: str) -> Any:
    """One dimension of `image.resize` whose size is known only at run time; see `resize.grid`."""
    import tensorflow as tf

    last = tf.shape(x)[axis] - 1
    points = _grid(tf, tf.cast(last + 1, tf.float64), count, coordinates)
    if mode == "nearest":
        shift = 0.0 if coordinates == "default" else 0.5
        at = tf.cast(tf.floor(points + shift), tf.int32)
        return tf.gather(x, tf.minimum(at, last), axis=axis)
    number = tf.float32 if x.dtype == tf.float16 else x.dtype
    *positions, share, _ = _neighbours(tf, points, last, number)
    shape = [-1 if i == axis else 1 for i in range(len(x.shape))]
    below, above = (tf.cast(tf.gather(x, at, axis=axis), number) for at in positions)
    return tf.cast(below + (above - below) * tf.reshape(share, shape), x.dtype)


def _grid(tf: Any, size: Any, count: int, coordinates: str) -> Any:
    i = tf.range(count, dtype=tf.float64)
    match coordinates:
        case "strict_align_corners":
            points = i * (size - 1) / max(count - 1, 1)
        case "align_corners":
            points = i * (size - 1) / (count - 1) if count > 1 else i + (size - 1) / 2
        case "default":
            points = i * size / count
        case "offset_corners":
            points = (i + 0.5) * tf.maximum(size - 1, 1) / count
        case _:  # unalign_corners
            points = (i + 0.5) * size / count - 0.5
    return tf.clip_by_value(points, 0, size - 1)


def crop_resize(
    x: Any,
    boxes: Any,
    size: Sequence[int],
    normalized: bool,
    spatial_scale: float,
    box_mode: str,
    coordinates: str,
    pad_value: float,
    box_indices: Any = None,
) -> Any:
    """See the core op `image.crop_resize`; x is [B, H, W, C] here.

    Not `tf.image.crop_and_resize`, which knows one of the four ways to place samples.
    """
    import tensorflow as tf

    position = tf.float64 if boxes.dtype == tf.float64 else tf.float32
    number = tf.float32 if x.dtype == tf.float16 else x.dtype
    starts, ends = _box_corners(tf.cast(boxes, position), box_mode)
    samples: list[Any] = []
    for axis, count in enumerate(size):
        last = tf.shape(x)[axis + 1] - 1
        unit = tf.cast(last, position) if normalized else tf.ones((), position)
        start, end = (c[:, axis, tf.newaxis] * unit * spatial_scale for c in (starts, ends))
        points = _box_grid(tf, start, end, count, coordinates)
        samples.append(_neighbours(tf, points, last, number))
    (top, bottom, down, rows), (left, right, along, columns) = samples

    def strip(at: Any) -> Any:
        if box_indices is None:
            return tf.cast(tf.gather(x[0], at), number)
        image = tf.broadcast_to(tf.cast(box_indices, tf.int32)[:, tf.newaxis], tf.shape(at))
        return tf.cast(tf.gather_nd(x, tf.stack([image, at], -1)), number)

    upper, lower = strip(top), strip(bottom)
    strips = upper + (lower - upper) * down[:, :, tf.newaxis, tf.newaxis]
    first, second = (tf.gather(strips, at, axis=2, batch_dims=1) for at in (left, right))
    pixels = first + (second - first) * along[:, tf.newaxis, :, tf.newaxis]
    known = rows[:, :, tf.newaxis, tf.newaxis] & columns[:, tf.newaxis, :, tf.newaxis]
    return tf.cast(tf.where(known, pixels, tf.constant(pad_value, number)), x.dtype)


def _box_corners(boxes: Any, box_mode: str) -> tuple[Any, Any]:
    first, second = boxes[:, :2], boxes[:, 2:]
    if box_mode.endswith("width_first"):
        first, second = first[:, ::-1], second[:, ::-1]
    if box_mode.startswith("corners"):
        return first, second
    return first - second / 2, first + second / 2


def _box_grid(tf: Any, start: Any, end: Any, count: int, coordinates: str) -> Any:
    length = tf.abs(end - start)
    span = length
    if coordinates == "default":
        span = length + 1
    elif coordinates == "offset_corners":
        span = tf.maximum(length, 1)
    shares = tf.constant(box_shares(count, coordinates), start.dtype)  # type: ignore[arg-type]
    offsets = tf.minimum(shares * span, length)
    points = tf.where(start <= end, start + offsets, start - offsets)
    return tf.where(tf.math.is_finite(length), points, tf.constant(float("nan"), start.dtype))


def _neighbours(tf: Any, points: Any, last: Any, number: Any) -> tuple[Any, Any, Any, Any]:
    """(index below, index above, the weight of the upper one, whether a point is inside)."""
    inside = (points >= 0) & (points <= tf.cast(last, points.dtype))
    points = tf.where(inside, points, tf.zeros_like(points))
    low = tf.cast(tf.floor(points), tf.int32)
    share = tf.cast(points - tf.cast(low, points.dtype), number)
    return low, tf.minimum(low + 1, last), share, inside
