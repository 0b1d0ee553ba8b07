"""Layers that make tensors from a few numbers, and bands of matrices."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import (
    assert_close,
    constant,
    flexible,
    layer,
    layer_result,
    network,
    numbers,
    result,
    results,
    text,
)

X = numbers(2, 3, 4)


def alone(*layers):
    """The result of layers that read no input; a model has one nevertheless."""
    return result(network(*layers, x=(1,)), [0])


def test_broadcasts():
    x = numbers(3, 1)
    expected = np.broadcast_to(x, (2, 3, 4))
    assert_close(layer_result("broadcastToStatic", x, targetShape=[2, 3, 4]), expected)
    assert_close(layer_result("broadcastToLike", x, X), expected)
    assert_close(layer_result("broadcastToDynamic", x, [2, 3, 4]), expected)
    model = network(constant("s", 2, 3, 4), layer("broadcastToDynamic", ["x", "s"]), x=x.shape)
    assert_close(result(model, x), expected)
    assert "tensor.broadcast_to" in text(model)[-2]


def test_fills():
    assert_close(layer_result("fillLike", X, value=0.5), np.full(X.shape, 0.5))
    assert_close(layer_result("fillDynamic", [3, 2], value=-1.5), np.full((3, 2), -1.5))
    assert_close(alone(layer("fillStatic", [], targetShape=[2, 3], value=7)), np.full((2, 3), 7.0))
    assert_close(
        alone(constant("s", 2, 2), layer("fillDynamic", ["s"], value=3)), np.full((2, 2), 3)
    )


def test_shapes_of_open_extents():
    x = numbers(3, 2)
    like = flexible(network(layer("fillLike", value=2), x=x.shape))
    assert_close(result(like, x), np.full((3, 2), 2.0))
    computed = flexible(network(layer("getShape"), layer("fillDynamic", value=2), x=x.shape))
    assert_close(result(computed, x), np.full((3, 2), 2.0))
    assert "{dims = [d_x_0, d_x_1]}" in text(computed)[-2]
    line = flexible(network(layer("broadcastToLike", ["z", "x"]), x=x.shape, z=(2,)))
    assert_close(result(line, x, [5, 6]), np.broadcast_to([5, 6], (3, 2)))


def test_fills_have_symbols_of_their_own():
    printed = text(network(layer("fillDynamic", name="a/b"), s=(2,)))
    assert printed[-2].endswith("{dims = [d0_a_b_0, d0_a_b_1]} : f32[d0_a_b_0,d0_a_b_1]")


@pytest.mark.parametrize(
    ("start", "end", "step"), [(0, 5, 1), (1, 2, 0.375), (5, -2, -3), (3, 1, 1), (-1.5, 2, 1)]
)
def test_ranges(start, end, step):
    expected = np.arange(start, end, step, dtype=np.float32)
    given = {"startValue": start, "stepSizeValue": step}
    assert_close(alone(layer("rangeStatic", [], endValue=end, **given)), expected)
    assert_close(layer_result("rangeDynamic", [end], **given), expected)
    assert_close(layer_result("rangeDynamic", [end], [start], stepSizeValue=step), expected)
    assert_close(layer_result("rangeDynamic", [end], [start], [step]), expected)
    layers = constant("e", end), constant("s", start), layer("rangeDynamic", ["e", "s"], **given)
    assert_close(alone(*layers), expected)
    assert "tensor.range_1d" not in "".join(text(network(*layers, x=(1,))))


def test_a_range_over_an_extent():
    pick = layer("sliceStatic", beginIds=[0], endIds=[1], strides=[1])
    model = flexible(
        network(layer("getShape"), pick, layer("rangeDynamic", stepSizeValue=1), x=(3, 2))
    )
    assert_close(result(model, numbers(3, 2)), [0, 1, 2])
    assert text(model)[-2].endswith("{dims = [d_x_0]} : f32[d_x_0]")


@pytest.mark.parametrize("k", [-2, -1, 0, 1, 5])
def test_triangles(k):
    x = X.copy()
    x[0, 0, 3] = np.inf  # no arithmetic touches what goes away
    assert_close(layer_result("lowerTriangular", x, k=k), np.tril(x, k))
    assert_close(layer_result("upperTriangular", x, k=k), np.triu(x, k))


@pytest.mark.parametrize(("lower", "upper"), [(0, 0), (1, 0), (-1, 1), (2, -1), (-1, -5)])
def test_bands(lower, upper):
    expected = X
    if upper >= 0:
        expected = np.tril(expected, upper)
    if lower >= 0:
        expected = np.triu(expected, -lower)
    assert_close(layer_result("matrixBandPart", X, numLower=lower, numUpper=upper), expected)


def test_extents_that_turn_out_not_to_fit():
    """What only running tells is a diagnostic too."""
    model = network(
        layer("fillDynamic", ["n"], ["f"]),
        layer("addBroadcastable", ["x", "f"]),
        x=(3,),
        n=(1,),
    )
    with pytest.raises(CompileError, match=r"'tensor.add' fails on these inputs"):
        results(model, np.zeros(3), np.asarray([2.0]))
