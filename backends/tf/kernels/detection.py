"""Selection among boxes."""

from typing import Any

from .shape import required, with_extents


def non_max_suppression(
    boxes: Any,
    scores: Any,
    iou_threshold: Any,
    score_threshold: Any,
    max_boxes: Any,
    per_class: bool,
) -> tuple[Any, Any, Any, Any]:
    """See the core op `image.non_maximum_suppression`; one step of the loop serves all batches."""
    import tensorflow as tf

    most = tf.get_static_value(max_boxes)
    max_boxes = tf.cast(max_boxes, tf.int32)
    message = ["non-maximum suppression returns ", max_boxes, " boxes, not 1 or more"]
    max_boxes = required(max_boxes, max_boxes >= 1, message)
    lowest = tf.constant(-float("inf"), scores.dtype)
    clean = tf.where(tf.math.is_nan(scores), lowest, scores)
    best = tf.reduce_max(clean, -1)
    order = tf.argsort(best, direction="DESCENDING", stable=True)
    labels = tf.argmax(clean, -1) if per_class else tf.zeros_like(order)
    ranked = _ranked_boxes(tf, boxes, labels, order)
    candidates = tf.gather(best, order, batch_dims=1) >= score_threshold
    positions = tf.range(tf.shape(order)[1])
    # Without a candidate, the best box is kept nevertheless.
    kept = (positions == 0) & ~tf.reduce_any(candidates, 1, keepdims=True)

    def body(step: Any, candidates: Any, kept: Any) -> tuple[Any, Any, Any]:
        first = tf.argmax(tf.cast(candidates, tf.int32), 1, tf.int32)[:, tf.newaxis]
        chosen = candidates & (positions == first)
        near = _near(tf, ranked, first, tf.cast(iou_threshold, ranked[0].dtype))
        return step + 1, candidates & ~chosen & ~near, kept | chosen

    _, _, kept = tf.while_loop(
        lambda step, candidates, _: (step < max_boxes) & tf.reduce_any(candidates),
        *(body, (tf.constant(0), candidates, kept)),
    )
    count = tf.reduce_sum(tf.cast(kept, tf.int32), 1)
    places = tf.argsort(tf.cast(~kept, tf.int32), stable=True)
    spare = tf.maximum(max_boxes - tf.shape(order)[1], 0)
    places = tf.pad(places, [[0, 0], [0, spare]])[:, :max_boxes]
    indices = tf.gather(order, places, batch_dims=1)
    there = tf.range(max_boxes) < count[:, tf.newaxis]
    results = [
        tf.where(there[..., tf.newaxis], tf.gather(x, indices, batch_dims=1), tf.zeros((), x.dtype))
        for x in (boxes, scores)
    ]
    results = [with_extents(x, (boxes.shape[0], most, x.shape[2])) for x in results]
    indices = with_extents(tf.where(there, indices, -1), (boxes.shape[0], most))
    return results[0], results[1], indices, count


def _ranked_boxes(tf: Any, boxes: Any, labels: Any, order: Any) -> tuple[Any, ...]:
    """Left, right, lower and upper ends, widths, heights and labels, [B, N] each, in order."""
    wide = tf.cast(boxes, tf.float32) if boxes.dtype == tf.float16 else boxes
    x, y, width, height = tf.unstack(tf.gather(wide, order, batch_dims=1), axis=-1)
    half = tf.constant(0.5, wide.dtype)
    ends = (x - half * width, x + half * width, y - half * height, y + half * height)
    return (*ends, width, height, tf.gather(labels, order, batch_dims=1))


def _near(tf: Any, ranked: tuple[Any, ...], first: Any, threshold: Any) -> Any:
    """Which boxes overlap the box at the position, of the same class, above the threshold."""
    left, right, low, high, width, height, label = ranked
    one = [tf.gather(x, first, batch_dims=1) for x in ranked]
    across = tf.minimum(right, one[1]) - tf.maximum(left, one[0])
    along = tf.minimum(high, one[3]) - tf.maximum(low, one[2])
    zero = tf.zeros((), width.dtype)
    common = tf.maximum(across, zero) * tf.maximum(along, zero)
    ratio = common / (width * height + one[4] * one[5] - common)
    whole = (width > zero) & (height > zero) & (one[4] > zero) & (one[5] > zero)
    return (tf.where(whole, ratio, zero) > threshold) & (label == one[6])
