"""Non-maximum suppression behind detectors, by hand."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.tables.builders import compiled, model, pipeline, run

# Three boxes in a row, the first two of which overlap by a third (intersection over union).
BOXES = np.array([[0.0, 0, 2, 2], [1, 0, 2, 2], [9, 0, 2, 2]])
SCORES = np.array([[0.6, 0.1], [0.2, 0.9], [0.3, 0.4]])
INPUTS = {"scores": "f64[3,2]", "boxes": "f64[3,4]"}


OUTPUTS = {"confidence": "f64[]", "coordinates": "f64[]"}


def suppression(
    outputs=OUTPUTS, inputs=INPUTS, *, iou=0.3, confidence=0.25, named=("", ""), labels=(), **top
):
    spec, message = model("nonMaximumSuppression", inputs, outputs)
    message.pickTop.perClass = top.get("per_class", False)
    message.iouThreshold, message.confidenceThreshold = iou, confidence
    message.confidenceInputFeatureName = "scores"
    message.coordinatesInputFeatureName = "boxes"
    message.confidenceOutputFeatureName = "confidence"
    message.coordinatesOutputFeatureName = "coordinates"
    message.iouThresholdInputFeatureName, message.confidenceThresholdInputFeatureName = named
    message.stringClassLabels.vector.extend(labels)
    return spec


def ranged(spec, low, high):
    """The outputs declared with a range of rows."""
    for feature, columns in zip(spec.description.output, (2, 4), strict=True):
        sizes = feature.type.multiArrayType.shapeRange.sizeRanges
        sizes.add(lowerBound=low, upperBound=high)
        sizes.add(lowerBound=columns, upperBound=columns)
    return spec


def rows(spec, **inputs):
    """Which boxes are there, by their scores; and that coordinates go with them."""
    found = run(spec, **({"scores": SCORES, "boxes": BOXES} | inputs))
    kept = []
    for scores, box in zip(found["confidence"], found["coordinates"], strict=True):
        if not scores.any():
            assert not box.any()
            kept.append(None)
            continue
        (index,) = np.flatnonzero((scores == SCORES).all(1))
        np.testing.assert_array_equal(box, BOXES[index])
        kept.append(int(index))
    return kept


def test_the_best_boxes_come_first_and_suppress_others():
    assert rows(suppression()) == [1, 2]
    assert rows(suppression(per_class=True)) == [1, 0, 2]
    assert rows(suppression(iou=1.0)) == [1, 0, 2]
    assert rows(suppression(confidence=0.5, iou=1.0)) == [1, 0]


def test_exactly_the_threshold_is_enough_and_suppresses_nothing():
    assert rows(suppression(confidence=0.4)) == [1, 2]
    third = [[0.0, 0, 2, 2], [1, 0, 2, 2]]
    inputs = {"scores": "f64[2,2]", "boxes": "f64[2,4]"}
    spec = suppression(iou=2 / 6, inputs=inputs)
    assert len(run(spec, scores=SCORES[:2], boxes=third)["confidence"]) == 2


def test_no_box_may_be_good_enough():
    assert rows(suppression(confidence=0.95)) == []
    fixed = {"confidence": "f64[2,2]", "coordinates": "f64[2,4]"}
    assert rows(suppression(fixed, confidence=1.0)) == [None, None]
    nothing = np.full((3, 2), np.nan)
    assert len(run(suppression(), scores=nothing, boxes=BOXES)["confidence"]) == 0


@pytest.mark.parametrize(("count", "expected"), [(1, [1]), (2, [1, 2]), (4, [1, 2, None, None])])
def test_a_fixed_number_of_rows_is_cut_or_filled_with_zeros(count, expected):
    outputs = {"confidence": f"f64[{count},2]", "coordinates": f"f64[{count},4]"}
    assert rows(suppression(outputs)) == expected
    first = {"confidence": f"f64[{count},2]", "coordinates": "f64[]"}
    assert rows(suppression(first)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, -1, [1, 2]), (0, 1, [1]), (3, -1, [1, 2, None]), (5, 7, [1, 2, None, None, None])],
)
def test_a_range_of_rows_has_a_least_and_a_largest_number(low, high, expected):
    assert rows(ranged(suppression(), low, high)) == expected


def test_thresholds_are_inputs_where_they_are_named():
    declared = INPUTS | {"iou": "double?", "least": "double?"}
    spec = suppression(inputs=declared, named=("iou", "least"))
    assert rows(spec) == [1, 2]
    assert rows(spec, iou=1.0) == [1, 0, 2]
    assert rows(spec, least=0.5) == [1]


@pytest.mark.parametrize("optional", ["", "?"])
def test_pipelines_declare_what_the_model_only_names(optional):
    inner = suppression(named=("iou", "least"))
    inputs = INPUTS | {"iou": f"double{optional}", "least": f"double{optional}"}
    spec = pipeline(inputs, {"confidence": "f64[]", "coordinates": "f64[]"}, inner)
    assert rows(spec, iou=1.0, least=0.0) == [1, 0, 2]
    if optional:
        assert rows(spec) == [1, 2]
        return
    with pytest.raises(CompileError, match="input 'iou' is missing"):
        rows(spec)


def test_labels_are_known():
    assert compiled(suppression(labels=["cat", "dog"])).module.main.classifier.class_labels == (
        "cat",
        "dog",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (suppression(iou=1.5), "the model's iouThreshold is 1.5, not between 0 and 1"),
        (suppression(confidence=-1), "the model's confidenceThreshold is -1"),
        (suppression(labels=["one"]), "the model has 1 class labels for 2 classes"),
        (suppression({"other": "f64[]"}), "the model does not make the output 'other'"),
        (suppression({"confidence": "f64[2,3]"}), r"declared \[2, 3\], not \[N, 2\]"),
        (suppression(inputs=INPUTS | {"boxes": "f64[4,4]"}), "4 boxes, but confidences of 3"),
        (suppression(inputs=INPUTS | {"boxes": "f64[3,5]"}), "not four numbers a box"),
        (suppression(inputs=INPUTS | {"boxes": "f64[12]"}), "a row for each box is expected"),
        (
            suppression(inputs={"boxes": "f64[3,4]"}),
            "needs 'scores', which is not",
        ),
    ],
)
def test_detectors_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        _ = compiled(spec).module
