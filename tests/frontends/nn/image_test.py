"""Layers that resample images, and gather."""

import numpy as np
import pytest
from cmlc.ir.dims import symbol
from support.networks.builders import (
    assert_close,
    flexible,
    imported,
    layer,
    network,
    numbers,
    result,
    text,
)

X = numbers(1, 2, 3, 4)


def bilinear(x, rows, columns):
    """Samples at given positions, clamped to the image."""

    def along(x, axis, points):
        size = x.shape[axis]
        points = np.clip(points, 0, size - 1)
        low = np.floor(points).astype(int)
        high = np.minimum(low + 1, size - 1)
        share = np.reshape(points - low, [-1 if i == axis else 1 for i in range(x.ndim)])
        return np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share

    return along(along(x.astype(float), 2, rows), 3, columns)


def upsampled(**fields):
    return result(network(layer("upsample", **fields), x=X.shape), X)


def test_nearest():
    assert_close(upsampled(scalingFactor=[2, 3]), X.repeat(2, 2).repeat(3, 3))
    assert text(network(layer("upsample", scalingFactor=[2, 3]), x=X.shape)) == [
        "%0 = image.upsample_nearest(%x) {scale = [2, 3]} : f32[1,2,6,12]",
        "return %0",
    ]


# Mode → positions of `new` samples of an extent.
POSITIONS = {
    0: lambda size, new: np.arange(new) * size / new,
    1: lambda size, new: np.arange(new) * (size - 1) / (new - 1),
    2: lambda size, new: (np.arange(new) + 0.5) * size / new - 0.5,
}


@pytest.mark.parametrize("mode", POSITIONS)
@pytest.mark.parametrize("factors", [(2, 3), (1, 2)])
def test_bilinear(mode, factors):
    found = upsampled(scalingFactor=factors, mode=1, linearUpsampleMode=mode)
    rows, columns = (POSITIONS[mode](s, s * f) for s, f in zip((3, 4), factors, strict=True))
    assert_close(found, bilinear(X, rows, columns))


def test_fractional_factors():
    found = upsampled(fractionalScalingFactor=[1.5, 2.0], mode=1, linearUpsampleMode=1)
    assert_close(found, bilinear(X, POSITIONS[1](3, 4), POSITIONS[1](4, 8)))


@pytest.mark.parametrize("axis", [0, -1])
def test_gather(axis):
    x, picked = numbers(3, 4), np.float32([2, 0, -1])
    found = result(network(layer("gather", axis=axis), x=x.shape, i=(3,)), x, picked)
    assert_close(found, np.take(x, [2, 0, -1], axis))


def test_a_fractional_factor_is_a_float32():
    """0.7 is slightly less than 7/10 in binary, but 10 pixels become 7, not 6."""
    x = numbers(1, 1, 10, 10)
    model = network(layer("upsample", fractionalScalingFactor=[0.7, 0.7], mode=1), x=x.shape)
    assert result(model, x).shape == (1, 1, 7, 7)


# -- resizeBilinear --------------------------------------------------------------------------------

STRICT_ALIGN, ALIGN, UPSAMPLE, ROI_ALIGN = range(4)


def sampled(count, method, start, end):
    """The specification's SamplingMode, in its own words, on the interval [start, end]."""
    size = end - start + 1
    points = {
        STRICT_ALIGN: lambda: np.linspace(0, size - 1, count),
        ALIGN: lambda: np.linspace(0, size - 1, count) if count > 1 else np.array([(size - 1) / 2]),
        UPSAMPLE: lambda: np.linspace(0, size - size / count, count),
        ROI_ALIGN: lambda: (np.arange(count) + 0.5) * max(1, size - 1) / count,
    }[method]()
    return start + np.minimum(points, size - 1)


@pytest.mark.parametrize("method", range(4))
@pytest.mark.parametrize("size", [(1, 1), (2, 6), (6, 2), (3, 4), (1, 7)])
def test_resize_bilinear(method, size):
    item = layer("resizeBilinear", targetSize=size, mode={"samplingMethod": method})
    found = result(network(item, x=X.shape), X)
    rows, columns = (sampled(n, method, 0, old - 1) for n, old in zip(size, (3, 4), strict=True))
    assert_close(found, bilinear(X, rows, columns))


def test_resize_bilinear_to_one_pixel_unless_told():
    assert_close(result(network(layer("resizeBilinear"), x=X.shape), X), X[:, :, :1, :1])


@pytest.mark.parametrize("lead", [(), (2,), (3, 2)])
def test_leading_dimensions_are_batch(lead):
    x = numbers(*lead, 2, 3, 4)
    item = layer("resizeBilinear", targetSize=[5, 2], mode={"samplingMethod": ALIGN})
    found = result(network(item, x=x.shape), x)
    rows, columns = sampled(5, ALIGN, 0, 2), sampled(2, ALIGN, 0, 3)
    flat = bilinear(x.reshape(-1, 2, 3, 4), rows, columns)
    assert_close(found, flat.reshape(*lead, 2, 5, 2))


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 2, 3, 4)])
def test_resize_bilinear_of_open_extents(shape):
    item = layer("resizeBilinear", targetSize=[5, 2], mode={"samplingMethod": ROI_ALIGN})
    model = flexible(network(item, x=shape))
    assert "fixed_shapes" not in imported(model).attributes
    for height, width in ((3, 4), (7, 2)):
        x = numbers(*shape[:-2], height, width)
        rows, columns = sampled(5, ROI_ALIGN, 0, height - 1), sampled(2, ROI_ALIGN, 0, width - 1)
        expected = bilinear(x.reshape(-1, 2, height, width), rows, columns)
        assert_close(result(model, x), expected.reshape(*shape[:-2], 5, 2))


