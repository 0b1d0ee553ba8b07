"""Resampling against MIL's tables and formulas, element by element."""

import numpy as np
import pytest
from cmlc.ir.reference import resize

MODES = (
    "strict_align_corners",
    "align_corners",
    "default",
    "offset_corners",
    "unalign_corners",
)


def point(i, size, count, coordinates):
    """MIL's formulas (iOS15 resize_bilinear), written as documented."""
    spread = max(count - 1, 1)
    if coordinates == "align_corners" and count == 1:
        return (size - 1) / 2
    if coordinates in ("strict_align_corners", "align_corners"):
        at = i * (size - 1) / spread
    elif coordinates == "default":
        at = i * (size - size / count) / spread
    elif coordinates == "offset_corners":
        delta = max(1, size - 1) / count
        at = 0.5 * delta + i * ((count - 1) * delta) / spread
    else:
        spacing = size / count
        at = i * spacing + 0.5 * spacing - 0.5
    return min(size - 1, max(0, at))


@pytest.mark.parametrize(
    ("coordinates", "points"),
    [  # the example of MIL's documentation: 2 elements resized to 5
        ("unalign_corners", [0, 0.1, 0.5, 0.9, 1]),
        ("strict_align_corners", [0, 0.25, 0.5, 0.75, 1]),
        ("align_corners", [0, 0.25, 0.5, 0.75, 1]),
        ("default", [0, 0.4, 0.8, 1, 1]),
        ("offset_corners", [0.1, 0.3, 0.5, 0.7, 0.9]),
    ],
)
def test_grid_of_the_documented_example(coordinates, points):
    np.testing.assert_allclose(resize.grid(2, 5, coordinates), points, atol=1e-12)


@pytest.mark.parametrize("coordinates", MODES)
@pytest.mark.parametrize(("size", "count"), [(1, 1), (1, 4), (5, 1), (5, 5), (5, 3), (3, 8)])
def test_grid_is_the_documented_formula(coordinates, size, count):
    expected = [point(i, size, count, coordinates) for i in range(count)]
    np.testing.assert_allclose(resize.grid(size, count, coordinates), expected, atol=1e-12)


@pytest.mark.parametrize("coordinates", MODES)
@pytest.mark.parametrize("size", [(1, 1), (3, 4), (6, 8), (5, 7), (2, 9)])
def test_bilinear(coordinates, size):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 2))
    y = resize.resize(x, axes=(1, 2), size=size, mode="bilinear", coordinates=coordinates)
    assert y.shape == (2, *size, 2)
    for i, j in np.ndindex(*size):
        v, u = point(i, 3, size[0], coordinates), point(j, 4, size[1], coordinates)
        top, left = int(v + 1e-12), int(u + 1e-12)
        bottom, right = min(top + 1, 2), min(left + 1, 3)
        v, u = v - top, u - left
        upper = x[:, top, left] * (1 - u) + x[:, top, right] * u
        lower = x[:, bottom, left] * (1 - u) + x[:, bottom, right] * u
        np.testing.assert_allclose(y[:, i, j], upper * (1 - v) + lower * v, atol=1e-10)


@pytest.mark.parametrize(("size", "count"), [(3, 7), (7, 3), (4, 4), (2, 6), (5, 1)])
def test_nearest_floors_by_default_and_rounds_half_up_otherwise(size, count):
    x = np.arange(size, dtype=np.int32).reshape(1, size)

    def nearest(coordinates):
        return resize.resize(
            x, axes=(0, 1), size=(1, count), mode="nearest", coordinates=coordinates
        )[0]

    i = np.arange(count)
    np.testing.assert_array_equal(nearest("default"), i * size // count)
    np.testing.assert_array_equal(nearest("unalign_corners"), (2 * i + 1) * size // (2 * count))
    np.testing.assert_array_equal(
        nearest("strict_align_corners"), np.floor(i * (size - 1) / max(count - 1, 1) + 0.5)
    )


def test_upsample_nearest():
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    y = resize.upsample_nearest(x, (2, 3), (-2, -1))
    np.testing.assert_array_equal(y, np.kron(x, np.ones((2, 3), np.float32)))
    assert y.dtype == np.float32


@pytest.mark.parametrize(
    ("size", "scale", "index"),
    [
        (4, 1.5, [0, 0, 1, 2, 2, 3]),
        (4, 0.5, [0, 2]),
        (10, 0.7, [0, 1, 2, 4, 5, 7, 8]),  # floor(10 * 0.7) is 7 in float32, not 6
        (6, 1.2, [0, 0, 1, 2, 3, 4, 5]),  # 6 / 1.2 is 5
    ],
)
def test_upsample_nearest_by_a_fraction(size, scale, index):
    assert resize.upsampled_size(size, scale) == len(index)
    y = resize.upsample_nearest(np.arange(size), (scale,), (0,))
    np.testing.assert_array_equal(y, index)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = np.ones((3, 3), dtype)
    for mode in ("nearest", "bilinear"):
        y = resize.resize(x, axes=(0, 1), size=(4, 4), mode=mode, coordinates="default")
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, np.ones((4, 4)))
