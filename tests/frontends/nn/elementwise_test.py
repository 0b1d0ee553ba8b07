"""Arithmetic, comparison, logic, and constants per channel."""

import numpy as np
import pytest
from support.networks.builders import assert_close, layer, network, numbers, result, text

X, Y, Z = numbers(2, 3, 2), numbers(2, 3, 2, seed=1), numbers(3, 1, seed=2)
POSITIVE = np.abs(X) + 0.5


def run(kind, *inputs, **fields):
    named = {f"x{i}": x.shape for i, x in enumerate(inputs)}
    return result(network(layer(kind, **fields), **named), *inputs)


FOLDED = {
    "add": np.add,
    "multiply": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "addBroadcastable": np.add,
    "multiplyBroadcastable": np.multiply,
    "maxBroadcastable": np.maximum,
    "minBroadcastable": np.minimum,
}
BINARY = {
    "subtractBroadcastable": np.subtract,
    "divideBroadcastable": np.divide,
    "floorDivBroadcastable": lambda x, y: np.floor(x / y),
    "modBroadcastable": np.mod,
    "powBroadcastable": np.power,
}
UNARY = {
    **{n: getattr(np, n) for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp2", "ceil")},
    **{n: getattr(np, n) for n in ("floor", "round", "sign")},
    **{
        n: getattr(np, n.replace("a", "arc", 1)) for n in ("asin", "acos", "atan", "asinh", "atanh")
    },
}
COMPARED = {
    "greaterThan": np.greater,
    "greaterEqual": np.greater_equal,
    "lessThan": np.less,
    "lessEqual": np.less_equal,
    "equal": np.equal,
    "notEqual": np.not_equal,
}


@pytest.mark.parametrize("kind", FOLDED)
def test_two_or_more_inputs(kind):
    make = FOLDED[kind]
    assert_close(run(kind, X, Y), make(X, Y))
    assert_close(run(kind, X, Y, Z), make(make(X, Y), Z))


@pytest.mark.parametrize("kind", BINARY)
def test_two_inputs_broadcast(kind):
    x, y = (POSITIVE, np.abs(Z) + 0.5) if kind.startswith("pow") else (X, Z)
    assert_close(run(kind, x, y), BINARY[kind](x, y), 1e-4)


def test_one_input_and_alpha():
    assert_close(run("add", X, alpha=2.5), X + 2.5)
    assert_close(run("multiply", X, alpha=2.5), X * 2.5)


def test_average():
    assert_close(run("average", X, Y), (X + Y) / 2)
    assert_close(run("average", X, Y, X), (2 * X + Y) / 3)


@pytest.mark.parametrize("cosine", [False, True])
def test_dot(cosine):
    x, y = numbers(1, 4, 2, 3), numbers(1, 4, 2, 3, seed=1)
    expected = (x * y).sum(1, keepdims=True)
    if cosine:
        lengths = [np.sqrt((v**2).sum(1, keepdims=True)) for v in (x, y)]
        expected = expected / (lengths[0] * lengths[1])
    assert_close(run("dot", x, y, cosineSimilarity=cosine), expected)


@pytest.mark.parametrize("kind", UNARY)
def test_functions(kind):
    x = np.tanh(X)
    assert_close(run(kind, x), UNARY[kind](x))


def test_functions_of_large_and_special_numbers():
    from math import erf

    assert_close(run("acosh", POSITIVE + 1), np.arccosh(POSITIVE + 1))
    assert_close(run("erf", X), np.vectorize(erf)(X))


@pytest.mark.parametrize("kind", COMPARED)
def test_comparisons_are_ones_and_zeros(kind):
    x, y = np.float32([1, 2, 3]), np.float32([3, 2, 1])
    assert_close(run(kind, x, y), COMPARED[kind](x, y).astype(np.float32))
    assert_close(run(kind, x, alpha=2.0), COMPARED[kind](x, 2).astype(np.float32))


def test_comparison_text():
    assert text(network(layer("lessThan"), x=(2,), z=(2,))) == [
        "%0 = tensor.less(%x, %z) : bool[2]",
        "%1 = tensor.cast(%0) {dtype = f32} : f32[2]",
        "return %1",
    ]


def test_logic_takes_anything_but_0_for_true():
    x, y = np.float32([0, 0, 2, -1]), np.float32([0, 3, 0, 0.5])
    assert_close(run("logicalAnd", x, y), [0, 0, 0, 1])
    assert_close(run("logicalOr", x, y), [0, 1, 1, 1])
    assert_close(run("logicalXor", x, y), [0, 1, 1, 0])
    assert_close(run("logicalNot", x), [1, 1, 0, 0])
    assert_close(run("whereBroadcastable", x, y, y + 10), [10, 13, 0, 0.5])


def test_clip():
    assert_close(run("clip", X, minVal=-0.5, maxVal=0.25), np.clip(X, -0.5, 0.25))


UNARY_FUNCTIONS = {
    0: lambda x: np.sqrt(x),
    1: lambda x: 1 / np.sqrt(x + 0.1),
    2: lambda x: 1 / (x + 0.1),
    3: lambda x: x**1.5,
    4: np.exp,
    5: lambda x: np.log(x + 0.1),
    6: np.abs,
    7: lambda x: np.maximum(x, 1.5),
}


@pytest.mark.parametrize("function", UNARY_FUNCTIONS)
@pytest.mark.parametrize(("scale", "shift"), [(0.0, 0.0), (2.0, 0.5)])
def test_unary(function, scale, shift):
    expected = UNARY_FUNCTIONS[function](POSITIVE.astype(float) * (scale or 1) + shift)
    found = run("unary", POSITIVE, type=function, scale=scale, shift=shift, alpha=1.5, epsilon=0.1)
    assert_close(found, expected)


def test_unary_text():
    assert text(network(layer("unary", type=2, scale=0.5), x=(2,))) == [
        "%0 = nn.linear_activation(%x) {alpha = 0.5} : f32[2]",
        "%1 = tensor.inverse(%0) {epsilon = 1e-06} : f32[2]",
        "return %1",
    ]


@pytest.mark.parametrize("shape", [(1,), (3,), (1, 2, 4), (3, 2, 4)])
def test_bias_and_scale(shape):
    x, s, b = numbers(2, 3, 2, 4), numbers(*shape, seed=1), numbers(*shape, seed=2)
    over = (lambda v: v[:, None, None]) if len(shape) == 1 else (lambda v: v)
    assert_close(run("bias", x, bias=b, shape=shape), x + over(b))
    assert_close(run("scale", x, scale=s, shapeScale=shape), x * over(s))
    both = run("scale", x, scale=s, shapeScale=shape, hasBias=True, bias=b, shapeBias=shape)
    assert_close(both, x * over(s) + over(b))
