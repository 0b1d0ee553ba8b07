"""Recurrent layers against the proto's equations, one sequence and one gate at a time."""

import math

import numpy as np
import pytest
from cmlc.ir.reference import recurrent

T, B, I, H = 4, 3, 5, 2  # noqa: E741


def random(*shape, seed=0, scale=1.0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape) * scale


def limit(x, bound):
    return np.clip(x, -bound, bound)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def parameters(gates):
    return random(T, B, I), random(gates * H, I), random(gates * H, H), random(gates * H)


def naive_lstm(x, h, c, weights, into, bias, peephole, coupled, clip):
    (wi, wf, wo, wz), (ri, rf, ro, rz) = np.split(weights, 4), np.split(into, 4)
    (bi, bf, bo, bz), (pi, pf, po) = np.split(bias, 4), np.split(peephole, 3)
    states = np.zeros((len(x), H))
    for t in range(len(x)):
        i = logistic(limit(wi @ x[t] + ri @ h + pi * c + bi, 50))
        f = logistic(limit(wf @ x[t] + rf @ h + pf * c + bf, 50))
        z = np.tanh(limit(wz @ x[t] + rz @ h + bz, 50))
        c = limit(c * (1 - i if coupled else f) + i * z, clip)
        o = logistic(limit(wo @ x[t] + ro @ h + po * c + bo, 50))
        h = np.tanh(c) * o
        states[t] = h
    return states, h, c


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("clip", [0.0, 0.3])
@pytest.mark.parametrize("peepholes", [False, True])
def test_lstm(coupled, clip, peepholes):
    x, weights, into, bias = parameters(4)
    h0, c0 = random(B, H, seed=1), random(B, H, seed=2)
    peephole = random(3 * H) if peepholes else None
    states, h, c = recurrent.lstm(
        x, weights, into, bias, h0, c0, peephole, coupled=coupled, cell_clip=clip, gate_clip=50
    )
    assert states.shape == (T, B, H)
    for b in range(B):
        peep = np.zeros(3 * H) if peephole is None else peephole
        expected = naive_lstm(
            x[:, b], h0[b], c0[b], weights, into, bias, peep, coupled, clip or math.inf
        )
        for got, want in zip((states[:, b], h[b], c[b]), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("after", [False, True])
def test_gru(after):
    x, weights, into, bias = parameters(3)
    h0, bias_h = random(B, H, seed=1), random(3 * H, seed=2) if after else np.zeros(3 * H)
    given = (x, weights, into, bias, h0, bias_h if after else None)
    states, last = recurrent.gru(*given, reset_after=after)
    (wz, wr, wo), (rz, rr, ro) = np.split(weights, 3), np.split(into, 3)
    (bz, br, bo), (sz, sr, so) = np.split(bias, 3), np.split(bias_h, 3)
    for b in range(B):
        h = h0[b]
        for t in range(T):
            z = logistic(wz @ x[t, b] + rz @ h + bz + sz)
            r = logistic(wr @ x[t, b] + rr @ h + br + sr)
            past = r * (ro @ h + so) if after else ro @ (h * r)
            o = np.tanh(wo @ x[t, b] + past + bo)
            h = (1 - z) * o + z * h
            np.testing.assert_allclose(states[t, b], h, rtol=1e-12)
        np.testing.assert_allclose(last[b], h, rtol=1e-12)


def test_rnn():
    x, weights, into, bias = parameters(1)
    h0 = random(B, H, seed=1)
    states, last = recurrent.rnn(x, weights, into, bias, h0, function=recurrent.sigmoid)
    for b in range(B):
        h = h0[b]
        for t in range(T):
            h = logistic(weights @ x[t, b] + into @ h + bias)
            np.testing.assert_allclose(states[t, b], h, rtol=1e-12)
        np.testing.assert_allclose(last[b], h, rtol=1e-12)


def test_missing_states_are_zero():
    x, weights, into, bias = parameters(4)
    zero = np.zeros((B, H))
    given = recurrent.lstm(x, weights, into, bias, zero, zero)
    for ours, theirs in zip(recurrent.lstm(x, weights, into, bias), given, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_activations_of_lstm_are_gates_block_output():
    x, weights, into, bias = parameters(4)
    names = ("hard_sigmoid,0.2,0.5", "relu", "linear,1.0,0.0")
    states, h, c = recurrent.lstm(x[:1], weights, into, bias, activations=names)
    i, _, o, z = np.split(x[0] @ weights.T + bias, 4, axis=-1)
    expected = np.clip(0.2 * i + 0.5, 0, 1) * np.maximum(z, 0)
    np.testing.assert_allclose(c, expected)
    np.testing.assert_allclose(h, np.clip(0.2 * o + 0.5, 0, 1) * expected)
    np.testing.assert_array_equal(states[0], h)


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("sigmoid", 1.0, 1 / (1 + math.exp(-1))),
        ("tanh", 1.0, math.tanh(1)),
        ("relu", -1.0, 0),
        ("linear,2.0,1.0", 3.0, 7),
        ("hard_sigmoid,0.1,0.2", 1.0, 0.3),
        ("hard_sigmoid,0.1,0.2", 9.0, 1),
        ("scaled_tanh,1.5,0.5", 1.0, 1.5 * math.tanh(0.5)),
    ],
)
def test_activation(name, at, value):
    for dtype in (np.float32, np.float64):
        y = recurrent.activation(name)(np.array([at], dtype))
        assert y.dtype == dtype
        assert y.item() == pytest.approx(value, rel=1e-6)


def test_sigmoid_does_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        y = recurrent.sigmoid(np.array([-1e4, 0, 1e4], np.float32))
    np.testing.assert_array_equal(y, [0, 0.5, 1])


@pytest.mark.parametrize("text", ["swish", "tanh,1.0", "linear", "linear,1.0", "linear,a,b", ""])
def test_what_is_no_activation(text):
    with pytest.raises(ValueError, match=r"not an activation|convert string"):
        recurrent.activation(text)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_of_x_is_kept(dtype):
    x, weights, into, bias = parameters(4)
    x, h = x.astype(dtype), random(B, H)
    for state in recurrent.lstm(x, weights, into, bias, h):
        assert state.dtype == dtype
    for state in recurrent.gru(x, weights[: 3 * H], into[: 3 * H]):
        assert state.dtype == dtype
    for state in recurrent.rnn(x, weights[:H], into[:H]):
        assert state.dtype == dtype
