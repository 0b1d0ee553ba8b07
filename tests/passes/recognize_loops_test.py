"""A GRU as coremltools writes those of PyTorch, through the pipelines of targets and of batches."""

import numpy as np
import pytest
from cmlc.compiler.driver import optimize
from cmlc.compiler.options import Options
from cmlc.ir.interpret import run
from support.mil.programs import BOOL, FP32, I32, imported, op, program
from support.networks.builders import assert_close, numbers

STEPS, INPUTS, HIDDEN = 5, 3, 2
FIRST = np.array([0])
WEIGHTS = {gate: (numbers(HIDDEN, INPUTS), numbers(HIDDEN, HIDDEN)) for gate in "rzn"}
BIASES = {gate: (numbers(HIDDEN), numbers(HIDDEN) + 1) for gate in "rzn"}
ROW = (1, HIDDEN)


def gate(name, *combined):
    """The products of a gate, and the ops that combine them."""
    (w, u), (b, c) = WEIGHTS[name], BIASES[name]
    return [
        op("linear", f"{name}x", ROW, x="xt", weight=w, bias=b),
        op("linear", f"{name}h", ROW, x="h", weight=u, bias=c),
        *combined,
    ]


def gru():
    """[1, T, I] → [1, T, H], from zeros."""
    states = (STEPS + 1, 1, HIDDEN)
    inputs = [("i", (1,), I32), ("hs", states, FP32)]
    going = op("less", "go", (1,), BOOL, x="i", y=np.array([STEPS], np.int32))
    body = [
        op("gather", "xs", (1, 1, INPUTS), x="steps", indices="i", axis=0),
        op("gather", "h1", (1, *ROW), x="hs", indices="i", axis=0),
        op("squeeze", "xt", (1, INPUTS), x="xs", axes=FIRST),
        op("squeeze", "h", ROW, x="h1", axes=FIRST),
        *gate("r", op("add", "rs", ROW, x="rx", y="rh"), op("sigmoid", "r", ROW, x="rs")),
        *gate("z", op("add", "zs", ROW, x="zx", y="zh"), op("sigmoid", "z", ROW, x="zs")),
        *gate("n", op("mul", "rn", ROW, x="r", y="nh"), op("add", "ns", ROW, x="nx", y="rn")),
        op("tanh", "n", ROW, x="ns"),
        op("sub", "rest", ROW, x=np.float32(1), y="z"),
        op("mul", "new", ROW, x="rest", y="n"),
        op("mul", "old", ROW, x="z", y="h"),
        op("add", "h2", ROW, x="new", y="old"),
        op("add", "k", (1,), I32, x="i", y=1),
        op("expand_dims", "row", (1, *ROW), x="h2", axes=FIRST),
        op("scatter", "written", states, data="hs", indices="k", updates="row"),
    ]
    return program(
        op("transpose", "steps", (STEPS, 1, INPUTS), x="x", perm=np.array([1, 0, 2])),
        op("identity", "start", (1,), I32, x=np.array([0], np.int32)),
        op("identity", "list", states, x=np.zeros(states, np.float32)),
        op(
            *("while_loop", [("count", (1,), I32), ("all", states, FP32)], (), FP32),
            [(inputs, [going], ["go"]), (inputs, body, ["k", "written"])],
            loop_vars=("start", "list"),
        ),
        op(
            *("slice_by_index", "late", (STEPS, 1, HIDDEN)),
            x="all",
            begin=np.array([1, 0, 0]),
            end=np.array([0, 0, 0]),
            begin_mask=np.array([False, True, True]),
            end_mask=np.array([True, True, True]),
        ),
        op("transpose", "y", (1, STEPS, HIDDEN), x="late", perm=np.array([1, 0, 2])),
        x=(1, STEPS, INPUTS),
        outputs=["y"],
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def expected(x):
    """PyTorch's equations."""
    h, states = np.zeros((len(x), HIDDEN)), []
    for step in np.moveaxis(x, 1, 0):
        (r, rh), (z, zh), (n, nh) = (
            (step @ WEIGHTS[g][0].T + BIASES[g][0], h @ WEIGHTS[g][1].T + BIASES[g][1])
            for g in "rzn"
        )
        update = sigmoid(z + zh)
        h = (1 - update) * np.tanh(n + sigmoid(r + rh) * nh) + update * h
        states.append(h)
    return np.stack(states, 1)


@pytest.mark.parametrize("target", ["tf", "keras", "tflite"])
@pytest.mark.parametrize(("batch", "entries"), [("static", 1), ("dynamic", 3)])
def test_is_one_op_for_every_target_and_batch(target, batch, entries):
    module = optimize(imported(gru()), Options(target=target, batch=batch))
    names = {item.name for item in module.walk()}
    assert "nn.gru" in names
    assert names <= {"nn.gru", "const", "tensor.transpose", "tensor.reshape", "return"}
    x = numbers(entries, STEPS, INPUTS)
    assert_close(run(module, [x])["y"], expected(x))
