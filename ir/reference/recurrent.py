"""Recurrent layers: LSTM, GRU and simple RNN, and the activations they are given by name.

The equations are those of Core ML's NeuralNetwork.proto (LSTMParams, GRULayerParams,
SimpleRecurrentLayerParams). All sequences are [time, batch, features]; gates are stacked along the
first axis of weights, recurrent and bias.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

import numpy as np

from .precision import Array, widen, working_dtype

Activation: TypeAlias = str | tuple[str | float, ...]
Elementwise: TypeAlias = Callable[[Array], Array]

GATE_CLIP = 50.0
"""The proto's clip(): what a gate's activation sees is limited to [-50, 50]."""


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), never overflowing."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _leaky_relu(x: Array, alpha: float = 0.01) -> Array:
    return np.where(x >= 0, x, alpha * x)


def _thresholded_relu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x >= alpha, x, 0)


def _linear(x: Array, alpha: float = 1.0, beta: float = 0.0) -> Array:
    return alpha * x + beta


def _hard_sigmoid(x: Array, alpha: float = 0.2, beta: float = 0.5) -> Array:
    return np.clip(alpha * x + beta, 0, 1)


def _scaled_tanh(x: Array, alpha: float = 1.7159, beta: float = 2 / 3) -> Array:
    return alpha * np.tanh(beta * x)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def _softsign(x: Array) -> Array:
    return x / (1 + np.abs(x))


_ACTIVATIONS: dict[str, Callable[..., Array]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "thresholded_relu": _thresholded_relu,
    "linear": _linear,
    "hard_sigmoid": _hard_sigmoid,
    "sigmoid_hard": _hard_sigmoid,
    "scaled_tanh": _scaled_tanh,
    "elu": _elu,
    "softplus": _softplus,
    "softsign": _softsign,
}


def activation(name: Activation) -> Elementwise:
    """The function of an activation, which keeps the dtype of floats of 32 bits and more.

    Args:
        name: "sigmoid", "tanh", "relu", "softplus", "softsign", or one with parameters, which may
            follow in a tuple: "linear" alpha (1), beta (0); "hard_sigmoid" (MIL also says
            "sigmoid_hard") alpha (0.2), beta (0.5); "scaled_tanh" alpha (1.7159), beta (2/3);
            "leaky_relu" alpha (0.01); "thresholded_relu" alpha (1); "elu" alpha (1).

    Raises:
        ValueError: There is no activation of this name.
    """
    key, *parameters = (name,) if isinstance(name, str) else name
    function = _ACTIVATIONS.get(str(key))
    if function is None:
        raise ValueError(f"no activation {key!r}; there are {', '.join(_ACTIVATIONS)}")
    names = ("alpha", "beta")
    return partial(function, **dict(zip(names, map(float, parameters), strict=False)))


def lstm(
    x: Array,
    h0: Array,
    c0: Array,
    weights: Array,
    recurrent: Array,
    bias: Array | None,
    peephole: Array | None = None,
    *,
    activations: tuple[Activation, Activation, Activation] = ("sigmoid", "tanh", "tanh"),
    reverse: bool = False,
    coupled: bool = False,
    clip: float | None = None,
    gate_clip: float | None = GATE_CLIP,
) -> tuple[Array, Array, Array]:
    """Long short-term memory; LSTMParams in the proto, UniDirectionalLSTMLayerParams.

    With activations f, g, h, limit() for the gate clip and * elementwise::

        i = f(limit(Wi x + Ri h + pi * c + bi))
        f = f(limit(Wf x + Rf h + pf * c + bf)), or 1 - i if coupled
        z = g(limit(Wz x + Rz h + bz))
        c' = clip(f * c + i * z)
        o = f(limit(Wo x + Ro h + po * c' + bo))
        h' = o * h(c')

    Args:
        x: [T, B, I].
        h0: Initial hidden state [B, H].
        c0: Initial cell state [B, H].
        weights: [4H, I], gates in the order i, f, o, z.
        recurrent: [4H, H], likewise.
        bias: [4H], likewise; a forget bias of 1 is already in it.
        peephole: [3H], gates in the order i, f, o.
        activations: f (gates), g (block input), h (output).
        reverse: Process x from the last position to the first.
        coupled: The forget gate is 1 - i; its weights are not used.
        clip: Limit of the cell state, both ways.
        gate_clip: Limit of what activations f and g see; None for none.

    Returns:
        The hidden states [T, B, H], entry t being the state after x[t] in either direction; the
        hidden state [B, H] and the cell state [B, H] after the last step processed.
    """
    inner, block, outer = map(activation, activations)
    h, c, into = _like(x, h0), _like(x, c0), _like(x, recurrent).T
    gates = _project(x, weights, bias)
    size = h.shape[-1]
    peep_i, peep_f, peep_o = (0, 0, 0) if peephole is None else np.split(_like(x, peephole), 3)
    states = np.empty((*gates.shape[:2], size), gates.dtype)
    for t in _steps(len(x), reverse):
        i, f, o, z = np.split(gates[t] + h @ into, 4, axis=-1)
        i = inner(_limit(i + peep_i * c, gate_clip))
        f = 1 - i if coupled else inner(_limit(f + peep_f * c, gate_clip))
        c = _limit(f * c + i * block(_limit(z, gate_clip)), clip)
        h = inner(_limit(o + peep_o * c, gate_clip)) * outer(c)
        states[t] = h
    return _cast(x, states), _cast(x, h), _cast(x, c)


def gru(
    x: Array,
    h0: Array,
    weights: Array,
    recurrent: Array,
    bias: Array | None,
    *,
    activations: tuple[Activation, Activation] = ("sigmoid", "tanh"),
    reverse: bool = False,
    gate_clip: float | None = GATE_CLIP,
) -> tuple[Array, Array]:
    """Gated recurrent unit; GRULayerParams in the proto.

    The reset gate applies before the recurrent product (Keras: reset_after=False)::

        z = f(limit(Wz x + Rz h + bz))
        r = f(limit(Wr x + Rr h + br))
        o = g(limit(Wo x + Ro (r * h) + bo))
        h' = (1 - z) * o + z * h

    Args:
        x: [T, B, I].
        h0: Initial hidden state [B, H].
        weights: [3H, I], gates in the order z (update), r (reset), o (output).
        recurrent: [3H, H], likewise.
        bias: [3H], likewise.
        activations: f (gates), g (output).
        reverse: Process x from the last position to the first.
        gate_clip: Limit of what the activations see; None for none.

    Returns:
        The hidden states [T, B, H], entry t being the state after x[t] in either direction, and
        the state [B, H] after the last step processed.
    """
    inner, outer = map(activation, activations)
    h, into = _like(x, h0), _like(x, recurrent).T
    gates = _project(x, weights, bias)
    size = h.shape[-1]
    states = np.empty((*gates.shape[:2], size), gates.dtype)
    for t in _steps(len(x), reverse):
        both = gates[t, :, : 2 * size] + h @ into[:, : 2 * size]
        z, r = np.split(inner(_limit(both, gate_clip)), 2, axis=-1)
        o = gates[t, :, 2 * size :] + (r * h) @ into[:, 2 * size :]
        h = (1 - z) * outer(_limit(o, gate_clip)) + z * h
        states[t] = h
    return _cast(x, states), _cast(x, h)


def simple_rnn(
    x: Array,
    h0: Array,
    weights: Array,
    recurrent: Array,
    bias: Array | None,
    *,
    activation: Activation = "tanh",
    reverse: bool = False,
    gate_clip: float | None = GATE_CLIP,
) -> tuple[Array, Array]:
    """Simple recurrent layer h' = f(limit(W x + R h + b)); SimpleRecurrentLayerParams.

    Args:
        x: [T, B, I].
        h0: Initial hidden state [B, H].
        weights: [H, I].
        recurrent: [H, H].
        bias: [H].
        activation: f.
        reverse: Process x from the last position to the first.
        gate_clip: Limit of what the activation sees; None for none.

    Returns:
        The hidden states [T, B, H], entry t being the state after x[t] in either direction, and
        the state [B, H] after the last step processed.
    """
    function = _by_name(activation)
    h, into = _like(x, h0), _like(x, recurrent).T
    gates = _project(x, weights, bias)
    states = np.empty_like(gates)
    for t in _steps(len(x), reverse):
        h = function(_limit(gates[t] + h @ into, gate_clip))
        states[t] = h
    return _cast(x, states), _cast(x, h)


_by_name = activation  # where a parameter shadows the name


def _like(x: Array, other: Array) -> Array:
    """Cast to the dtype that x is computed in."""
    return other.astype(working_dtype(x), copy=False)


def _cast(x: Array, other: Array) -> Array:
    return other.astype(x.dtype, copy=False)


def _project(x: Array, weights: Array, bias: Array | None) -> Array:
    """The part of the gates that does not depend on the state, for all steps at once."""
    gates = widen(x) @ _like(x, weights).T
    return gates if bias is None else gates + _like(x, bias)


def _steps(count: int, reverse: bool) -> Iterable[int]:
    return reversed(range(count)) if reverse else range(count)


def _limit(x: Array, bound: float | None) -> Array:
    return x if bound is None else np.clip(x, -bound, bound)
