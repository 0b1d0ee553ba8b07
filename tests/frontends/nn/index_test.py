"""Layers that index by computed positions, order and sum along an axis."""

import numpy as np
import pytest
from support.networks.builders import (
    assert_close,
    layer,
    network,
    numbers,
    result,
    results,
    text,
)

X = numbers(2, 3, 4)
UPDATE, ADD, SUB, MUL, DIV, MAX, MIN = range(7)
COMBINE = {
    UPDATE: lambda old, new: new,
    ADD: np.add,
    SUB: np.subtract,
    MUL: np.multiply,
    DIV: np.divide,
    MAX: np.maximum,
    MIN: np.minimum,
}


def run(kind, *inputs, **fields):
    named = {f"x{i}": np.shape(x) for i, x in enumerate(inputs)}
    return result(network(layer(kind, **fields), **named), *inputs)


def constant(name, *values):
    """A layer that makes a rank-1 blob."""
    return layer("loadConstantND", [], [name], data=values, shape=[len(values)])


def test_gather_along_axis():
    indices = np.array([[[0, -1, 2, 1]], [[1, 1, -3, 0]]])
    found = run("gatherAlongAxis", X, indices, axis=-2)
    assert_close(found, np.take_along_axis(X, indices, 1))


def test_gather_nd():
    indices = np.array([[[1, -1]], [[0, 2]], [[-2, 0]]])
    expected = X[indices[..., 0], indices[..., 1]]
    assert expected.shape == (3, 1, 4)
    assert_close(run("gatherND", X, indices), expected)
    assert_close(run("gatherND", X, np.array([1, 2, -4])[None]), X[1, 2, :1])


@pytest.mark.parametrize("mode", COMBINE)
def test_scatter(mode):
    indices, updates = np.array([2, -1, 0, 2]), numbers(2, 4, 4, seed=1)
    expected = X.copy()
    for i, index in enumerate(indices):
        expected[:, index] = COMBINE[mode](expected[:, index], updates[:, i])
    assert_close(run("scatter", X, indices, updates, axis=-2, mode=mode), expected)


def test_scatter_by_a_matrix_of_indices():
    x, updates = numbers(4, 3), numbers(4, 5, 2, seed=1)
    indices = np.arange(10).reshape(5, 2) % 3
    expected = x.copy()
    for (i, j), index in np.ndenumerate(indices):
        expected[:, index] += updates[:, i, j]
    assert_close(run("scatter", x, indices, updates, axis=1, mode=ADD), expected)


@pytest.mark.parametrize("mode", COMBINE)
def test_scatter_nd(mode):
    indices, updates = np.array([[1, 0], [-1, 0], [0, -2]]), numbers(3, 4, seed=1)
    expected = X.copy()
    for (i, j), update in zip(indices, updates, strict=True):
        expected[i, j] = COMBINE[mode](expected[i, j], update)
    assert_close(run("scatterND", X, indices, updates, mode=mode), expected)


@pytest.mark.parametrize("mode", COMBINE)
def test_scatter_along_axis(mode):
    indices = np.arange(16).reshape(2, 2, 4) % 5 % 3 - 1
    updates, expected = numbers(2, 2, 4, seed=1), X.copy()
    for (i, j, k), index in np.ndenumerate(indices):
        expected[i, index, k] = COMBINE[mode](expected[i, index, k], updates[i, j, k])
    assert_close(run("scatterAlongAxis", X, indices, updates, axis=1, mode=mode), expected)


def test_one_hot():
    expected = np.array([[-1, -1, 5, -1], [-1, -1, -1, -1]])
    fields = {"oneHotVectorSize": 4, "onValue": 5, "offValue": -1}
    assert_close(run("oneHot", np.array([2, -1]), axis=-1, **fields), expected)
    assert_close(run("oneHot", np.array([2, -1]), axis=0, **fields), expected.T)


