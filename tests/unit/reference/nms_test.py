"""Non-maximum suppression, compared with a definition that is spelled out."""

import numpy as np
import pytest
from cmlc.ir.reference import nms


def overlap(a, b):
    """Of two boxes (centre x, centre y, width, height)."""
    if min(a[2], a[3], b[2], b[3]) <= 0:
        return 0.0
    sides = [
        min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2)
        - max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2)
        for i in (0, 1)
    ]
    common = max(sides[0], 0.0) * max(sides[1], 0.0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def expected(boxes, scores, iou, low, most, per_class):
    """One entry of the batch: the indices of what stays, by asking each box who suppresses it."""
    best = scores.max(-1)
    order = sorted(range(len(boxes)), key=lambda i: (-best[i], i))
    kept = []
    for i in order:
        rivals = [j for j in kept if not per_class or scores[i].argmax() == scores[j].argmax()]
        if best[i] >= low and not any(overlap(boxes[i], boxes[j]) > iou for j in rivals):
            kept.append(i)
    return (kept or order[:1])[:most]


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("low", [-1.0, 0.5, 2.0])
@pytest.mark.parametrize("iou", [0.0, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("classes", [1, 3])
def test_random_boxes(per_class, low, iou, classes):
    random = np.random.default_rng(0)
    boxes = random.random((2, 40, 4)).astype(np.float32)
    boxes[:, :4, 2] = [0, -1, 0, 1]
    scores = random.integers(0, 16, (2, 40, classes)).astype(np.float32) / 16
    for most in (1, 7, 40, 55):
        found = nms.non_maximum_suppression(boxes, scores, iou, low, most, per_class)
        for i in range(2):
            kept = expected(boxes[i].astype(float), scores[i], iou, low, most, per_class)
            pad = most - len(kept)
            assert found[3][i] == len(kept)
            assert found[2][i].tolist() == kept + [-1] * pad
            np.testing.assert_array_equal(found[0][i], np.pad(boxes[i][kept], ((0, pad), (0, 0))))
            np.testing.assert_array_equal(found[1][i], np.pad(scores[i][kept], ((0, pad), (0, 0))))


def test_scores_that_are_no_numbers():
    """They are the lowest, and their boxes nowhere chosen before others."""
    boxes = np.array([[[0, 0, 1, 1], [5, 5, 1, 1], [9, 9, 1, 1]]], np.float32)
    scores = np.array([[[np.nan, np.nan], [np.nan, 1], [-np.inf, -np.inf]]], np.float32)
    _, kept, indices, _ = nms.non_maximum_suppression(boxes, scores, 0.5, -9.0, 3, True)
    assert indices.tolist() == [[1, -1, -1]]
    np.testing.assert_array_equal(kept[0, 0], [np.nan, 1])
    lowest = nms.non_maximum_suppression(boxes, scores, 0.5, -np.inf, 3, False)[2]
    assert lowest.tolist() == [[1, 0, 2]]
    assert nms.non_maximum_suppression(boxes, scores, 0.5, 2.0, 1, False)[2].tolist() == [[1]]


def test_half_precision_is_widened():
    """Areas of boxes in pixels are above what 16 bits hold."""
    boxes = np.array([[[500, 500, 400, 400], [500, 500, 400, 300]]], np.float16)
    scores = np.array([[[1], [0.5]]], np.float16)
    assert nms.non_maximum_suppression(boxes, scores, 0.7, 0, 2, False)[2].tolist() == [[0, -1]]
