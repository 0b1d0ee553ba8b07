"""Layers that resample images, and gather."""

import numpy as np
import pytest
from networks import assert_close, layer, network, numbers, result, text

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
