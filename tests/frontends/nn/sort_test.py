"""Layers whose number of results or axis is an input."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import (
    assert_close,
    assert_refused,
    constant,
    flexible,
    layer,
    layer_result,
    network,
    numbers,
    results,
    text,
)

X = numbers(2, 3, 4)


def top(x=X, k=(1,), **fields):
    item = layer("topK", ["x", "k"], ["values", "indices"], **fields)
    return network(item, x=np.shape(x), k=k)


@pytest.mark.parametrize("bottom", [False, True])
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_top_k_of_an_input(bottom, k, shape):
    found = results(top(k=shape, axis=-2, useBottomK=bottom), X, np.full(shape, k))
    order = np.argsort(X if bottom else -X, 1, kind="stable")[:, :k]
    assert_close(found["values"], np.take_along_axis(X, order, 1))
    assert_close(found["indices"], order)


def test_extents_of_a_computed_k():
    printed = text(top())
    assert (
        "tensor.dynamic_topk(%x, %1) {dims = [d0_l0_0], axis = 0} : f32[d0_l0_0,3,4]" in printed[2]
    )
    pick = layer("sliceStatic", ["s"], ["k"], beginIds=[0], endIds=[1], strides=[1])
    item = layer("topK", ["x", "k"], ["v", "i"])
    model = flexible(network(layer("getShape", ["x"], ["s"]), pick, item, x=(3, 2)))
    assert "{dims = [d_x_0], axis = 0} : f32[d_x_0,d_x_1]" in "".join(text(model))
    assert_close(results(model, [[1, 2], [5, 4], [3, 6]])["v"], [[5, 6], [3, 4], [1, 2]])


@pytest.mark.parametrize("k", [0, 5])
def test_a_computed_k_that_does_not_fit(k):
    with pytest.raises(CompileError, match=rf"takes {k} of 4"):
        results(top(axis=2), X, [k])


@pytest.mark.parametrize("axis", [-3, -1, 0, 1, 2])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running_sums_along_an_input(axis, exclusive, reverse):
    x = np.flip(X, axis) if reverse else X
    expected = np.cumsum(x, axis) - (x if exclusive else 0)
    expected = np.flip(expected, axis) if reverse else expected
    fields = {"excludeFinalSum": exclusive, "reverse": reverse, "axis": 7}
    assert_close(layer_result("cumSum", X, [axis], **fields), expected)


def test_an_axis_that_is_not_there():
    with pytest.raises(CompileError, match=r"'tensor.dynamic_cumsum' fails on these inputs"):
        layer_result("cumSum", X, [3])


def test_a_computed_axis_may_be_the_batch():
    zeros = constant("z", *[0] * 300)  # too many to be known when compiling
    axis = layer("reduceMax", ["z"], ["a"], reduceAll=True)
    model = network(zeros, axis, layer("cumSum", ["x", "a"]), x=(1, 3))
    assert "tensor.dynamic_cumsum" in "".join(text(model))
    refused = "works along a dimension that is computed, maybe the batch"
    assert_refused(model, refused, kind="unsupported", batch="dynamic")
