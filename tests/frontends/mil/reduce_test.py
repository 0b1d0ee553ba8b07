"""Reductions of ML Programs."""

import numpy as np
import pytest
from support.mil.programs import I32, assert_refused, op, program, result
from support.networks.builders import assert_close, numbers

X = np.abs(numbers(2, 3, 4)) + 0.5
WHOLE = np.array([[1, 2, 5], [-1, -3, -4]], np.int32)
FUNCTIONS = {
    "reduce_sum": np.sum,
    "reduce_mean": np.mean,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_prod": np.prod,
    "reduce_l1_norm": lambda x, **over: np.abs(x).sum(**over),
    "reduce_l2_norm": lambda x, **over: np.sqrt(np.square(x).sum(**over)),
    "reduce_sum_square": lambda x, **over: np.square(x).sum(**over),
    "reduce_log_sum": lambda x, **over: np.log(x.sum(**over)),
    "reduce_log_sum_exp": lambda x, **over: np.log(np.exp(x).sum(**over)),
}


def reduced(kind, shape, opset=15, **parameters):
    return program(op(kind, "y", shape, x="x", **parameters), x=X.shape, opset=opset)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_some_axes_or_all(kind):
    function = FUNCTIONS[kind]
    kept = reduced(kind, (2, 1, 1), axes=np.array([1, -1]), keep_dims=True)
    assert_close(result(kept, X), function(X, axis=(1, 2), keepdims=True))
    assert_close(np.ravel(result(reduced(kind, ()), X)), [function(X)])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("reduce_mean", [2, -2]), ("reduce_l2_norm", [5, 5]), ("reduce_log_sum_exp", [5, 0])],
)
def test_integers_are_rounded_towards_zero(kind, expected):
    operation = op(kind, "y", (2,), I32, x="x", axes=np.array([1]))
    got = result(program(operation, x=(2, 3), dtypes={"x": I32}), WHOLE)
    assert got.dtype == np.int32
    assert got.tolist() == expected


@pytest.mark.parametrize("kind", ["reduce_argmax", "reduce_argmin"])
def test_positions(kind):
    function = getattr(np, kind.removeprefix("reduce_"))
    last = program(op(kind, "y", (2, 3), I32, x="x"), x=X.shape)
    assert_close(result(last, X), function(X, -1))
    kept = op(kind, "y", (1, 3, 4), 32, x="x", axis=0, keep_dims=True, output_dtype="uint16")
    back = op("cast", "z", (1, 3, 4), I32, x="y", dtype="int32")
    narrow = program(kept, back, x=X.shape, opset=17)
    assert_close(result(narrow, X), function(X, 0)[None])


def test_refusals():
    none = reduced("reduce_sum", X.shape, axes=np.zeros(0, np.int32))
    assert_refused(none, "names no axes", kind="unsupported")
    wide = reduced("reduce_argmax", (2, 3), opset=17, output_dtype="int64")
    assert_refused(wide, "of the unknown type 'int64'")
    early = reduced("reduce_argmax", (2, 3), opset=16, output_dtype="int32")
    assert_refused(early, "a parameter 'output_dtype'", kind="unsupported")
