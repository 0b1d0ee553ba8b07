"""States: what functions take and leave; blocks of control flow that write them."""

import numpy as np
import pytest
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.interpret import run
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module, structurally_equal
from support.mil.programs import BOOL, FP16, I32, assert_refused, imported, op, program
from support.networks.builders import numbers

X, S = numbers(2, 3), numbers(2, 3, seed=1)


def stateful(*operations, outputs=("y",), states=("s",), **inputs):
    """A program on x and states, all of them [2, 3]; its outputs."""
    shapes = dict.fromkeys(states, (2, 3))
    dtypes = dict.fromkeys(states, FP16)
    given = inputs or {"x": (2, 3)}
    return program(*operations, outputs=outputs, opset=18, states=shapes, dtypes=dtypes, **given)


def read(name, state="s"):
    return op("read_state", name, (2, 3), FP16, input=state)


def write(data, state="s"):
    return op("write_state", [], input=state, data=data)


def half(name, x="x"):
    return op("cast", name, (2, 3), FP16, x=x, dtype="fp16")


def single(name, x):
    return op("cast", name, (2, 3), x=x, dtype="fp32")


def add(name, x, y):
    return op("add", name, (2, 3), FP16, x=x, y=y)


def ran(model, **given):
    module = imported(model)
    assert structurally_equal(parse(print_module(module), "text", TABLE), module)
    return run(module, {k: np.asarray(v, np.float32) for k, v in given.items()})


ACCUMULATE = (half("h"), read("r"), add("a", "r", "h"), write("a"), read("b"), single("y", "b"))


def test_a_state_is_an_argument_and_a_result():
    module = imported(stateful(*ACCUMULATE))
    (head,) = [line for line in print_module(module).splitlines() if "func @" in line]
    state = '{kind = "state", dtype = "f16"}'
    assert f"%s: f32[2,3] {state})" in head
    assert f'"s": f32[2,3] {state})' in head


def test_what_is_written_is_read():
    results = ran(stateful(*ACCUMULATE), x=X, s=S)
    np.testing.assert_array_equal(results["y"], X + S)
    np.testing.assert_array_equal(results["s"], X + S)


def test_reading_precedes_later_writing():
    model = stateful(half("h"), read("r"), write("h"), single("y", "r"))
    results = ran(model, x=X, s=S)
    np.testing.assert_array_equal(results["y"], S)
    np.testing.assert_array_equal(results["s"], X)


def test_an_update_gives_what_the_state_then_holds():
    update = op("coreml_update_state", "u", (2, 3), FP16, state="s", value="h")
    results = ran(stateful(half("h"), update, single("y", "u")), x=X, s=S)
    np.testing.assert_array_equal(results["y"], X)
    np.testing.assert_array_equal(results["s"], X)


def test_states_are_apart_and_one_not_written_stays():
    model = stateful(half("h"), write("h", "t"), single("y", "h"), states=("s", "t"))
    results = ran(model, x=X, s=S, t=S)
    np.testing.assert_array_equal(results["s"], S)
    np.testing.assert_array_equal(results["t"], X)


@pytest.mark.parametrize(("p", "expected"), [(1, X + S), (0, S)])
def test_a_branch_that_writes(p, expected):
    branches = [
        ((), (read("r"), add("a", "r", "h"), write("a")), ["h"]),
        ((), (), ["h"]),
    ]
    truth = op("cast", "p", (), BOOL, x="q", dtype="bool")
    shape = op("squeeze", "q", (), x="n", axes=[0])
    choice = op("cond", "c", (2, 3), FP16, branches, pred="p")
    model = stateful(half("h"), shape, truth, choice, single("y", "c"), x=(2, 3), n=(1,))
    results = ran(model, x=X, s=S, n=[p])
    np.testing.assert_array_equal(results["y"], X)
    np.testing.assert_allclose(results["s"], expected, rtol=1e-6)


def loop(test, body):
    """A loop over i from 0, with these operations in its condition and its body."""
    step = op("add", "j", (1,), I32, x="i", y=np.int32([1]))
    blocks = [
        ([("i", (1,), I32)], (*test, op("less", "go", (1,), BOOL, x="i", y=np.int32([3]))), ["go"]),
        ([("i", (1,), I32)], (*body, step), ["j"]),
    ]
    return op("while_loop", "n", (1,), I32, blocks, loop_vars=(np.int32([0]),))


def test_a_loop_that_writes():
    steps = loop((), (read("r"), add("a", "r", "h"), write("a")))
    results = ran(stateful(half("h"), steps, read("b"), single("y", "b")), x=X, s=S)
    np.testing.assert_allclose(results["y"], S + 3 * X, rtol=1e-5)
    np.testing.assert_allclose(results["s"], S + 3 * X, rtol=1e-5)


def test_a_branch_in_a_loop_that_writes():
    """Only in the second step."""
    second = op("equal", "p", (1,), BOOL, x="i", y=np.int32([1]))
    scalar = op("squeeze", "q", (), BOOL, x="p", axes=[0])
    branches = [
        ((), (read("r"), add("a", "r", "h"), write("a")), ["h"]),
        ((), (), ["h"]),
    ]
    choice = op("cond", "c", (2, 3), FP16, branches, pred="q")
    model = stateful(half("h"), loop((), (second, scalar, choice)), single("y", "h"))
    np.testing.assert_allclose(ran(model, x=X, s=S)["s"], S + X, rtol=1e-6)


def test_conditions_may_not_write():
    model = stateful(half("h"), loop((write("h"),), (write("h"),)), single("y", "h"))
    assert_refused(model, "writes a state in its condition", kind="unsupported")


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ((half("h"), add("a", "s", "h"), single("y", "a")), "takes the state 's' itself"),
        ((half("h"), read("r", "h"), single("y", "r")), "'input' = 'h', which is not a state"),
        (
            (op("slice_by_size", "h", (1, 3), FP16, x="x", begin=[0, 0], size=[1, 3]), write("h")),
            "to the state 's', which holds f32[2,3]",
        ),
    ],
)
def test_misuse(operations, said):
    outputs = [operations[-1][1][0][0]] if operations[-1][1] else ["h"]
    assert_refused(stateful(*operations, outputs=outputs), said)
