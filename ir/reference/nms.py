"""Non-maximum suppression: of boxes that overlap too much, only the best is kept."""

import numpy as np

from .precision import Array, widen


def non_maximum_suppression(
    boxes: Array,
    scores: Array,
    iou_threshold: float,
    score_threshold: float,
    max_boxes: int,
    per_class: bool,
) -> tuple[Array, Array, Array, Array]:
    """See the core op `image.non_maximum_suppression`, whose results these are.

    Args:
        boxes: [B, N, 4], (centre x, centre y, width, height).
        scores: [B, N, C].
        iou_threshold: more overlap than this suppresses.
        score_threshold: boxes with a lower score are dropped.
        max_boxes: how many boxes may be kept; at least 1.
        per_class: boxes of different classes don't suppress each other.
    """
    if max_boxes < 1:
        raise ValueError(f"returns {max_boxes} boxes, not 1 or more")
    batch, _, classes = scores.shape
    kept_boxes = np.zeros((batch, max_boxes, 4), boxes.dtype)
    kept_scores = np.zeros((batch, max_boxes, classes), scores.dtype)
    indices = np.full((batch, max_boxes), -1, np.int32)
    counts = np.zeros(batch, np.int32)
    for i in range(batch):
        clean = np.where(np.isnan(scores[i]), -np.inf, scores[i]).astype(scores.dtype)
        labels = np.argmax(clean, -1) if per_class else np.zeros(len(clean), np.int32)
        best = np.max(clean, -1)
        kept = _kept(widen(boxes[i]), best, labels, iou_threshold, score_threshold)[:max_boxes]
        counts[i] = len(kept)
        indices[i, : len(kept)] = kept
        kept_boxes[i, : len(kept)] = boxes[i, kept]
        kept_scores[i, : len(kept)] = scores[i, kept]
    return kept_boxes, kept_scores, indices, counts


def _kept(
    boxes: Array, scores: Array, labels: Array, iou_threshold: float, score_threshold: float
) -> list[int]:
    """Indices of the boxes that are kept, best first; the lower index first among equals."""
    candidates = scores >= score_threshold
    if not candidates.any():
        return [int(np.argmax(scores))]
    kept: list[int] = []
    for position in np.argsort(-scores, kind="stable").tolist():
        if candidates[position]:
            kept.append(position)
            near = overlaps(boxes, boxes[position]) > boxes.dtype.type(iou_threshold)
            candidates &= ~(near & (labels == labels[position]))
    return kept


def overlaps(boxes: Array, box: Array) -> Array:
    """Intersection over union of each box with one; 0 with boxes of no width or height."""
    sides = [_sides(boxes, box, axis) for axis in (0, 1)]
    common: Array = np.maximum(sides[0], 0) * np.maximum(sides[1], 0)
    areas: Array = boxes[:, 2] * boxes[:, 3]
    whole: Array = (boxes[:, 2] > 0) & (boxes[:, 3] > 0) & (box[2] > 0) & (box[3] > 0)
    with np.errstate(all="ignore"):
        ratios: Array = common / (areas + box[2] * box[3] - common)
    return np.where(whole, ratios, boxes.dtype.type(0))


def _sides(boxes: Array, box: Array, axis: int) -> Array:
    """By how much each box overlaps the other one along x or y; negative if it doesn't."""
    half = boxes.dtype.type(0.5)
    low, high = (boxes[:, axis] + sign * boxes[:, axis + 2] for sign in (-half, half))
    start, end = (box[axis] + sign * box[axis + 2] for sign in (-half, half))
    return np.minimum(high, end) - np.maximum(low, start)
