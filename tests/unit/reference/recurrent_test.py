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


def naive_lstm(x, h, c, weights, into, bias, peephole, order, coupled, clip):
    (wi, wf, wo, wz), (ri, rf, ro, rz) = np.split(weights, 4), np.split(into, 4)
    (bi, bf, bo, bz), (pi, pf, po) = np.split(bias, 4), np.split(peephole, 3)
    states = np.zeros((len(x), H))
    for t in order:
        i = logistic(limit(wi @ x[t] + ri @ h + pi * c + bi, 50))
        f = logistic(limit(wf @ x[t] + rf @ h + pf * c + bf, 50))
        z = np.tanh(limit(wz @ x[t] + rz @ h + bz, 50))
        c = limit(c * (1 - i if coupled else f) + i * z, clip)
        o = logistic(limit(wo @ x[t] + ro @ h + po * c + bo, 50))
        h = np.tanh(c) * o
        states[t] = h
    return states, h, c


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("clip", [None, 0.3])
@pytest.mark.parametrize("peepholes", [False, True])
def test_lstm(reverse, coupled, clip, peepholes):
    x, weights, into, bias = parameters(4)
    h0, c0 = random(B, H, seed=1), random(B, H, seed=2)
    peephole = random(3 * H) if peepholes else None
    states, h, c = recurrent.lstm(
        x, h0, c0, weights, into, bias, peephole, reverse=reverse, coupled=coupled, clip=clip
    )
    assert states.shape == (T, B, H)
    order = range(T)[::-1] if reverse else range(T)
    for b in range(B):
        peep = np.zeros(3 * H) if peephole is None else peephole
        bound = math.inf if clip is None else clip
        expected = naive_lstm(
            x[:, b], h0[b], c0[b], weights, into, bias, peep, order, coupled, bound
        )
        for got, want in zip((states[:, b], h[b], c[b]), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_gru(reverse):
    x, weights, into, bias = parameters(3)
    h0 = random(B, H, seed=1)
    states, last = recurrent.gru(x, h0, weights, into, bias, reverse=reverse)
    (wz, wr, wo), (rz, rr, ro) = np.split(weights, 3), np.split(into, 3)
    bz, br, bo = np.split(bias, 3)
    for b in range(B):
        h = h0[b]
        for t in range(T)[::-1] if reverse else range(T):
            z = logistic(wz @ x[t, b] + rz @ h + bz)
            r = logistic(wr @ x[t, b] + rr @ h + br)
            o = np.tanh(wo @ x[t, b] + ro @ (h * r) + bo)
            h = (1 - z) * o + z * h
            np.testing.assert_allclose(states[t, b], h, rtol=1e-12)
        np.testing.assert_allclose(last[b], h, rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_simple_rnn(reverse):
    x, weights, into, bias = parameters(1)
    h0 = random(B, H, seed=1)
    states, last = recurrent.simple_rnn(
        x, h0, weights, into, bias, activation="sigmoid", reverse=reverse
    )
    for b in range(B):
        h = h0[b]
        for t in range(T)[::-1] if reverse else range(T):
            h = logistic(weights @ x[t, b] + into @ h + bias)
            np.testing.assert_allclose(states[t, b], h, rtol=1e-12)
        np.testing.assert_allclose(last[b], h, rtol=1e-12)


def test_gates_are_limited_before_the_activation():
    x, weights, into, zeros = np.full((1, 1, 1), 70.0), np.eye(1), np.eye(1), np.zeros((1, 1))
    given = (x, zeros, weights, into, None)
    assert recurrent.simple_rnn(*given, activation="relu")[1].item() == 50
    assert recurrent.simple_rnn(*given, activation="relu", gate_clip=None)[1].item() == 70


def test_activations_of_lstm_are_gates_block_output():
    x, weights, into, bias = parameters(4)
    zeros = np.zeros((B, H))
    states, h, c = recurrent.lstm(
        x[:1], zeros, zeros, weights, into, bias, activations=("hard_sigmoid", "relu", "linear")
    )
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
        ("leaky_relu", -1.0, -0.01),
        (("leaky_relu", 0.3), -1.0, -0.3),
        (("thresholded_relu", 2.0), 1.5, 0),
        ("linear", 3.0, 3),
        (("linear", 2.0, 1.0), 3.0, 7),
        ("hard_sigmoid", 1.0, 0.7),
        (("sigmoid_hard", 0.1, 0.2), 1.0, 0.3),
        ("scaled_tanh", 1.0, 1.7159 * math.tanh(2 / 3)),
        (("elu", 2.0), -1.0, 2 * math.expm1(-1)),
        ("softplus", 1.0, math.log1p(math.e)),
        ("softsign", -1.0, -0.5),
    ],
)
def test_activation(name, at, value):
    for dtype in (np.float32, np.float64):
        y = recurrent.activation(name)(np.array([at], dtype))
        assert y.dtype == dtype
        assert y.item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "elu"])
def test_activations_do_not_overflow(name):
    with np.errstate(over="raise", invalid="raise"):
        y = recurrent.activation(name)(np.array([-1e4, 0, 1e4], np.float32))
    assert np.all(np.isfinite(y))


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="no activation 'swish'"):
        recurrent.activation("swish")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_of_x_is_kept(dtype):
    x, weights, into, bias = parameters(4)
    h0 = random(B, H)
    x = x.astype(dtype)
    for state in recurrent.lstm(x, h0, h0, weights, into, bias):
        assert state.dtype == dtype
    for state in recurrent.gru(x, h0, weights[: 3 * H], into[: 3 * H], None):
        assert state.dtype == dtype
