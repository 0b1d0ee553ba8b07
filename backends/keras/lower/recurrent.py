"""Recurrent networks: Core ML's are [time, batch, features], Keras's [batch, time, features]."""

from collections.abc import Sequence

import numpy as np

from ....ir.dialects.builtin import array_of, constant, splat_of
from ....ir.dialects.core import recurrent as core
from ....ir.ssa import Value
from ....ir.types import Array
from ...lowering import Lowering
from ...refusals import require
from ..dialect import layers, ops
from .linear import transposed
from .weights import origin_of, require_weights

lower = Lowering()

# Core ML's activations by the names that Keras's layers take; see `definitions`.
_FUNCTIONS = {
    **{name: name for name in ("sigmoid", "tanh", "relu")},
    "linear,1.0,0.0": "linear",
    "hard_sigmoid,0.2,0.5": "keras2_hard_sigmoid",
}
# Limits from which on clipping has no effect: the gates of f32 are 0 and 1 beyond 40 (to 4e-18),
# and these functions don't grow.
_NO_GATE_CLIP = 40.0
_SATURATING = ("sigmoid", "tanh", "keras2_hard_sigmoid")


@lower(core.Lstm)
def lstm(op: core.Lstm) -> tuple[Value, ...]:
    """Gates i, f, o, g become i, f, g, o."""
    gate, block, output = op.activations
    require(block == output, "Keras has one activation for the cell and the result")
    plain = op.peephole is None and not op.coupled
    require(plain, "Keras has no LSTM with peepholes or coupled gates")
    require(not _clips_cell(op), "Keras has no LSTM with a clipped cell")
    order = (0, 1, 3, 2)
    return _layer(layers.LSTM, op, output, order, op.initial_c, recurrent_activation=gate)


def _clips_cell(op: core.Lstm) -> bool:
    """Whether cell_clip can have an effect.

    Each step adds at most 1 to a cell state. Converters write 50000 for no limit, which takes so
    many steps to reach; initial states near it are not considered.
    """
    if op.cell_clip <= 0:
        return False
    gate, block, _ = op.activations
    bounded = gate in ("sigmoid", "hard_sigmoid,0.2,0.5") and block == "tanh"
    steps = op.x.type.shape[0]
    return not bounded or not isinstance(steps, int) or steps > op.cell_clip / 2


@lower(core.Gru)
def gru(op: core.Gru) -> tuple[Value, ...]:
    """Gates are in the same order; with reset_after there are two biases."""
    gate, output = op.activations
    given = {"recurrent_activation": gate, "reset_after": op.reset_after}
    return _layer(layers.GRU, op, output, (0, 1, 2), None, **given)


@lower(core.Rnn)
def rnn(op: core.Rnn) -> tuple[Value, ...]:
    """One gate."""
    return _layer(layers.SimpleRNN, op, op.activation, (0,), None)


def _layer(
    layer: type[layers.Recurrent],
    op: core.Lstm | core.Gru | core.Rnn,
    activation: str,
    order: tuple[int, ...],
    initial_c: Value | None,
    **given: object,
) -> tuple[Value, ...]:
    """The layer with its weights in Keras's order of gates, between two transposes."""
    bias_h = op.bias_h if isinstance(op, core.Gru) else None
    require_weights(op.weight_x, op.weight_h, op.bias, bias_h)
    gate = given.get("recurrent_activation")
    function, *others = _functions(op, [activation, *([] if gate is None else [str(gate)])])
    if others:
        (given["recurrent_activation"],) = others
    bias = _bias(op, order, bias_h, two=bool(given.get("reset_after")))
    time, batch, hidden = op.results[0].type.shape
    by_batch = op.results[0].type.with_shape((batch, time, hidden))
    last = op.results[1].type
    sequence_used, *states_used = [bool(value.users) for value in op.results]
    # The layer returns the last hidden state anyway.
    return_state = any(states_used[1:]) or (sequence_used and states_used[0])
    types = (
        by_batch if sequence_used else last,
        *((last,) * len(states_used) if return_state else ()),
    )
    found = layer(
        (transposed(op.x, (1, 0, 2)), *_initial_states(op, initial_c)),
        _gates(op.weight_x, order),
        _gates(op.weight_h, order),
        units=op.weight_h.type.static_shape[1],
        bias=bias,
        activation=function,
        use_bias=bias is not None,
        return_sequences=sequence_used,
        return_state=return_state,
        result_types=types if len(types) > 1 else types[0],
        **given,  # pyright: ignore[reportArgumentType]
    ).results
    made = transposed(found[0], (1, 0, 2)) if sequence_used else found[0]
    return (made, *(found[1:] or (found[0],) * len(states_used)))


def _functions(op: core.Lstm | core.Gru | core.Rnn, names: Sequence[str]) -> list[str]:
    """Keras's names of activations, if it has all of them and limits have no effect on them."""
    for name in names:
        require(name in _FUNCTIONS, f"Keras has no activation '{name}' for this layer")
    found = [_FUNCTIONS[name] for name in names]
    harmless = op.gate_clip >= _NO_GATE_CLIP and set(found) <= set(_SATURATING)
    limited = op.gate_clip > 0 and not harmless
    require(not limited, "Keras has no recurrent layer with limited gates")
    return found


def _initial_states(
    op: core.Lstm | core.Gru | core.Rnn, initial_c: Value | None
) -> tuple[Value, ...]:
    """Those of an LSTM are both or none for Keras; a missing one becomes zeros, as all begin."""
    states = tuple(state for state in (op.initial_h, initial_c) if state is not None)
    if all(splat_of(state) == 0 for state in states):
        return ()
    if not isinstance(op, core.Lstm) or len(states) != 1:
        return states
    zeros = ops.ZerosLike(states[0], result_types=states[0].type).result
    return (zeros, *states) if op.initial_h is None else (*states, zeros)


def _gates(weight: Value, order: tuple[int, ...]) -> Value:
    """[gates * H, n] → [n, gates * H], the gates in another order."""
    blocks = np.split(_array(weight), len(order))
    array = np.concatenate([blocks[i] for i in order]).T.copy()
    return constant(array, weight.name, origin_of(weight, "gates", order))


def _bias(
    op: core.Lstm | core.Gru | core.Rnn, order: tuple[int, ...], bias_h: Value | None, *, two: bool
) -> Value | None:
    """[gates * H]; or two of them with the bias of the states."""
    given = op.bias or bias_h
    if given is None:
        return None
    rows: list[Array] = []
    for value in (op.bias, bias_h) if two else (op.bias,):
        array = np.zeros_like(_array(given)) if value is None else _array(value)
        blocks = np.split(array, len(order))
        rows.append(np.concatenate([blocks[i] for i in order]))
    origin = origin_of(given, "gates", order, bias_h and origin_of(bias_h), two)
    return constant(np.stack(rows) if two else rows[0], given.name, origin)


def _array(value: Value) -> Array:
    array = array_of(value)
    assert array is not None, "checked before"
    return array
