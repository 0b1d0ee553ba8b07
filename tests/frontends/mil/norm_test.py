"""Normalization in ML Programs."""

import numpy as np
import pytest
from support.mil.programs import assert_refused, op, program, result
from support.networks.builders import assert_close, numbers

X = numbers(2, 3, 4, 5)
GAMMA, BETA = np.array([[0.5, -1, 2], [1, 2, -0.5]], np.float32)
MEAN, VARIANCE = np.array([[0.1, 0.2, 0.3], [1, 2, 0.5]], np.float32)


def normalized(kind, **parameters):
    return program(op(kind, "y", X.shape, x="x", **parameters), x=X.shape)


def channels(vector):
    return vector[:, None, None]


def standard(axes, epsilon=1e-5):
    variance = X.var(axes, keepdims=True)
    return (X - X.mean(axes, keepdims=True)) / np.sqrt(variance + epsilon)


@pytest.mark.parametrize("scaled", [False, True])
def test_batch_norm(scaled):
    given = {"gamma": GAMMA, "beta": BETA} if scaled else {}
    model = normalized("batch_norm", mean=MEAN, variance=VARIANCE, epsilon=0.1, **given)
    expected = (X - channels(MEAN)) / np.sqrt(channels(VARIANCE) + 0.1)
    if scaled:
        expected = expected * channels(GAMMA) + channels(BETA)
    assert_close(result(model, X), expected)


def test_instance_norm():
    assert_close(result(normalized("instance_norm"), X), standard((2, 3)))
    model = normalized("instance_norm", gamma=GAMMA, beta=BETA, epsilon=0.1)
    expected = standard((2, 3), 0.1) * channels(GAMMA) + channels(BETA)
    assert_close(result(model, X), expected)


@pytest.mark.parametrize("axes", [(2, 3), (-3, -1), (0,), (3, 1)])
def test_layer_norm(axes):
    positive = sorted(axis % 4 for axis in axes)
    extents = [X.shape[axis] if axis in positive else 1 for axis in range(4)]
    gamma = numbers(*(X.shape[axis] for axis in positive))
    model = normalized("layer_norm", axes=np.array(axes), gamma=gamma, beta=gamma + 1)
    expected = standard(axes) * gamma.reshape(extents) + (gamma + 1).reshape(extents)
    assert_close(result(model, X), expected)


def test_layer_norm_over_everything():
    assert_close(result(normalized("layer_norm", epsilon=0.1), X), standard((0, 1, 2, 3), 0.1))


def test_l2_norm():
    total = np.square(X).sum((1, 2, 3), keepdims=True)
    assert_close(result(normalized("l2_norm", epsilon=0.1), X), X / np.sqrt(total + 0.1))


def test_local_response_norm():
    model = normalized("local_response_norm", size=3, alpha=0.6, beta=0.5, k=2.0)
    padded = np.pad(np.square(X), ((0, 0), (1, 1), (0, 0), (0, 0)))
    total = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    assert_close(result(model, X), X / np.sqrt(2 + 0.2 * total))


def test_refusals():
    wrong = normalized("layer_norm", axes=np.array([3]), gamma=GAMMA)
    assert_refused(wrong, "has 'gamma' of the shape [3], expected [5]")
    assert_refused(normalized("layer_norm", axes=np.array([4])), "over the axes [4]")
    flat = program(op("l2_norm", "y", (2, 3), x="x"), x=(2, 3))
    assert_refused(flat, "needs an operand of rank 3 or more")
