"""Recurrent layers: LSTM, GRU and simple RNN, and the activations they are given by name.

The equations are those of Core ML's NeuralNetwork.proto (LSTMParams, GRULayerParams,
SimpleRecurrentLayerParams) and of MIL. All sequences are [time, batch, features]; gates are stacked
along the first axis of weights and biases. A missing state is zero.
"""

from collections.abc import Callable

import numpy as np

from .precision import Array, widen, working_dtype

Elementwise = Callable[[Array], Array]


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), never overflowing."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _linear(x: Array, alpha: float, beta: float) -> Array:
    return alpha * x + beta


def _scaled_tanh(x: Array, alpha: float, beta: float) -> Array:
    return alpha * np.tanh(beta * x)


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.clip(alpha * x + beta, 0, 1)


# By name; their parameters follow the name.
_PLAIN: dict[str, Elementwise] = {"sigmoid": sigmoid, "tanh": np.tanh, "relu": _relu}
_WITH_TWO = {"linear": _linear, "scaled_tanh": _scaled_tanh, "hard_sigmoid": _hard_sigmoid}


def activation(text: str) -> Elementwise:
    """The function for a name with its parameters: "tanh", "linear,1.0,0.0".

    Raises:
        ValueError: the name is unknown, or takes another number of parameters.
    """
    name, *words = text.split(",")
    if name in _PLAIN and not words:
        return _PLAIN[name]
    if name not in _WITH_TWO or len(words) != 2:
        raise ValueError(f"'{text}' is not an activation")
    alpha, beta = map(float, words)
    return lambda x: _WITH_TWO[name](x, alpha, beta)


def lstm(
    x: Array,
    weight_x: Array,
    weight_h: Array,
    bias: Array | None = None,
    initial_h: Array | None = None,
    initial_c: Array | None = None,
    peephole: Array | None = None,
    *,
    activations: tuple[str, ...] = ("sigmoid", "tanh", "tanh"),
    coupled: bool = False,
    cell_clip: float = 0.0,
    gate_clip: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Long short-term memory; see the op `nn.lstm` for the equations.

    Args:
        x: [T, B, I].
        weight_x: [4H, I], gates in the order i (input), f (forget), o (output), g (block input).
        weight_h: [4H, H], likewise.
        bias: [4H], likewise.
        initial_h: [B, H].
        initial_c: [B, H].
        peephole: [3H], gates in the order i, f, o.
        activations: of the gates, the block input and the output.
        coupled: the forget gate is 1 - i; its weights are not used.
        cell_clip: limit of the cell state, both ways; 0 for none.
        gate_clip: limit of the inputs of the first two activations; 0 for none.

    Returns:
        The hidden states [T, B, H], the last hidden and the last cell state [B, H].
    """
    gate, block, output = map(activation, activations)
    gates, into = _project(x, weight_x, bias), _like(x, weight_h).T
    h, c = _state(x, initial_h, into), _state(x, initial_c, into)
    p_i, p_f, p_o = (0, 0, 0) if peephole is None else np.split(_like(x, peephole), 3)
    states = np.empty((*x.shape[:2], len(into)), gates.dtype)
    for t in range(len(x)):
        i, f, o, g = np.split(gates[t] + h @ into, 4, axis=-1)
        i = gate(_limit(i + p_i * c, gate_clip))
        f = 1 - i if coupled else gate(_limit(f + p_f * c, gate_clip))
        c = _limit(f * c + i * block(_limit(g, gate_clip)), cell_clip)
        h = gate(_limit(o + p_o * c, gate_clip)) * output(c)
        states[t] = h
    return _cast(x, states), _cast(x, h), _cast(x, c)


def gru(
    x: Array,
    weight_x: Array,
    weight_h: Array,
    bias: Array | None = None,
    initial_h: Array | None = None,
    bias_h: Array | None = None,
    *,
    activations: tuple[str, ...] = ("sigmoid", "tanh"),
    reset_after: bool = False,
    gate_clip: float = 0.0,
) -> tuple[Array, Array]:
    """Gated recurrent unit; see the op `nn.gru` for the equations.

    Args:
        x: [T, B, I].
        weight_x: [3H, I], gates in the order z (update), r (reset), o (output).
        weight_h: [3H, H], likewise.
        bias: [3H], likewise.
        initial_h: [B, H].
        bias_h: [3H], likewise: added to the recurrent product.
        activations: of the gates and the output.
        reset_after: the reset gate applies after the recurrent product instead of before.
        gate_clip: limit of the inputs of the activations; 0 for none.

    Returns:
        The hidden states [T, B, H] and the last one [B, H].
    """
    gate, output = map(activation, activations)
    gates, into = _project(x, weight_x, bias), _like(x, weight_h).T
    size = len(into)
    h = _state(x, initial_h, into)
    offset = np.zeros(3 * size, h.dtype) if bias_h is None else _like(x, bias_h)
    states = np.empty((*x.shape[:2], size), gates.dtype)
    for t in range(len(x)):
        both = gates[t, :, : 2 * size] + h @ into[:, : 2 * size] + offset[: 2 * size]
        z, r = np.split(gate(_limit(both, gate_clip)), 2, axis=-1)
        if reset_after:
            past = r * (h @ into[:, 2 * size :] + offset[2 * size :])
        else:
            past = (r * h) @ into[:, 2 * size :] + offset[2 * size :]
        o = output(_limit(gates[t, :, 2 * size :] + past, gate_clip))
        h = (1 - z) * o + z * h
        states[t] = h
    return _cast(x, states), _cast(x, h)


def rnn(
    x: Array,
    weight_x: Array,
    weight_h: Array,
    bias: Array | None = None,
    initial_h: Array | None = None,
    *,
    function: Elementwise = np.tanh,
    gate_clip: float = 0.0,
) -> tuple[Array, Array]:
    """Simple recurrent layer h' = function(limit(W x + R h + b)).

    Args:
        x: [T, B, I].
        weight_x: W, [H, I].
        weight_h: R, [H, H].
        bias: b, [H].
        initial_h: [B, H].
        function: the activation.
        gate_clip: limit of the input of the activation; 0 for none.

    Returns:
        The hidden states [T, B, H] and the last one [B, H].
    """
    inputs, into = _project(x, weight_x, bias), _like(x, weight_h).T
    h = _state(x, initial_h, into)
    states = np.empty_like(inputs)
    for t in range(len(x)):
        h = function(_limit(inputs[t] + h @ into, gate_clip))
        states[t] = h
    return _cast(x, states), _cast(x, h)


def _like(x: Array, other: Array) -> Array:
    """Cast to the dtype that x is computed in."""
    return other.astype(working_dtype(x), copy=False)


def _cast(x: Array, other: Array) -> Array:
    return other.astype(x.dtype, copy=False)


def _state(x: Array, initial: Array | None, into: Array) -> Array:
    """The state [B, H] before the first step; H is the first dimension of `into`."""
    return np.zeros((x.shape[1], len(into)), into.dtype) if initial is None else _like(x, initial)


def _project(x: Array, weight: Array, bias: Array | None) -> Array:
    """The part of the gates that does not depend on the state, for all steps at once."""
    gates = widen(x) @ _like(x, weight).T
    return gates if bias is None else gates + _like(x, bias)


def _limit(x: Array, bound: float) -> Array:
    return np.clip(x, -bound, bound) if bound > 0 else x
