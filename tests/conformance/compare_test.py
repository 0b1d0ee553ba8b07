"""The agreement formulas, at their borders."""

import numpy as np
import pytest
from case import Tolerance
from compare import Comparison
from PIL import Image

NAN, INF = float("nan"), float("inf")
TOLERANCE = Tolerance(rtol=0.01, atol=0.001, strict=1e-4)


def compare(got, expected, **more):
    return Comparison(TOLERANCE, **more).output("y", got, expected)


@pytest.mark.parametrize(
    ("got", "expected", "agrees", "strict"),
    [
        ([1.0, 2.0], [1.0, 2.0], True, True),
        ([2.0001], [2.0], True, True),  # within 1e-4 * S
        ([2.001], [2.0], True, False),
        ([2.0219], [2.0], True, False),  # atol * S + rtol * |expected| = 0.022
        ([2.0221], [2.0], False, False),
        ([0.00099], [0.0], True, False),  # S below one counts as one, but not strictly
        ([0.0011], [0.0], False, False),
        ([100.0, 0.09], [100.0, 0.0], True, False),  # the largest value sets the scale
        ([100.0, 0.11], [100.0, 0.0], False, False),
        ([NAN], [NAN], True, True),
        ([NAN], [1.0], False, False),
        ([1.0], [NAN], False, False),
        ([INF, -INF], [INF, -INF], True, True),
        ([INF], [-INF], False, False),
        ([1e30], [INF], False, False),
        ([INF], [1e30], False, False),
        ([INF, 1.1], [INF, 1.0], False, False),  # infinity is not a scale
        ([], [], True, True),
        ([True, False], [1, 0], True, True),
    ],
)
def test_values(got, expected, agrees, strict):
    verdict = compare(np.asarray(got), np.asarray(expected))
    assert (verdict.agrees, verdict.strict) == (agrees, strict)
    assert bool(verdict.reason) != agrees


def test_half_precision_does_not_overflow():
    big = np.full(2, 60000, np.float16)
    assert not compare(-big, big).agrees


def test_reason_names_output_and_worst_value():
    got, expected = np.zeros((2, 3)), np.zeros((2, 3))
    got[0, 1], got[1, 2] = 0.5, -4.0
    reason = compare(got, expected).reason
    assert reason == "output 'y': 2 of 6 values off, at [1, 2] -4, expected 0"


@pytest.mark.parametrize(
    ("got", "expected", "relaxed", "agrees"),
    [
        ((2, 3), (2, 3), False, True),
        ((1, 2, 3), (2, 3), False, False),
        ((1, 2, 3), (2, 3), True, True),
        ((2, 4), (2, 3), True, False),
        ((1,), (), False, False),
        ((), (), False, True),
    ],
)
def test_shapes(got, expected, relaxed, agrees):
    verdict = compare(np.ones(got), np.ones(expected), relaxed_shape=relaxed)
    assert verdict.agrees == agrees


def test_random_models_compare_shapes_only():
    assert compare(np.zeros(3), np.ones(3), shapes_only=True).agrees
    assert not compare(np.zeros(3), np.ones(4), shapes_only=True).agrees


@pytest.mark.parametrize(
    ("got", "expected", "agrees"),
    [
        ("cat", "cat", True),
        (np.str_("cat"), "cat", True),
        (b"cat", "cat", True),
        ("dog", "cat", False),
        (np.asarray("cat", object), "cat", True),
        (np.asarray([b"a", "b"], object), np.asarray(["a", "b"]), True),
        (3, "3", False),
        (["a", "b"], np.asarray(["a", "b"]), True),
        (["a"], np.asarray(["a", "b"]), False),
        (40, 40, True),
        (np.int64(40), 40, True),
        ("40", 40, False),
        (None, 40, False),
    ],
)
def test_labels(got, expected, agrees):
    assert compare(got, expected).agrees == agrees


@pytest.mark.parametrize(
    ("got", "agrees"),
    [
        ({"a": 0.25, "b": 0.75}, True),
        ({"b": 0.75, "a": 0.25}, True),
        ({np.str_("a"): np.float32(0.25), b"b": 0.75}, True),
        ({"a": 0.75, "b": 0.25}, False),
        ({"a": 0.25}, False),
        ({"a": 0.25, "b": 0.75, "c": 0.0}, False),
        ([0.25, 0.75], False),
    ],
)
def test_dictionaries(got, agrees):
    assert compare(got, {"a": 0.25, "b": 0.75}).agrees == agrees


def test_dictionary_of_integers():
    assert compare({np.int64(10): 0.5}, {10: 0.5}).agrees
    assert not compare({"10": 0.5}, {10: 0.5}).agrees


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_images(mode):
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    expected = pixels[..., 0] if mode == "L" else pixels
    picture = Image.fromarray(expected).convert(mode)
    assert compare(picture, expected).strict
    assert not compare(picture, expected + np.uint8(9)).agrees


def test_outputs_are_looked_up_by_name():
    comparison = Comparison(TOLERANCE)
    expected = {"y": np.ones(2)}
    assert comparison.outputs({"y": np.ones(2), "more": "extra"}, expected).strict
    assert comparison.outputs({"z": np.ones(2)}, expected).reason == "no output 'y', only ['z']"


def test_one_output_off_is_enough():
    comparison = Comparison(TOLERANCE)
    verdict = comparison.outputs({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 3.0})
    assert not verdict.agrees
    assert verdict.reason.startswith("output 'b'")
    assert not comparison.outputs({"a": 1.0, "b": 3.001}, {"a": 1.0, "b": 3.0}).strict