# -- cropResize ------------------------------------------------------------------------------------

IMAGES = numbers(2, 3, 5, 6)
BOXES = np.float32([[0.5, 1, 3, 4], [0, 0, 4, 5], [2, 1.25, 2, 3.5]])


def cropped(image, box, size, method):
    """One box of one image [C, H, W]."""
    rows, columns = (sampled(size[i], method, box[i], box[i + 2]) for i in range(2))
    return bilinear(image[None], rows, columns)[0]


def crop(boxes, images=IMAGES, scale=1.0, order=0, method=ALIGN, normalized=False, **fields):
    item = layer(
        "cropResize",
        spatialScale=scale,
        boxIndicesMode={"boxMode": order},
        mode={"samplingMethod": method},
        normalizedCoordinates=normalized,
        **fields,
    )
    shaped = np.reshape(boxes, (len(boxes), 1, -1, 1, 1))
    model = network(item, x=(1, *images.shape), b=shaped.shape)
    return result(model, images[None], shaped)


@pytest.mark.parametrize("method", range(4))
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 1)])
def test_boxes_out_of_all_images(method, size):
    found = crop(BOXES, method=method, targetSize=size)
    expected = [[cropped(image, box, size, method) for image in IMAGES] for box in BOXES]
    assert_close(found, expected)


@pytest.mark.parametrize("method", range(4))
def test_boxes_that_say_of_which_image(method):
    found = crop(np.c_[[1, 0, 1], BOXES], method=method, targetSize=(3, 2))
    picked = zip((1, 0, 1), BOXES, strict=True)
    expected = [[cropped(IMAGES[i], box, (3, 2), method)] for i, box in picked]
    assert_close(found, expected)


def test_boxes_out_of_a_single_image():
    found = crop(BOXES, images=IMAGES[:1], targetSize=(2, 2))
    assert_close(found, [[cropped(IMAGES[0], box, (2, 2), ALIGN)] for box in BOXES])


def test_boxes_become_one_pixel_unless_told():
    assert_close(crop(BOXES), crop(BOXES, targetSize=(1, 1)))
    assert_close(crop(BOXES, targetSize=(0, 2)), crop(BOXES, targetSize=(1, 2)))


def centres(boxes):
    return np.c_[(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]]


@pytest.mark.parametrize("order", range(4))
def test_orders_of_the_numbers_of_a_box(order):
    given = BOXES if order < 2 else centres(BOXES)
    if order % 2:
        given = given[:, [1, 0, 3, 2]]
    assert_close(crop(given, order=order, targetSize=(2, 3)), crop(BOXES, targetSize=(2, 3)))


def test_scaled_and_normalized_boxes():
    plain = crop(BOXES, targetSize=(2, 3))
    assert_close(crop(BOXES * 16, scale=1 / 16, targetSize=(2, 3)), plain)
    shares = BOXES / np.float32([4, 5, 4, 5])
    assert_close(crop(shares, normalized=True, targetSize=(2, 3)), plain, 1e-4)


def test_outside_of_an_image_is_nothing():
    found = crop(np.float32([[3, 4, 5, 6]]), targetSize=(2, 2))
    inside = IMAGES[:, :, 3, 4]
    assert_close(found[0, :, :, 0, 0], inside)
    found[0, :, :, 0, 0] = 0
    assert not found.any()


def test_boxes_of_old_networks():
    """Sequences of boxes; a sequence of one is left out."""
    item = layer("cropResize", spatialScale=1, mode={"samplingMethod": ALIGN}, targetSize=[2, 3])
    model = network(item, rank5=True, x=(3, 5, 6), b=(4, 1, 1))
    expected = crop(BOXES[:1], images=IMAGES[:1], targetSize=(2, 3))
    one = result(model, IMAGES[0], BOXES[0].reshape(4, 1, 1))
    assert_close(one, expected[0, 0])
    given = {"x": (1, 2, 3, 5, 6), "b": ("S", 1, 4, 1, 1)}
    shapes = {name: tuple(symbol(n) if n == "S" else n for n in row) for name, row in given.items()}
    several = result(model, IMAGES[None], BOXES.reshape(3, 1, 4, 1, 1), shapes=shapes)
    assert_close(several, crop(BOXES, targetSize=(2, 3)))


def test_text_of_boxes():
    item = layer("cropResize", spatialScale=0.25, targetSize=[2, 3])
    assert text(network(item, x=(1, 2, 3, 5, 6), b=(7, 1, 5, 1, 1))) == [
        "%0 = tensor.squeeze(%x) {axes = [0]} : f32[2,3,5,6]",
        "%1 = tensor.squeeze(%b) {axes = [1, 3, 4]} : f32[7,5]",
        "%2, %3 = tensor.split(%1) {sizes = [1, 4], axis = 1} : f32[7,1], f32[7,4]",
        "%4 = tensor.squeeze(%2) {axes = [1]} : f32[7]",
        "%5 = tensor.cast(%4) {dtype = i32} : i32[7]",
        "%6 = image.crop_resize(%0, %3, %5) {size = [2, 3], spatial_scale = 0.25, "
        'coordinates = "strict_align_corners"} : f32[7,3,2,3]',
        "%7 = tensor.expand_dims(%6) {axes = [1]} : f32[7,1,3,2,3]",
        "return %7",
    ]
