"""Reduction layers."""

import numpy as np
import pytest
from support.networks.builders import assert_close, layer, network, numbers, result, text

X = np.abs(numbers(2, 3, 4, 5)) + 0.5
AXES = {0: (1, 2, 3), 1: (2, 3), 2: (1,), 3: (2,), 4: (3,)}
MODES = {
    0: np.sum,
    1: np.mean,
    2: np.prod,
    3: lambda x, axis, keepdims: np.log(x + 1e-6).sum(axis, keepdims=keepdims),
    4: lambda x, axis, keepdims: (x**2).sum(axis, keepdims=keepdims),
    5: lambda x, axis, keepdims: np.abs(x).sum(axis, keepdims=keepdims),
    6: lambda x, axis, keepdims: np.sqrt((x**2).sum(axis, keepdims=keepdims)),
    7: np.max,
    8: np.min,
}
NAMED = {
    "reduceSum": np.sum,
    "reduceProd": np.prod,
    "reduceMean": np.mean,
    "reduceMax": np.max,
    "reduceMin": np.min,
    "reduceL1": MODES[5],
    "reduceL2": MODES[6],
    "reduceSumSquare": MODES[4],
    "reduceLogSum": lambda x, axis, keepdims: np.log(x.sum(axis, keepdims=keepdims)),
    "reduceLogSumExp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
}


def run(kind, **fields):
    return result(network(layer(kind, **fields), x=X.shape), X)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("axis", AXES)
def test_named_axes(mode, axis):
    expected = MODES[mode](X.astype(float), axis=AXES[axis], keepdims=True)
    assert_close(run("reduce", mode=mode, axis=axis), expected, 1e-4)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_argmax_along_a_named_axis(axis):
    (along,) = AXES[axis]
    assert_close(run("reduce", mode=9, axis=axis), X.argmax(along, keepdims=True))


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", [(1,), (-1, 0)])
def test_any_axes(kind, keep, axes):
    expected = NAMED[kind](X.astype(float), axis=axes, keepdims=keep)
    assert_close(run(kind, axes=axes, keepDims=keep), expected, 1e-4)


@pytest.mark.parametrize("keep", [False, True])
def test_everything_keeps_one_dimension(keep):
    expected = X.sum(keepdims=keep).reshape((1,) * (4 if keep else 1))
    assert_close(run("reduceSum", reduceAll=True, keepDims=keep), expected, 1e-4)


@pytest.mark.parametrize(("kind", "function"), [("argMax", np.argmax), ("argMin", np.argmin)])
def test_positions(kind, function):
    assert_close(run(kind, axis=-2), function(X, -2, keepdims=True))
    assert_close(run(kind, axis=1, removeDim=True), function(X, 1))


def test_text():
    assert text(network(layer("reduce", mode=1, axis=1), x=X.shape)) == [
        "%0 = tensor.reduce_mean(%x) {axes = [2, 3], keep_dims = true} : f32[2,3,1,1]",
        "return %0",
    ]
    assert text(network(layer("argMax", axis=0, removeDim=True), x=(4,))) == [
        "%0 = tensor.reduce_argmax(%x) {axis = 0} : i32[]",
        "%1 = tensor.reshape(%0) {shape = [1]} : i32[1]",
        "%2 = tensor.cast(%1) {dtype = f32} : f32[1]",
        "return %2",
    ]
