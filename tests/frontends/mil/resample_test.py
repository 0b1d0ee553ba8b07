"""Images at given positions and through affine maps."""

import numpy as np
import pytest
from support.mil.programs import assert_refused, op, program, result

X = np.array([[[[1, 2, 3]]]], "f4")


def along(positions, /, x=X, **given):
    """Samples of one row, at columns."""
    given = {
        "sampling_mode": "bilinear",
        "padding_mode": "constant",
        "padding_value": 9.0,
        "coordinates_mode": "unnormalized",
        "align_corners": True,
        **given,
    }
    count = len(positions)
    places = np.zeros((1, 1, count, 2), "f4")
    places[0, 0, :, 0] = positions
    row = op("resample", "y", (1, 1, 1, count), x="x", coordinates=places, **given)
    return program(row, x=x.shape)


@pytest.mark.parametrize(
    ("mode", "want"),
    [
        # One position for each of |1, 2, 3| and three on either side.
        ("constant", [9, 9, 9, 1, 2, 3, 9, 9, 9]),
        ("border", [1, 1, 1, 1, 2, 3, 3, 3, 3]),
        ("reflection", [2, 3, 2, 1, 2, 3, 2, 1, 2]),
        ("symmetric", [3, 2, 1, 1, 2, 3, 3, 2, 1]),
    ],
)
@pytest.mark.parametrize("sampling", ["bilinear", "nearest"])
def test_padding(mode, want, sampling):
    made = along(range(-3, 6), padding_mode=mode, sampling_mode=sampling)
    np.testing.assert_allclose(result(made, X)[0, 0, 0], want)


def test_between_pixels_and_padding():
    got = result(along([0.25, -0.5, 2.5]), X)[0, 0, 0]
    np.testing.assert_allclose(got, [1.25, 5, 6])
    got = result(along([0.5, 1.5], sampling_mode="nearest"), X)[0, 0, 0]
    np.testing.assert_array_equal(got, [1, 3])


@pytest.mark.parametrize(
    ("given", "positions", "want"),
    [
        (("normalized_minus_one_to_one", True), [-1, 0, 1], [1, 2, 3]),
        (("normalized_zero_to_one", True), [0, 0.25, 1], [1, 1.5, 3]),
        (("normalized_minus_one_to_one", False), [-2 / 3, 0, 2 / 3], [1, 2, 3]),
        (("normalized_zero_to_one", False), [1 / 6, 1 / 2, 5 / 6], [1, 2, 3]),
    ],
)
def test_coordinates(given, positions, want):
    mode, aligned = given
    x = np.repeat(X, 2, 2)
    made = along(positions, x, coordinates_mode=mode, align_corners=aligned, padding_mode="border")
    np.testing.assert_allclose(result(made, x)[0, 0, 0], want, rtol=1e-5)


def affine(matrix, /, size=(2, 3), **given):
    given = {
        "sampling_mode": "bilinear",
        "padding_mode": "constant",
        "padding_value": 0.0,
        "coordinates_mode": "normalized_minus_one_to_one",
        "align_corners": True,
        **given,
    }
    sizes = {"output_height": size[0], "output_width": size[1]}
    row = op("affine", "y", (1, 1, *size), x="x", transform_matrix=[matrix], **sizes, **given)
    return program(row, x=(1, 1, 2, 3))


def test_affine():
    x = np.arange(6, dtype="f4").reshape(1, 1, 2, 3)
    np.testing.assert_allclose(result(affine([1.0, 0, 0, 0, 1, 0]), x), x)
    np.testing.assert_allclose(result(affine([-1.0, 0, 0, 0, 1, 0]), x), x[..., ::-1])
    moved = result(affine([1.0, 0, 1, 0, 1, 0]), x)
    np.testing.assert_allclose(moved, [[[[1, 2, 0], [4, 5, 0]]]])


def test_refusals():
    assert_refused(along([0], padding_mode="wrap"), "padding_mode 'wrap'", kind="unsupported")
    x = np.zeros((2, 1, 1, 3), "f4")
    assert_refused(along([0], x), "takes coordinates [N, h, w, 2]")
    same = [1.0, 0, 0, 0, 1, 0]
    assert_refused(affine(same, (1, 3)), "a single one has no position", kind="unsupported")
    assert_refused(affine(same, align_corners=False), "not aligned", kind="unsupported")
    assert_refused(affine([1.0, 0, 0]), "takes matrices [N, 6] or [1, 6]")
