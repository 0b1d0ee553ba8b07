"""Matrix products and attention in ML Programs."""

import numpy as np
import pytest
from support.mil.programs import I32, assert_refused, op, program, result
from support.networks.builders import assert_close, numbers

X, WEIGHT, BIAS = numbers(2, 5), numbers(3, 5), numbers(3)
INTEGERS = np.arange(10, dtype=np.int32).reshape(2, 5)


def test_linear():
    given = {"x": "x", "weight": WEIGHT}
    plain = program(op("linear", "y", (2, 3), **given), x=(2, 5))
    assert_close(result(plain, X), X @ WEIGHT.T)
    biased = program(op("linear", "y", (2, 3), **given, bias=BIAS), x=(2, 5))
    assert_close(result(biased, X), X @ WEIGHT.T + BIAS)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_linear_of_integers(dtype):
    weight = np.arange(15).reshape(3, 5).astype(dtype)
    bias = np.array([1, 2, 3], dtype)
    operation = op("linear", "y", (2, 3), I32, x="x", weight=weight, bias=bias)
    model = program(operation, x=(2, 5), dtypes={"x": I32}, opset=17)
    assert result(model, INTEGERS).tolist() == (INTEGERS @ weight.T + bias).tolist()


SHAPES = [((5,), (5,)), ((5,), (3, 5, 4)), ((3, 4, 5), (5,)), ((2, 5), (5, 3))]


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul(left, right):
    x, y = numbers(*left), numbers(*right) + 1
    expected = np.matmul(x, y)
    model = program(op("matmul", "z", expected.shape, x="x", y="y"), x=left, y=right)
    assert_close(np.ravel(result(model, x, y)), np.ravel(expected))


def test_transposed_factors():
    x, y = numbers(5, 2), numbers(3, 5)
    operation = op("matmul", "z", (2, 3), x="x", y="y", transpose_x=True, transpose_y=True)
    assert_close(result(program(operation, x=x.shape, y=y.shape), x, y), x.T @ y.T)


def mixed(factor, side):
    operands = {"x": "x", "y": factor.T} if side == "y" else {"x": factor, "y": "x"}
    operation = op("matmul", "z", (2, 3) if side == "y" else (3, 5), I32, **operands)
    return program(operation, x=(2, 5), dtypes={"x": I32}, opset=17)


def test_the_operand_that_is_no_constant_gives_the_dtype():
    factor = np.arange(15, dtype=np.float32).reshape(3, 5)
    expected = INTEGERS @ factor.T.astype(np.int32)
    assert result(mixed(factor, "y"), INTEGERS).tolist() == expected.tolist()
    left = factor[:, :2]
    assert result(mixed(left, "x"), INTEGERS).tolist() == (left @ INTEGERS).tolist()
    assert_refused(mixed(factor / 2, "y"), "not whole numbers", kind="unsupported")


@pytest.mark.parametrize(
    ("equation", "left", "right"),
    [("nchw,nwhu->nchu", (2, 3, 4, 5), (2, 5, 4, 6)), ("abc,cbd->abd", (3, 4, 5), (5, 1, 6))],
)
def test_einsum(equation, left, right):
    x, y = numbers(*left), numbers(*right) + 1
    whole = np.broadcast_to(y, (*right[:-2], 4, 6))
    expected = np.einsum(equation, x, whole)
    operation = op("einsum", "z", expected.shape, values=("x", "y"), equation=equation)
    assert_close(result(program(operation, x=left, y=right), x, y), expected)


def test_another_equation_is_refused():
    operation = op("einsum", "z", (2, 3), values=("x", "y"), equation="ij,jk->ik")
    model = program(operation, x=(2, 5), y=(5, 3))
    assert_refused(model, "computes the unsupported equation 'ij,jk->ik'", kind="unsupported")


@pytest.mark.parametrize("mask", [None, "float", "bool"])
def test_attention(mask):
    query, key, value = numbers(2, 3, 4), numbers(2, 5, 4) + 1, numbers(2, 5, 6) - 1
    scores = query @ key.swapaxes(1, 2) / 2
    given = {}
    if mask == "float":
        given["attn_mask"] = numbers(3, 5)
        scores = scores + given["attn_mask"]
    elif mask == "bool":
        given["attn_mask"] = np.tri(3, 5, dtype=bool)
        scores = np.where(given["attn_mask"], scores, -np.inf)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    operands = {"query": "q", "key": "k", "value": "v"}
    operation = op("scaled_dot_product_attention", "y", (2, 3, 6), **operands, **given)
    model = program(operation, q=query.shape, k=key.shape, v=value.shape, opset=18)
    assert_close(result(model, query, key, value), weights @ value)
