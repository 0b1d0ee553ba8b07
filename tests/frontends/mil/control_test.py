"""Branches and loops of programs."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.text.printer import print_module
from support.mil.programs import BOOL, I32, assert_refused, imported, op, program, result, results

X = np.array([1.0, 2.0], np.float32)


def branch():
    """2 x + 1 where p isn't 0, else 2 x, which is a value from around."""
    return program(
        op("mul", "twice", (2,), x="x", y=np.float32(2)),
        op("cast", "pred", (1,), BOOL, x="p", dtype="bool"),
        op(
            *("cond", "y", (2,), 11),
            [
                ((), [op("add", "a", (2,), x="twice", y=np.float32(1))], ["a"]),
                ((), [], ["twice"]),
            ],
            pred="pred",
        ),
        x=(2,),
        p=(1,),
        dtypes={"p": I32},
    )


def test_branches_of_one_shape_need_no_symbol():
    assert "symbol" not in print_module(imported(branch()))


@pytest.mark.parametrize(("pred", "expected"), [(1, [3, 5]), (0, [2, 4])])
def test_cond(pred, expected):
    assert result(branch(), X, [pred]).tolist() == expected


def loop(body, value=(2,), outputs=("v2",)):
    inputs = [("n", (1,), I32), ("v", value, 11)]
    test = [op("less", "go", (1,), BOOL, x="n", y=3)]
    count = op("add", "n2", (1,), I32, x="n", y=1)
    return program(
        op(
            *("while_loop", [("steps", (1,), I32), ("y", value, 11)], (), 11),
            [(inputs, test, ["go"]), (inputs, [count, *body], ["n2", *outputs])],
            loop_vars=("start", "x"),
        ),
        x=(2,),
        start=(1,),
        dtypes={"start": I32},
    )


@pytest.mark.parametrize(("start", "expected"), [(0, [8, 16]), (5, [1, 2])])
def test_while_loop(start, expected):
    model = loop([op("mul", "v2", (2,), x="v", y=np.float32(2))])
    found = results(model, X, [start])
    assert found["y"].tolist() == expected
    assert found["steps"].tolist() == [max(start, 3)]


def test_loop_values_keep_their_types():
    model = loop([op("less", "v2", (2,), BOOL, x="v", y=np.float32(2))])
    message = "while_loop changes its value 1 from f32[2] to bool[2] in a step"
    assert_refused(model, message)


def test_what_fails_inside_is_said_once():
    model = loop([op("mul", "v2", (2,), x="v", y=np.float32(2), z=np.float32(1))])
    assert_refused(model, "mul has a parameter 'z', which is not understood", kind="unsupported")


def certain(number, bad):
    """2 x where a condition of numbers alone holds, else 3 x; the bad block doesn't fit."""
    blocks = [
        ((), [op("mul", "a", (2,), x="x", y=np.float32(2))], ["a"]),
        ((), [op("mul", "b", (2,), x="x", y=np.float32(3))], ["b"]),
    ]
    misfit = op("concat", "wrong", (2,), values=("x", "whole"), axis=np.int32(0))
    blocks[bad][1].append(misfit)
    return program(
        op("expand_dims", "whole", (1, 2), x="x", axes=[0]),
        op("greater", "pred", (), BOOL, x=np.float32(number), y=np.float32(0)),
        op(*("cond", "y", (2,), 11), blocks, pred="pred"),
        x=(2,),
    )


@pytest.mark.parametrize(("number", "expected"), [(1, [2, 4]), (-1, [3, 6])])
def test_a_block_that_is_never_run_need_not_fit(number, expected):
    never = 1 if number > 0 else 0
    made = certain(number, never)
    assert "ctl.cond" not in print_module(imported(made))
    assert result(made, X).tolist() == expected
    assert_refused(certain(number, 1 - never), "concat", kind="malformed")


def test_a_block_that_maybe_runs_need_not_fit_either():
    """The run stops by name of what doesn't fit, where that is chosen."""
    misfit = op("concat", "wrong", (2,), values=("x", "whole"), axis=np.int32(0))
    blocks = [
        ((), [op("mul", "a", (2,), x="x", y=np.float32(2))], ["a"]),
        ((), [op("mul", "b", (2,), x="x", y=np.float32(3)), misfit], ["b"]),
    ]
    made = program(
        op("expand_dims", "whole", (1, 2), x="x", axes=[0]),
        op("greater", "pred", (1,), BOOL, x="p", y=np.float32(0)),
        op(*("cond", "y", (2,), 11), blocks, pred="pred"),
        x=(2,),
        p=(1,),
    )
    assert result(made, X, [1]).tolist() == [2, 4]
    with pytest.raises(CompileError, match=r"operations\[1\] 'wrong': .*can't join"):
        result(made, X, [-1])
