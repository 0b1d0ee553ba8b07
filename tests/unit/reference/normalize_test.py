"""Normalisations against their formulas, and erf against math.erf."""

import math

import numpy as np
import pytest
from cmlc.ir.reference import normalize, special


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


@pytest.mark.parametrize("axis", [1, -1])
def test_batch_norm(axis):
    x = random(2, 3, 4, 3)
    mean, variance, gamma, beta = random(3), np.abs(random(3, seed=1)), random(3), random(3, seed=2)
    y = normalize.batch_norm(x, mean, variance, gamma, beta, epsilon=0.1, channel_axis=axis)
    for c in range(3):
        part, got = np.take(x, c, axis), np.take(y, c, axis)
        expected = gamma[c] * (part - mean[c]) / math.sqrt(variance[c] + 0.1) + beta[c]
        np.testing.assert_allclose(got, expected)


def test_layer_norm_over_the_last_axes():
    x, gamma, beta = random(2, 3, 4), random(3, 4, seed=1), random(3, 4, seed=2)
    y = normalize.layer_norm(x, (1, -1), gamma, beta, 1e-3)
    for n in range(2):
        expected = (x[n] - x[n].mean()) / math.sqrt(x[n].var() + 1e-3) * gamma + beta
        np.testing.assert_allclose(y[n], expected)


def test_layer_norm_over_an_axis_in_the_middle():
    x, gamma = random(2, 3, 4), random(3, seed=1)
    y = normalize.layer_norm(x, (1,), gamma, epsilon=1e-3)
    for n, i in np.ndindex(2, 4):
        row = x[n, :, i]
        np.testing.assert_allclose(
            y[n, :, i], (row - row.mean()) / math.sqrt(row.var() + 1e-3) * gamma
        )


def test_instance_norm():
    x, gamma, beta = random(2, 3, 4, 5), random(3, seed=1), random(3, seed=2)
    y = normalize.instance_norm(x, gamma, beta, epsilon=1e-3)
    for n, c in np.ndindex(2, 3):
        part = x[n, c]
        expected = (part - part.mean()) / math.sqrt(part.var() + 1e-3) * gamma[c] + beta[c]
        np.testing.assert_allclose(y[n, c], expected)
    last = normalize.instance_norm(
        np.moveaxis(x, 1, -1), gamma, beta, epsilon=1e-3, channel_axis=-1, spatial_axes=(1, 2)
    )
    np.testing.assert_allclose(np.moveaxis(last, -1, 1), y)


@pytest.mark.parametrize("axes", [(2, 3), (1, 2, 3)])
def test_mean_variance_norm(axes):
    x = random(2, 3, 4, 5)
    centred = x - x.mean(axes, keepdims=True)
    y = normalize.mean_variance_norm(x, axes, normalize_variance=False)
    np.testing.assert_allclose(y, centred)
    y = normalize.mean_variance_norm(x, axes, epsilon=0.5)
    np.testing.assert_allclose(y, centred / np.sqrt(x.var(axes, keepdims=True) + 0.5))


def test_l2_norm():
    x = random(2, 3, 4)
    y = normalize.l2_norm(x, (1, 2), 0.5)
    for n in range(2):
        np.testing.assert_allclose(y[n], x[n] / math.sqrt((x[n] ** 2).sum() + 0.5))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_local_response_norm(size):
    x = random(2, 4, 3)
    y = normalize.local_response_norm(x, size=size, alpha=0.3, beta=0.75, k=2.0)
    for c in range(4):
        near = x[:, max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
        total = (near**2).sum(1)
        np.testing.assert_allclose(y[:, c], x[:, c] / (2.0 + 0.3 / size * total) ** 0.75)


@pytest.mark.parametrize("size", [2, 3])
def test_local_response_norm_recorded_by_coremltools(size):
    """From its iOS14 test_normalization.py; at rank 3 the channels are axis -3, here just one."""
    x = np.array([[[1, -7], [5, -6], [-3, -5]]])
    expected = {
        2: [[0.99996257, -6.98716545], [4.99531746, -5.99191284], [-2.99898791, -4.99531746]],
        3: [[0.99997497, -6.99143696], [4.99687672, -5.99460602], [-2.99932504, -4.99687672]],
    }[size]
    y = normalize.local_response_norm(
        x.astype(np.float32), size=size, alpha=1e-4, beta=0.75, k=1.0, channel_axis=-3
    )
    np.testing.assert_allclose(y, [expected], rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(axis):
    x = random(2, 3, 4)
    y = normalize.softmax(x, axis)
    np.testing.assert_allclose(y, np.exp(x) / np.exp(x).sum(axis, keepdims=True))
    large = normalize.softmax(np.array([1e4, 1e4, -1e4], np.float32))
    np.testing.assert_array_equal(large, [0.5, 0.5, 0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_of_x_is_kept(dtype):
    x, one = random(2, 3, 4, 5).astype(dtype), np.ones(3)
    for y in (
        normalize.batch_norm(x, one, one, one, one),
        normalize.layer_norm(x, (1,), one, one),
        normalize.instance_norm(x, one, one),
        normalize.mean_variance_norm(x, (1,)),
        normalize.l2_norm(x, (1, 2, 3)),
        normalize.local_response_norm(x, size=3, alpha=0.1, beta=0.5, k=1.0),
        normalize.softmax(x),
        special.erf(x),
    ):
        assert y.dtype == dtype
        assert y.shape == x.shape


def test_erf_is_that_of_math():
    x = np.concatenate([np.linspace(-7, 7, 20001), [0, 0.84375, 1.25, 1 / 0.35, 1e-300, 40]])
    expected = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(special.erf(x), expected, rtol=1e-15, atol=1e-300)
    np.testing.assert_array_equal(special.erf(np.array([-np.inf, np.inf])), [-1, 1])
    assert np.isnan(special.erf(np.array([np.nan]))).all()
    assert np.signbit(special.erf(np.array([-0.0]))).all()