def test_one_hot_of_a_size_in_an_input():
    fields = {"oneHotVectorSize": 9, "axis": -1, "onValue": 1}
    model = network(constant("n", 3), layer("oneHot", ["x", "n"], **fields), x=(2,))
    assert_close(result(model, [1, 0]), [[0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize("axis", [-1, 0])
def test_one_hot_of_a_computed_size(axis):
    """coremltools writes it so for a depth that TensorFlow computes."""
    fields = {"oneHotVectorSize": 9, "axis": axis, "onValue": 5, "offValue": -1}
    model = network(layer("oneHot", ["x", "n"], **fields), x=(2,), n=(1,))
    for size in (3, 5):
        expected = np.full((2, size), -1)
        expected[0, 1] = 5
        assert_close(result(model, [1, -1], [size]), expected if axis else expected.T)


def test_reverse_seq():
    found = run("reverseSeq", X, np.array([2, 0]), batchAxis=0, sequenceAxis=1)
    assert_close(found, np.stack([X[0][[1, 0, 2]], X[1]]))


def test_where_non_zero():
    x = np.array([[1, 2, 1], [0, 2, 2], [2, 1, 0]])
    expected = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 0], [2, 1]]
    assert_close(run("whereNonZero", x), expected)
    assert_close(run("whereNonZero", x * 0), np.zeros((0, 2)))
    assert text(network(layer("whereNonZero", name="a b"), x=(3, 3)))[0] == (
        "%0 = tensor.non_zero(%x) {dims = [d0_a_b_0, 2]} : i32[d0_a_b_0,2]"
    )


@pytest.mark.parametrize("axis", [1, -2])
def test_sliding_windows(axis):
    found = run("slidingWindows", numbers(2, 8, 3), axis=axis, windowSize=3, step=2)
    x = numbers(2, 8, 3)
    assert_close(found, np.stack([x[:, i : i + 3] for i in (0, 2, 4)], 1))


@pytest.mark.parametrize("descending", [False, True])
def test_arg_sort(descending):
    x = np.array([[3, 5, 3], [77, 6, 77]])
    expected = [[1, 0, 2], [0, 2, 1]] if descending else [[0, 2, 1], [1, 0, 2]]
    assert_close(run("argSort", x, axis=1, descending=descending), expected)


@pytest.mark.parametrize("bottom", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_top_k(bottom, given):
    names = ["values", "indices"]
    fields = {"axis": -2, "K": 9 if given else 2, "useBottomK": bottom}
    second = [constant("k", 2)] if given else []
    inputs = ["x", "k"] if given else ["x"]
    model = network(*second, layer("topK", inputs, names, **fields), x=X.shape)
    order = np.argsort(X if bottom else -X, 1, kind="stable")[:, :2]
    found = results(model, X)
    assert_close(found["values"], np.take_along_axis(X, order, 1))
    assert_close(found["indices"], order)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cum_sum(exclusive, reverse):
    fields = {"excludeFinalSum": exclusive, "reverse": reverse}
    x = np.flip(X, -1) if reverse else X
    expected = np.cumsum(x, -1) - (x if exclusive else 0)
    expected = np.flip(expected, -1) if reverse else expected
    assert_close(run("cumSum", X, axis=-1, **fields), expected)
    given = network(constant("a", -1), layer("cumSum", ["x", "a"], **fields), x=X.shape)
    assert_close(result(given, X), expected)


def test_multi_indices_do_not_reach_across_a_batch():
    """Each entry picks of its own numbers; the first index, of an extent of 1, is always 0."""
    model = network(layer("gatherND", ["x", "i"]), x=(1, 3), i=(1, 2))
    x, picked = numbers(3, 3), np.float32([[0, 2], [0, 0], [0, -1]])
    found = result(model, x, picked, batch="dynamic")
    assert_close(found, np.float32([x[0, 2], x[1, 0], x[2, 2]]))
