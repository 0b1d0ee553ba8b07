"""Recurrent operations, against naive recurrences."""

import numpy as np
import pytest
from support.mil.programs import assert_refused, op, program, results
from support.networks.builders import assert_close

SIZE, HIDDEN, STEPS, BATCH = 3, 2, 4, 2
rng = np.random.default_rng(5)


def numbers(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


X = numbers(STEPS, BATCH, SIZE)
H, C = numbers(BATCH, HIDDEN), numbers(BATCH, HIDDEN)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def model(kind, width, whole, states, **parameters):
    rows = [("y", (STEPS if whole else 1, BATCH, width), 11)]
    rows += [(name, (BATCH, width), 11) for name in ("h", "c")[: 2 if kind == "lstm" else 1]]
    given = dict.fromkeys(states, (BATCH, width))
    parameters |= {"output_sequence": whole, **{name: name for name in states}}
    return program(op(kind, rows, x="x", **parameters), opset=18, x=(STEPS, BATCH, SIZE), **given)


def weights(gates, suffix=""):
    rows = gates * HIDDEN
    return {
        f"weight_ih{suffix}": numbers(rows, SIZE),
        f"weight_hh{suffix}": numbers(rows, HIDDEN),
        f"bias{suffix}": numbers(rows),
    }


def check(found, steps, ends, whole):
    y = np.stack(steps) if whole else steps[-1][None]
    for got, expected in zip(found.values(), (y, *ends), strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_rnn(direction, whole):
    p = weights(1)
    h, steps = H, []
    for x in X if direction == "forward" else X[::-1]:
        h = np.maximum(x @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias"], 0)
        steps.append(h)
    made = model("rnn", HIDDEN, whole, ["initial_h"], direction=direction, activation="relu", **p)
    check(results(made, X, H), steps, [h], whole)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_gru(direction, after):
    """The gates are reset, output, update; with two biases, as iOS 18 has them."""
    p = weights(3) | {"input_bias": numbers(3 * HIDDEN)}
    (wr, wo, wz), (rr, ro, rz) = (np.split(p[name], 3) for name in ("weight_ih", "weight_hh"))
    (sr, so, sz), (br, bo, bz) = (np.split(p[name], 3) for name in ("bias", "input_bias"))
    h, steps = H, []
    for x in X if direction == "forward" else X[::-1]:
        z = sigmoid(x @ wz.T + bz + h @ rz.T + sz)
        r = sigmoid(x @ wr.T + br + h @ rr.T + sr)
        inner = r * (h @ ro.T + so) if after else (r * h) @ ro.T + so
        h = (1 - z) * np.tanh(x @ wo.T + bo + inner) + z * h
        steps.append(h)
    made = model("gru", HIDDEN, True, ["initial_h"], direction=direction, reset_after=after, **p)
    check(results(made, X, H), steps, [h], True)


def naive_lstm(p, xs, h, c, clip, suffix=""):
    peephole = np.split(p[f"peephole{suffix}"], 3)
    steps = []
    for x in xs:
        given = x @ p[f"weight_ih{suffix}"].T + h @ p[f"weight_hh{suffix}"].T + p[f"bias{suffix}"]
        i, f, o, g = np.split(given, 4, axis=1)
        i, f = sigmoid(i + peephole[0] * c), sigmoid(f + peephole[1] * c)
        c = np.clip(f * c + i * np.tanh(g), -clip, clip)
        h = sigmoid(o + peephole[2] * c) * np.clip(0.2 * c + 0.5, 0, 1)
        steps.append(h)
    return steps, h, c


def lstm_weights(suffix=""):
    return weights(4, suffix) | {f"peephole{suffix}": numbers(3 * HIDDEN)}


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_lstm(direction):
    p = lstm_weights()
    made = model(
        *("lstm", HIDDEN, False, ["initial_h", "initial_c"]),
        direction=direction,
        activation="hard_sigmoid",
        clip=np.float32(0.5),
        **p,
    )
    steps, h, c = naive_lstm(p, X if direction == "forward" else X[::-1], H, C, 0.5)
    check(results(made, X, H, C), steps, [h, c], False)


def test_lstm_in_both_directions():
    """The backward half lies at its input's positions."""
    p = lstm_weights() | lstm_weights("_back")
    h, c = np.hstack([H, C]), np.hstack([C, H])
    made = model(
        *("lstm", 2 * HIDDEN, True, ["initial_h", "initial_c"]),
        direction="bidirectional",
        activation="hard_sigmoid",
        **p,
    )
    ahead = naive_lstm(p, X, H, C, np.inf)
    back = naive_lstm(p, X[::-1], C, H, np.inf, "_back")
    steps = [np.hstack(pair) for pair in zip(ahead[0], back[0][::-1], strict=True)]
    ends = [np.hstack(pair) for pair in zip(ahead[1:], back[1:], strict=True)]
    ends = [np.hstack([a, b]) for a, b in zip(ahead[1:], back[1:], strict=True)]
    check(results(made, X, h, c), steps, ends, True)


@pytest.mark.parametrize("batch", [1, 7])
def test_zeros_fit_any_batch(batch):
    """coremltools sizes the states of packed sequences by the length of one."""
    p = lstm_weights()
    zeros = np.zeros((batch, HIDDEN), np.float32)
    rows = [("y", (None, None, HIDDEN), 11), ("h", (None, HIDDEN), 11), ("c", (None, HIDDEN), 11)]
    made = program(
        op("lstm", rows, x="x", initial_h=zeros, initial_c=zeros, output_sequence=True, **p),
        x=X.shape,
    )
    none = np.zeros((BATCH, HIDDEN), np.float32)
    given = results(model("lstm", HIDDEN, True, ["initial_h", "initial_c"], **p), X, none, none)
    for found, expected in zip(results(made, X).values(), given.values(), strict=True):
        assert_close(found, expected)


def test_unknown_activation():
    made = model("rnn", HIDDEN, True, ["initial_h"], activation="swish", **weights(1))
    assert_refused(made, "rnn uses the activation 'swish'", kind="unsupported")
