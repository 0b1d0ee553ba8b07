"""Activation layers and softmax."""

import numpy as np
import pytest
from support.networks.builders import assert_close, layer, network, numbers, result, text

X = numbers(1, 3, 2, 2) * 2
A, B = np.float32([0.5, -1.0, 2.0]), np.float32([1.0, 0.5, 2.0])
CA, CB = A[:, None, None], B[:, None, None]


def softplus(x):
    return np.log1p(np.exp(x))


# Name → (parameters, meaning).
FUNCTIONS = {
    "linear": ({"alpha": 2.0, "beta": 0.5}, lambda x: 2 * x + 0.5),
    "ReLU": ({}, lambda x: np.maximum(x, 0)),
    "leakyReLU": ({"alpha": 0.1}, lambda x: np.where(x > 0, x, 0.1 * x)),
    "thresholdedReLU": ({"alpha": 0.7}, lambda x: np.where(x >= 0.7, x, 0)),
    "PReLU": ({"alpha": A}, lambda x: np.where(x > 0, x, CA * x)),
    "tanh": ({}, np.tanh),
    "scaledTanh": ({"alpha": 1.5, "beta": 0.5}, lambda x: 1.5 * np.tanh(0.5 * x)),
    "sigmoid": ({}, lambda x: 1 / (1 + np.exp(-x))),
    "sigmoidHard": ({"alpha": 0.3, "beta": 0.4}, lambda x: np.clip(0.3 * x + 0.4, 0, 1)),
    "ELU": ({"alpha": 0.8}, lambda x: np.where(x > 0, x, 0.8 * np.expm1(x))),
    "softsign": ({}, lambda x: x / (1 + np.abs(x))),
    "softplus": ({}, softplus),
    "parametricSoftplus": ({"alpha": A, "beta": B}, lambda x: CA * softplus(CB * x)),
}


@pytest.mark.parametrize("rank5", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, rank5):
    fields, expected = FUNCTIONS[name]
    x = X[0] if rank5 else X
    found = result(network(layer("activation", **{name: fields}), rank5=rank5, x=x.shape), x)
    assert_close(found, expected(x.astype(float)))


def test_text():
    model = network(layer("activation", PReLU={"alpha": A}), x=X.shape)
    assert text(model) == [
        "%0 = const {value = dense<[0.5, -1.0, 2.0]>} : f32[3]",
        "%1 = nn.prelu(%x, %0) : f32[1,3,2,2]",
        "return %1",
    ]
    assert text(network(layer("activation", ELU={"alpha": 0.1}), x=(2,))) == [
        "%0 = nn.elu(%x) {alpha = 0.1} : f32[2]",
        "return %0",
    ]


@pytest.mark.parametrize("name", ["PReLU", "parametricSoftplus"])
def test_one_parameter_is_that_of_all_channels(name):
    fields = {"alpha": [0.5]} if name == "PReLU" else {"alpha": [0.5], "beta": [2.0]}
    fields = {key: np.float32(value) for key, value in fields.items()}
    found = result(network(layer("activation", **{name: fields}), x=X.shape), X)
    expected = np.where(X > 0, X, 0.5 * X) if name == "PReLU" else 0.5 * softplus(2 * X)
    assert_close(found, expected)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def test_softmax_is_over_channels():
    assert_close(result(network(layer("softmax"), x=X.shape), X), softmax(X, 1))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_over_any_axis(axis):
    x = numbers(2, 3)
    assert_close(result(network(layer("softmaxND", axis=axis), x=x.shape), x), softmax(x, axis))


def test_clamped_relu():
    item = layer("clampedReLU", alpha=0.1, beta=0.5)
    expected = np.minimum(np.where(X > 0, X, 0.1 * X), 0.5)
    assert_close(result(network(item, x=X.shape), X), expected)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_gelu(mode):
    from math import erf

    x = X.astype(float)
    expected = (
        0.5 * x * (1 + np.vectorize(erf)(x / 2**0.5)),
        0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
        x / (1 + np.exp(-1.702 * x)),
    )[mode]
    assert_close(result(network(layer("gelu", mode=mode), x=X.shape), X), expected)
