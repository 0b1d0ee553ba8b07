"""What elementwise operations do on integers, and their defaults."""

import numpy as np
import pytest
from cmlc.ir.types import DType
from support.mil.programs import (
    BOOL,
    FP16,
    FP32,
    I32,
    assert_refused,
    imported,
    op,
    program,
    result,
)
from support.mil.single_operation import one
from support.networks.builders import assert_close, flexible

X = np.array([7, -7, 7, -7], np.int32)
Y = np.array([2, 2, -2, -2], np.int32)
DEFAULTS = {"rsqrt": lambda x: 1 / np.sqrt(x + 1e-12), "inverse": lambda x: 1 / (x + 1e-4)}


INSIDE = np.array([-0.75, -0.25, 0, 0.5, 0.875], np.float32)
ABOVE = np.array([0.25, 1, 2.5, 9], np.float32)
FUNCTIONS = {
    **{kind: (INSIDE, getattr(np, f"arc{kind[1:]}")) for kind in ("acos", "asin", "atan", "atanh")},
    **{kind: (INSIDE, getattr(np, kind)) for kind in ("cos", "cosh", "sin", "sinh", "tan", "tanh")},
    **{kind: (10 * INSIDE, getattr(np, kind)) for kind in ("abs", "ceil", "floor", "sign")},
    **{kind: (ABOVE, getattr(np, kind)) for kind in ("exp", "log", "sqrt", "square")},
    "round": (np.array([-1.5, -0.5, 0.5, 1.5, 2.6], np.float32), lambda x: [-2, -0.0, 0, 2, 3]),
    "erf": (np.array([-1, 0, 0.5], np.float32), lambda x: [-0.84270079, 0, 0.52049988]),
}
PAIRS = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater_equal": np.greater_equal,
    "less_equal": np.less_equal,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
LOGIC = {
    "logical_and": [False, False, False, True],
    "logical_or": [False, True, True, True],
    "logical_xor": [False, True, True, False],
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions(kind):
    x, function = FUNCTIONS[kind]
    assert_close(one(kind, x.shape, x, x="x"), np.asarray(function(x)))


@pytest.mark.parametrize("kind", PAIRS)
def test_pairs_of_whole_numbers(kind):
    dtype = I32 if "imum" in kind else BOOL
    found = one(kind, (4,), X, Y + 5, dtypes={"x": I32, "y": I32}, dtype=dtype, x="x", y="y")
    np.testing.assert_array_equal(found, PAIRS[kind](X, Y + 5))


@pytest.mark.parametrize("kind", LOGIC)
def test_logic(kind):
    x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    found = one(kind, (4,), x, y, dtypes={"x": BOOL, "y": BOOL}, dtype=BOOL, x="x", y="y")
    np.testing.assert_array_equal(found, LOGIC[kind])


def test_not_and_clip():
    found = one("logical_not", (2,), np.array([0, 1]), dtypes={"x": BOOL}, dtype=BOOL, x="x")
    np.testing.assert_array_equal(found, [True, False])
    found = one("clip", INSIDE.shape, INSIDE, x="x", alpha=-0.5, beta=0.25)
    np.testing.assert_array_equal(found, np.array([-0.5, -0.25, 0, 0.25, 0.25], np.float32))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("real_div", [3, -3, -3, 3]), ("floor_div", [3, -4, -4, 3]), ("mod", [1, 1, -1, -1])],
)
def test_integer_division(kind, expected):
    operation = op(kind, "z", (4,), I32, x="x", y="y")
    model = program(operation, x=(4,), y=(4,), dtypes={"x": I32, "y": I32})
    assert result(model, X, Y).tolist() == expected


def test_quotients_of_integers_that_there_are_not():
    """As division in float64 gives them on the way back to int32."""
    operation = op("real_div", "z", (5,), I32, x="x", y="y")
    model = program(operation, x=(5,), y=(5,), dtypes={"x": I32, "y": I32})
    least = np.iinfo(np.int32).min
    x, y = np.array([5, -5, 0, least, 0]), np.array([0, 0, 0, -1, 7])
    assert result(model, x, y).tolist() == [least, least, least, least, 0]


