"""Non-maximum suppression behind detectors, by hand."""

import numpy as np
import pytest
from cmlc.compiler.description import describe
from cmlc.compiler.input_files import random_values
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module, structurally_equal
from support.tables import detectors
from support.tables.builders import compiled, model, pipeline, run
from support.tables.detectors import OUTPUTS, ranged, street

# Three boxes in a row, the first two of which overlap by a third (intersection over union).
BOXES = np.array([[0.0, 0, 2, 2], [1, 0, 2, 2], [9, 0, 2, 2]])
SCORES = np.array([[0.6, 0.1], [0.2, 0.9], [0.3, 0.4]])
INPUTS = {"scores": "f64[3,2]", "boxes": "f64[3,4]"}


def suppression(outputs=OUTPUTS, inputs=INPUTS, **choices):
    return detectors.suppression(inputs, outputs, **choices)


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


@pytest.mark.parametrize("listed", [False, True])
def test_rows_that_are_neither_a_number_nor_a_range_are_refused(listed):
    spec = suppression()
    array = spec.description.output[0].type.multiArrayType
    if listed:
        for count in (1, 2):
            array.enumeratedShapes.shapes.add(shape=[count, 2])
    else:
        array.shapeRange.sizeRanges.add(upperBound=-1)
    with pytest.raises(CompileError, match="neither a range of rows nor a number of them"):
        _ = compiled(spec).module


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
    function = compiled(suppression(labels=["cat", "dog"])).module.main
    assert function.classifier.class_labels == ("cat", "dog")


def test_outputs_say_what_they_are_of_a_box():
    module = compiled(suppression(labels=["cat", "dog"])).module
    text = print_module(module)
    assert structurally_equal(parse(text), module)
    for found in (module, parse(text)):
        assert [known.detected for known in found.main.outputs] == ["confidence", "coordinates"]
    described = describe(module)
    assert [row["detected"] for row in described["outputs"]] == ["confidence", "coordinates"]
    assert described["class_labels"] == ["cat", "dog"]


def test_an_output_that_a_later_model_makes_anew_is_not_a_box():
    first = suppression({"confidence": "f64[2,2]", "coordinates": "f64[2,4]"})
    spec, message = model("scaler", {"coordinates": "f64[2,4]"}, {"coordinates": "f64[2,4]"})
    message.scaleValue.append(2)
    outputs = {"confidence": "f64[2,2]", "coordinates": "f64[2,4]"}
    function = compiled(pipeline(INPUTS, outputs, first, spec)).module.main
    assert [known.detected for known in function.outputs] == ["confidence", None]


def test_a_part_of_a_detector_keeps_its_labels():
    spec = suppression(labels=["cat", "dog"])
    classes = [
        compiled(spec, outputs=(name,)).stages.named.main.classifier.class_labels
        for name in ("confidence", "coordinates")
    ]
    assert classes == [("cat", "dog"), ()]


def test_thresholds_that_are_needed_have_the_choice_of_the_model():
    spec = detectors.detector("required", iou=0.4, confidence=0.2)
    known = compiled(spec).module.main.inputs
    assert [(item.optional, item.default) for item in known] == [
        *((False, None), (False, 0.4), (False, 0.2)),
    ]
    drawn = random_values(compiled(spec).module.main, 0)
    assert (drawn["iouThreshold"], drawn["confidenceThreshold"]) == (0.4, 0.2)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (detectors.detector("optional"), "images have different numbers of boxes, and results"),
        (detectors.detector(), "images have different numbers of boxes, and results"),
        (
            detectors.detector("required", rows=5),
            "all images would share 'iouThreshold'; --batch=dynamic does that",
        ),
    ],
)
def test_why_images_come_one_by_one_is_told(spec, reason):
    assert reason in compiled(spec).stages.batched.attributes["fixed_batch"]


def test_a_batch_of_different_numbers_of_boxes_is_refused():
    with pytest.raises(CompileError, match="images have different numbers of boxes") as caught:
        _ = compiled(detectors.detector(), batch="dynamic").stages.batched
    assert "run examples one by one" in str(caught.value)


@pytest.mark.parametrize(("thresholds", "batch"), [("", "auto"), ("required", "dynamic")])
def test_a_fixed_number_of_boxes_has_a_batch(thresholds, batch):
    found = compiled(detectors.detector(thresholds, rows=5), batch=batch)
    assert str(found.stages.batched.main.arguments[0].type) == "u8[N,32,32,3]"
    given = {"iouThreshold": 0.3, "confidenceThreshold": 0.5} if thresholds else {}
    images = np.stack([street(("red", 4, 8)), street(("blue", 0, 0), ("green", 20, 20))])
    boxes = found.interpret({"image": images, **given})["coordinates"]
    assert boxes.shape == (2, 5, 4)
    np.testing.assert_array_equal(boxes[0, 0], [8 / 32, 12 / 32, 8 / 32, 8 / 32])
    np.testing.assert_array_equal(np.count_nonzero(boxes.any(-1), axis=-1), [1, 2])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (suppression(iou=1.5), "the model's iouThreshold is 1.5, not between 0 and 1"),
        (suppression(confidence=-1), "the model's confidenceThreshold is -1"),
        (suppression(labels=["one"]), "the model has 1 class labels for 2 classes"),
        (ranged(suppression(), 2**40, -1), "the outputs have 1099511627776 rows or more, above"),
        (suppression({"confidence": "f64[4294967296,2]"}), "the outputs have 4294967296 rows"),
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
