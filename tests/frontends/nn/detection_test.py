"""Layers that select boxes."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import (
    assert_close,
    constant,
    imported,
    layer,
    network,
    results,
    text,
)

# Boxes in [0,2]x[0,2], [1,3]x[0,2], [0,2]x[0.5,1.5], and far away: overlaps 1/3, 1/2 and 1/5.
BOXES = np.float32([[[1, 1, 2, 2], [2, 1, 2, 2], [1, 1, 2, 1], [9, 9, 2, 2]]])
SCORES = np.float32([[[0.9, 0.1], [0.2, 0.8], [0.7, 0.75], [0.1, 0.05]]])
NAMES = ["boxes", "scores", "indices", "count"]


def chosen(*numbers, boxes=BOXES, scores=SCORES, **fields):
    """Results of the layer; numbers are inputs that replace parameters."""
    given = {f"n{i}": np.float32([number]) for i, number in enumerate(numbers)}
    shapes = {name: array.shape for name, array in given.items()}
    item = layer("NonMaximumSuppression", outputs=NAMES, **fields)
    model = network(item, boxes_=boxes.shape, scores_=scores.shape, **shapes)
    return results(model, boxes, scores, *given.values())


def assert_chosen(found, indices, room):
    pad = room - len(indices)
    assert_close(found["indices"], [[*indices, *[-1] * pad]])
    assert_close(found["count"], [len(indices)])
    assert_close(found["boxes"][0], np.pad(BOXES[0, indices], ((0, pad), (0, 0))))
    assert_close(found["scores"][0], np.pad(SCORES[0, indices], ((0, pad), (0, 0))))
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("iou", "score", "room", "per_class", "indices"),
    [
        (0.3, 0.0, 6, False, [0, 3]),
        (0.3, 0.2, 6, False, [0]),
        (0.4, 0.0, 6, False, [0, 1, 3]),
        (0.6, 0.0, 6, False, [0, 1, 2, 3]),
        (0.6, 0.0, 3, False, [0, 1, 2]),
        (0.0, 0.0, 6, True, [0, 1, 3]),
        (0.25, 0.5, 6, True, [0, 1, 2]),
        (0.3, 0.95, 2, True, [0]),  # no score is high enough: the best one
    ],
)
def test_parameters_and_inputs(iou, score, room, per_class, indices):
    fields = {"iouThreshold": iou, "scoreThreshold": score, "maxBoxes": room}
    assert_chosen(chosen(**fields, perClassSuppression=per_class), indices, room)
    wrong = {
        "iouThreshold": 1,
        "scoreThreshold": 9,
        "maxBoxes": 1,
        "perClassSuppression": per_class,
    }
    assert_chosen(chosen(iou, score, room, **wrong), indices, room)
    assert_chosen(chosen(iou, score, **{**wrong, "maxBoxes": room}), indices, room)
    assert_chosen(chosen(iou, **{**wrong, **fields, "iouThreshold": 1}), indices, room)


def test_batches():
    boxes, scores = np.concatenate([BOXES, BOXES[:, ::-1]]), np.concatenate([SCORES, SCORES])
    found = chosen(boxes=boxes, scores=scores, iouThreshold=0.3, maxBoxes=3)
    # Reversed: the far one, then overlaps of 1/5 (second, third) and more with the last one.
    assert_close(found["indices"], [[0, 3, -1], [0, 1, 2]])
    assert_close(found["count"], [2, 3])


def test_room():
    """A number that is known makes a fixed shape."""
    item = layer("NonMaximumSuppression", ["b", "s", "t", "t", "m"], NAMES)
    shapes = {"b": BOXES.shape, "s": SCORES.shape, "t": (1,)}
    known = network(constant("m", 2), item, **shapes)
    assert "f32[1,2,4], f32[1,2,2], i32[1,2], i32[1]" in "".join(text(known))
    open_room = network(item, **shapes, m=(1,))
    assert "f32[1,d0_l0_0,4]" in "".join(text(open_room))
    with pytest.raises(CompileError, match="returns 0 boxes"):
        results(open_room, BOXES, SCORES, [0.5], [0])


def test_a_dynamic_batch():
    item = layer("NonMaximumSuppression", outputs=NAMES, iouThreshold=0.3, maxBoxes=2)
    module = imported(network(item, b=BOXES.shape, s=SCORES.shape), batch="dynamic")
    types = [str(value.type) for value in module.main.results]
    assert types == ["f32[N,2,4]", "f32[N,2,2]", "f32[N,2]", "f32[N]"]