def test_division_of_extents_stays_exact():
    """Half of an extent and three more: a dimension, and no floats that phones don't have."""
    model = flexible(
        program(
            op("shape", "s", (1,), I32, x="x"),
            op("add", "t", (1,), I32, x="s", y=np.int32([3])),
            op("real_div", "h", (1,), I32, x="t", y=np.int32([2])),
            op("fill", "y", (None,), shape="h", value=np.float32(1)),
            x=(4,),
        )
    )
    module = imported(model)
    assert str(module.main.results[0].type) == "f32[floordiv(d_x_0+1,2)+1]"
    assert not any(value.type.dtype is DType.F64 for op in module.walk() for value in op.results)
    assert result(model, np.zeros(7)).shape == (5,)


def test_powers_of_integers():
    operation = op("pow", "z", (4,), I32, x="x", y=np.array([2, 3, 0, 1]))
    assert result(program(operation, x=(4,), dtypes={"x": I32}), X).tolist() == [49, -343, 1, -7]
    power = program(op("exp2", "z", (4,), I32, x="x"), x=(4,), dtypes={"x": I32})
    exponents = np.array([0, 7, 30, -1])
    assert result(power, exponents).tolist() == [1, 128, 2**30, 0]


@pytest.mark.parametrize("kind", DEFAULTS)
def test_default_epsilon(kind):
    x = np.array([0, 1e-3, 4], np.float32)
    assert_close(result(program(op(kind, "y", (3,), x="x"), x=(3,)), x), DEFAULTS[kind](x))


def test_default_epsilon_of_half_precision():
    half = op("cast", "h", (2,), FP16, x="x", dtype="fp16")
    model = program(half, op("rsqrt", "y", (2,), FP16, x="h"), x=(2,), outputs=["y"])
    assert np.ravel(result(model, np.array([0, 4], np.float32))).tolist() == [np.inf, 0.5]


def test_threshold_keeps_integers():
    operation = op("threshold", "y", (4,), I32, x="x", alpha=np.int32(2**24 + 1))
    got = result(program(operation, x=(4,), dtypes={"x": I32}), X)
    assert got.tolist() == [2**24 + 1] * 4


def test_identity():
    model = program(op("identity", "y", (4,), FP32, x="x"), x=(4,))
    assert_close(result(model, X.astype(np.float32)), X)


def test_refusals():
    text = program(op("cast", "y", (4,), x="x", dtype="string"), x=(4,))
    assert_refused(text, "converts to the unknown type 'string'", kind="unsupported")
    operation = op("real_div", "y", (4,), I32, x="x", y=1.5)
    assert_refused(program(operation, x=(4,), dtypes={"x": I32}), "can't divide i32[4] by f32[]")


@pytest.mark.parametrize("shape", [(2, 3), (3,)])
def test_a_condition_that_is_larger_than_what_it_selects(shape):
    """All three broadcast; coremltools declares the shape of the values alone."""
    condition = op("greater", "c", (2, 3), BOOL, x="x", y=np.float32(0))
    chosen = op("select", "y", shape, cond="c", a="a", b="b")
    made = program(condition, chosen, x=(2, 3), a=(3,), b=(3,))
    if shape == (3,):
        message = "select makes f32[2,3], because its condition is bool[2,3], but declares f32[3]"
        assert_refused(made, message, "broadcast a and b to the condition's shape before")
        return
    found = result(made, [[1, -1, 1], [-1, 1, -1]], [1, 2, 3], [4, 5, 6])
    assert found.tolist() == [[1, 5, 3], [4, 2, 6]]


def test_scalar_outputs_have_one_extent():
    operation = op("cast", "y", (), I32, x=np.float32(2.5), dtype="int32")
    assert result(program(operation, x=(4,)), X).tolist() == [2]
