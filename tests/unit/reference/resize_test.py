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


BOX_MODES = ("corners_height_first", "corners_width_first")
CENTRE_MODES = ("center_size_height_first", "center_size_width_first")


def box_point(i, start, end, count, coordinates):
    """`point` on the interval of a box, from its start on."""
    backwards = end < start
    at = point(i, abs(end - start) + 1, count, coordinates)
    return start - at if backwards else start + at


def pixel(image, v, u, pad_value):
    """One sample of [H, W], or what lies outside."""
    height, width = image.shape
    if not (0 <= v <= height - 1 and 0 <= u <= width - 1):
        return pad_value
    top, left = int(v), int(u)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = image[top, left] * (1 - (u - left)) + image[top, right] * (u - left)
    lower = image[bottom, left] * (1 - (u - left)) + image[bottom, right] * (u - left)
    return upper * (1 - (v - top)) + lower * (v - top)


def given_as(boxes, box_mode):
    """Boxes [h_start, w_start, h_end, w_end] in another notation."""
    if box_mode in CENTRE_MODES:
        first, second = boxes[:, :2], boxes[:, 2:]
        boxes = np.concatenate([(first + second) / 2, second - first], 1)
    return boxes[:, [1, 0, 3, 2]] if "width" in box_mode else boxes


BOXES = np.array([[0.5, 1, 3, 4], [0, 0, 4, 5], [3, 4, 0.25, 4], [-1, 2, 2, 5.5], [2, 2, 2.4, 2]])


@pytest.mark.parametrize("coordinates", MODES[:4])
@pytest.mark.parametrize("box_mode", [*BOX_MODES, *CENTRE_MODES])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (4, 3)])
@pytest.mark.parametrize("last", [False, True])
def test_crop_resize(coordinates, box_mode, size, last):
    x = np.random.default_rng(0).standard_normal((3, 2, 5, 6))
    images = np.array([0, 2, 1, 0, 2])
    y = resize.crop_resize(
        np.moveaxis(x, 1, -1) if last else x,
        given_as(BOXES, box_mode) / 2,
        images,
        axes=(1, 2) if last else (2, 3),
        size=size,
        box_mode=box_mode,
        coordinates=coordinates,
        normalized=False,
        spatial_scale=2.0,
        pad_value=-9.0,
    )
    y = np.moveaxis(y, -1, 1) if last else y
    assert y.shape == (5, 2, *size)
    for n, c, i, j in np.ndindex(*y.shape):
        v = box_point(i, BOXES[n, 0], BOXES[n, 2], size[0], coordinates)
        u = box_point(j, BOXES[n, 1], BOXES[n, 3], size[1], coordinates)
        assert y[n, c, i, j] == pytest.approx(pixel(x[images[n], c], v, u, -9.0))


def crop(x, boxes, images=None, **given):
    options = {
        "size": (1, 1),
        "box_mode": "corners_height_first",
        "coordinates": "align_corners",
        "normalized": False,
        "spatial_scale": 1.0,
        "pad_value": 7.0,
    }
    return resize.crop_resize(x, boxes, images, axes=(2, 3), **(options | given))


def test_boxes_as_shares():
    x = np.arange(20.0).reshape(1, 1, 4, 5)
    y = crop(x, np.array([[0, 0.25, 1, 0.75]]), normalized=True, size=(2, 2))
    np.testing.assert_allclose(y, [[[[1, 3], [16, 18]]]])


@pytest.mark.parametrize("count", [2, 3, 6, 7, 11, 13])
@pytest.mark.parametrize("low", [0.0, 0.1, 1 / 3, 0.7])
def test_rounding_leaves_samples_inside(count, low):
    """In float32 start + i * (end - start) / (count - 1) may be more than end."""
    x = np.ones((1, 1, 12, 12), np.float32)
    boxes = np.float32([[low, low, 1, 1], [1, 1, low, low]])
    for coordinates in MODES[:4]:
        given = {"normalized": True, "size": (count, count), "coordinates": coordinates}
        y = crop(x, boxes, **given)
        np.testing.assert_array_equal(y, np.ones((2, 1, count, count)))


def test_boxes_without_a_finite_size_are_outside():
    x = np.ones((1, 1, 3, 3), np.float32)
    boxes = np.float32([[0, 0, 0, np.nan], [np.inf, 0, 1, 1], [0, -np.inf, 0, np.inf]])
    np.testing.assert_array_equal(crop(x, boxes), np.full((3, 1, 1, 1), 7.0))


@pytest.mark.parametrize("index", [-1, 2])
def test_boxes_of_images_that_are_not_there(index):
    with pytest.raises(ValueError, match="for 2 images"):
        crop(np.ones((2, 1, 3, 3)), np.zeros((1, 4)), np.array([index]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_crop_resize_keeps_the_dtype(dtype):
    y = crop(np.ones((1, 1, 3, 3), dtype), np.ones((2, 4), np.float32))
    assert y.dtype == dtype
    assert crop(np.ones((1, 1, 3, 3), dtype), np.ones((0, 4), dtype)).shape == (0, 1, 1, 1)
