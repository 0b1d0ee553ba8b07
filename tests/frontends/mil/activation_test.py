"""Activation functions of ML Programs."""

import numpy as np
import pytest
from support.mil.programs import assert_refused, op, program, result
from support.networks.builders import assert_close, numbers

X = numbers(2, 3, 4)
SLOPES = np.array([0.5, -1, 2], np.float32)
OFFSETS = np.array([1, 2, -0.5], np.float32)


def column(vector):
    return vector[:, None]


CASES = {
    "relu": ({}, lambda x: np.maximum(x, 0)),
    "relu6": ({}, lambda x: np.clip(x, 0, 6)),
    "silu": ({}, lambda x: x / (1 + np.exp(-x))),
    "sigmoid": ({}, lambda x: 1 / (1 + np.exp(-x))),
    "softplus": ({}, lambda x: np.log1p(np.exp(x))),
    "softsign": ({}, lambda x: x / (1 + np.abs(x))),
    "softmax": ({"axis": 1}, lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    "leaky_relu": ({"alpha": 0.1}, lambda x: np.where(x >= 0, x, 0.1 * x)),
    "elu": ({"alpha": 0.5}, lambda x: np.where(x >= 0, x, 0.5 * np.expm1(x))),
    "thresholded_relu": ({"alpha": 0.3}, lambda x: np.where(x >= 0.3, x, 0)),
    "linear_activation": ({"alpha": 2.0, "beta": 1.0}, lambda x: 2 * x + 1),
    "scaled_tanh": ({"alpha": 2.0, "beta": 0.5}, lambda x: 2 * np.tanh(0.5 * x)),
    "sigmoid_hard": ({"alpha": 0.3, "beta": 0.4}, lambda x: np.clip(0.3 * x + 0.4, 0, 1)),
    "clamped_relu": (
        {"alpha": 0.1, "beta": 0.5},
        lambda x: np.minimum(np.where(x >= 0, x, 0.1 * x), 0.5),
    ),
    "prelu": ({"alpha": SLOPES}, lambda x: np.where(x >= 0, x, column(SLOPES) * x)),
    "softplus_parametric": (
        {"alpha": SLOPES, "beta": OFFSETS},
        lambda x: column(SLOPES) * np.log1p(np.exp(column(OFFSETS) * x)),
    ),
    "gelu": ({"mode": "SIGMOID_APPROXIMATION"}, lambda x: x / (1 + np.exp(-1.702 * x))),
}


def activated(kind, **parameters):
    return program(op(kind, "y", X.shape, x="x", **parameters), x=X.shape)


@pytest.mark.parametrize("kind", CASES)
def test_functions(kind):
    parameters, expected = CASES[kind]
    assert_close(result(activated(kind, **parameters), X), expected(X))


def test_parameters_of_half_precision():
    model = activated("prelu", alpha=SLOPES.astype(np.float16))
    assert_close(result(model, X), np.where(X >= 0, X, column(SLOPES) * X))


def test_refusals():
    assert_refused(activated("leaky_relu"), "lacks 'alpha'")
    assert_refused(activated("gelu", mode="exact"), "unknown mode 'exact'")
    assert_refused(activated("relu", alpha=0.1), "a parameter 'alpha'", kind="unsupported")
    flat = program(op("prelu", "y", (2, 3), x="x", alpha=SLOPES), x=(2, 3))
    assert_refused(flat, "needs an operand of rank 3 or more")
