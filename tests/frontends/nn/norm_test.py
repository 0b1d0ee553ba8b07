"""Normalization layers."""

import numpy as np
import pytest
from support.networks.builders import assert_close, layer, network, numbers, result, text

X = numbers(2, 3, 4, 5)
GAMMA, BETA, MEAN, VARIANCE = numbers(4, 3, seed=1)
VARIANCE = np.abs(VARIANCE)


def over(vector):
    return vector[:, None, None].astype(float)


def batchnorm(**fields):
    return layer("batchnorm", channels=3, gamma=GAMMA, beta=BETA, **fields)


def run(item):
    return result(network(item, x=X.shape), X)


def test_batchnorm_with_given_statistics():
    item = batchnorm(mean=MEAN, variance=VARIANCE, epsilon=1e-3)
    scaled = (X - over(MEAN)) / np.sqrt(over(VARIANCE) + 1e-3)
    assert_close(run(item), scaled * over(GAMMA) + over(BETA))
    assert text(network(item, x=X.shape))[-2].endswith("{epsilon = 0.001} : f32[2,3,4,5]")


@pytest.mark.parametrize(("instance", "axes"), [(True, (2, 3)), (False, (0, 2, 3))])
def test_batchnorm_with_statistics_of_its_own(instance, axes):
    x = X.astype(float)
    item = batchnorm(computeMeanVar=True, instanceNormalization=instance)
    scaled = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    assert_close(run(item), scaled * over(GAMMA) + over(BETA), 1e-4)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("variance", [False, True])
def test_mvn(across, variance):
    axes = (1, 2, 3) if across else (2, 3)
    x = X.astype(float)
    expected = x - x.mean(axes, keepdims=True)
    if variance:
        # Core ML adds epsilon to the variance.
        expected /= np.sqrt(x.var(axes, keepdims=True) + 1e-2)
    item = layer("mvn", acrossChannels=across, normalizeVariance=variance, epsilon=1e-2)
    assert_close(run(item), expected, 1e-4)


def test_l2normalize():
    x = X.astype(float)
    length = np.sqrt((x**2).sum((1, 2, 3), keepdims=True) + 0.5)
    assert_close(run(layer("l2normalize", epsilon=0.5)), x / length)


@pytest.mark.parametrize("size", [1, 3])
def test_lrn(size):
    x = X.astype(float)
    total = np.zeros_like(x)
    for channel in range(3):
        near = slice(max(channel - size // 2, 0), channel + size // 2 + 1)
        total[:, channel] = (x[:, near] ** 2).sum(1)
    item = layer("lrn", alpha=0.5, beta=0.75, localSize=size, k=2.0)
    assert_close(run(item), x / (2 + 0.5 / size * total) ** 0.75)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_layer_normalization(count):
    x = numbers(3, 4, 5)
    shape, axes = x.shape[-count:], tuple(range(-count, 0))
    gamma, beta = numbers(*shape, seed=1), numbers(*shape, seed=2)
    normal = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 0.1)
    given = {"normalizedShape": shape, "gamma": gamma, "beta": beta, "eps": 0.1}
    found = result(network(layer("layerNormalization", **given), x=x.shape), x)
    assert_close(found, normal * gamma + beta)
