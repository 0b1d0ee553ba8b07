"""Recurrent layers: [sequence, batch, features, 1, 1] in and out.

With `reverseInput`, the hidden states are in reading order, the last input's first; the
specification doesn't say so, but recorded results of Core ML do. In a bidirectional layer, the
backward half is in the order of the input.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import recurrent, shape
from ....ir.dialects.core.fill import is_zero
from ....ir.dims import differs
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ....ir.weights.encodings import EncodedResource, Joined
from ....ir.weights.resources import LazyResource, Resource, SplatResource
from ..rules import Result
from .context import LayerContext, LayerRules, append_units
from .declared import Weights

rules = LayerRules("recurrent")

GATE_CLIP = 50.0  # the specification's clip() of the inputs of activations
CELL_CLIP = 50.0  # its default for cellClipThreshold

_LSTM_GATES = ("inputGate", "forgetGate", "outputGate", "blockInput")
_GRU_GATES = ("updateGate", "resetGate", "outputGate")


# The axes of a weight by the end of its path, with the sizes that they have.
_ENDS = {
    "weightmatrix": ("out", "in"),
    "recursionmatrix": ("out", "out_before"),
    "biasvector": ("out",),
    "peepholevector": ("out",),
}


def _weights(p: Any, paths: Iterable[str]) -> Weights:
    hidden = int(p.outputVectorSize)
    sizes = {"out": hidden, "in": int(p.inputVectorSize), "out_before": hidden}
    return {
        path: {axis: sizes[axis] for axis in axes}
        for path in paths
        for end, axes in _ENDS.items()
        if path.lower().endswith(end)
    }


def _simple_weights(p: Any) -> Weights:
    return _weights(p, ("weightMatrix", "recursionMatrix", "biasVector"))


def _gru_weights(p: Any) -> Weights:
    fields = ("WeightMatrix", "RecursionMatrix", "BiasVector")
    return _weights(p, (gate + field for gate in _GRU_GATES for field in fields))


def _lstm_weights(p: Any) -> Weights:
    fields = ("WeightMatrix", "RecursionMatrix", "BiasVector", "PeepholeVector")
    one = hasattr(p.weightParams, "ListFields")  # of one direction
    places = ["weightParams"] if one else [f"weightParams[{i}]" for i in range(len(p.weightParams))]
    names = [gate + field for gate in _LSTM_GATES for field in fields]
    return _weights(p, (f"{place}.{name}" for place in places for name in names))


@rules("simpleRecurrent", weights=_simple_weights)
def simple_recurrent(cx: LayerContext, p: Any) -> Result:
    """h = f(W x + R h + b); inputs x [, h], outputs y [, h]."""
    cx.expect_inputs(1, 2)
    x, hidden = _sequence(cx, bool(p.reverseInput)), int(p.outputVectorSize)
    op = recurrent.Rnn(
        x,
        cx.weight("weightMatrix", "weight"),
        cx.weight("recursionMatrix", "recursion"),
        cx.bias(bool(p.hasBiasVector), "biasVector"),
        _state(cx, 1, x, hidden),
        activation=_activation(cx, p.activation),
        gate_clip=GATE_CLIP,
    )
    sequence, h = op.results
    return _results(cx, sequence if p.sequenceOutput else _one_step(h), _one_step(h))


@rules("gru", weights=_gru_weights)
def gru(cx: LayerContext, p: Any) -> Result:
    """A GRU that applies the reset gate before the product; inputs x [, h], outputs y [, h]."""
    cx.expect_inputs(1, 2)
    x, hidden = _sequence(cx, bool(p.reverseInput)), int(p.outputVectorSize)

    def stacked(field: str, role: str) -> Value:
        names = [gate + field for gate in _GRU_GATES]
        parts = [cx.weight_data(name, f"{role}.{name}") for name in names]
        return _joined(parts, cx.name_of(role))

    op = recurrent.Gru(
        x,
        stacked("WeightMatrix", "weight"),
        stacked("RecursionMatrix", "recursion"),
        stacked("BiasVector", "bias") if p.hasBiasVectors else None,
        _state(cx, 1, x, hidden),
        activations=_activations(cx, p.activations, 2),
        gate_clip=GATE_CLIP,
    )
    sequence, h = op.results
    return _results(cx, sequence if p.sequenceOutput else _one_step(h), _one_step(h))


@rules("uniDirectionalLSTM", weights=_lstm_weights)
def unidirectional_lstm(cx: LayerContext, p: Any) -> Result:
    """One LSTM; inputs x [, h, c], outputs y [, h, c]."""
    cx.expect_inputs(1, 3)
    x, hidden = _sequence(cx, bool(p.reverseInput)), int(p.outputVectorSize)
    states = (_state(cx, 1, x, hidden), _state(cx, 2, x, hidden))
    sequence, h, c = _lstm(cx, x, states, p, "weightParams", p.activations)
    y = sequence if p.params.sequenceOutput else _one_step(h)
    return _results(cx, y, _one_step(h), _one_step(c))


@rules("biDirectionalLSTM", weights=_lstm_weights)
def bidirectional_lstm(cx: LayerContext, p: Any) -> Result:
    """Two LSTMs, forward and backward, whose outputs are concatenated at every position."""
    cx.expect_inputs(1, 5)
    cx.require(len(p.weightParams) == 2, f"has {len(p.weightParams)} sets of weights, expected 2")
    x, reversed_x, hidden = _sequence(cx), _sequence(cx, True), int(p.outputVectorSize)
    forward, backward = p.activationsForwardLSTM, p.activationsBackwardLSTM
    states = [_state(cx, i, x, hidden) for i in (1, 2, 3, 4)]
    ahead = _lstm(cx, x, states[:2], p, "weightParams[0]", forward, "forward.")
    back = _lstm(
        *(cx, reversed_x, states[2:], p, "weightParams[1]"), backward or forward, "backward."
    )
    if p.params.sequenceOutput:
        y = shape.Concat((ahead[0], shape.Reverse(back[0], (0,)).result), 2).result
    else:
        y = _one_step(shape.Concat((ahead[1], back[1]), 1).result)
    return _results(cx, y, *map(_one_step, (*ahead[1:], *back[1:])))


# -- blobs ---------------------------------------------------------------------------------------


def _sequence(cx: LayerContext, reverse: bool = False) -> Value:
    """The first input as [sequence, batch, features], in reading order."""
    x = cx.sequence_input()
    cx.require(
        all(dim == 1 for dim in x.type.shape[3:]),
        f"needs an input of shape [sequence, batch, features, 1, 1], got {x.type}",
    )
    flat = shape.Squeeze(x, (3, 4)).result
    return shape.Reverse(flat, (0,)).result if reverse else flat


def _state(cx: LayerContext, index: int, x: Value, hidden: int) -> Value | None:
    """A state input as [batch, hidden]; None for zeros, which a missing state also means.

    States are [1, batch, hidden, 1, 1]; coremltools also writes [batch, hidden, 1, 1, 1]. Zeros fit
    any batch: coremltools sometimes sizes them by the length of a sequence.
    """
    if index >= len(cx.inputs):
        return None
    state, wanted = cx.sequence_input(index), (x.type.shape[1], hidden)
    for axes in ((0, 3, 4), (2, 3, 4)):
        units = all(state.type.shape[axis] == 1 for axis in axes)
        left = [dim for axis, dim in enumerate(state.type.shape) if axis not in axes]
        if units and not any(map(differs, left, wanted)):
            return None if is_zero(state) else shape.Squeeze(state, axes).result
    raise cx.error(f"has a state of type {state.type} for a batch of {wanted[0]}")


def _one_step(value: Value) -> Value:
    """[batch, features] as a sequence of one."""
    return shape.ExpandDims(value, (0,)).result


def _results(cx: LayerContext, *values: Value) -> tuple[Value, ...]:
    """The requested results as blobs: two dimensions of 1 at the end, no unit sequence."""
    wanted = values[: len(cx.layer.output)]
    return tuple(cx.without_unit_sequence(append_units(value, 2)) for value in wanted)


# -- parameters ----------------------------------------------------------------------------------


def _lstm(
    cx: LayerContext,
    x: Value,
    states: Sequence[Value | None],
    p: Any,
    place: str,
    activations: Any,
    prefix: str = "",
) -> tuple[Value, ...]:
    """One direction's hidden states, last hidden and last cell state; weights are at `place`."""
    hidden, flags = int(p.outputVectorSize), p.params
    cell_clip = cx.number(flags.cellClipThreshold, default=CELL_CLIP)
    cx.require(cell_clip > 0, f"limits its cell state to {cell_clip}, expected a positive number")

    def stacked(field: str, role: str, count: int = 4) -> Value:
        names = [gate + field for gate in _LSTM_GATES[:count]]
        unused = names[1] if flags.coupledInputAndForgetGate else ""
        parts = [
            SplatResource(Tensor(DType.F32, cx.sizes(f"{place}.{name}")), 0.0)
            if name == unused and cx.is_empty(f"{place}.{name}")
            else cx.weight_data(f"{place}.{name}", f"{prefix}{role}.{name}")
            for name in names
        ]
        if role == "bias" and flags.forgetBias:
            parts[1] = _plus_one(parts[1])
        return _joined(parts, cx.name_of(prefix + role))

    bias = None
    if flags.hasBiasVectors:
        bias = stacked("BiasVector", "bias")
    elif flags.forgetBias:
        ones = np.repeat(np.asarray([0, 1, 0, 0], np.float32), hidden)
        bias = constant(ones, cx.name_of(f"{prefix}bias"), cx.origin_of(f"{prefix}bias"))
    peephole = stacked("PeepholeVector", "peephole", 3) if flags.hasPeepholeVectors else None
    op = recurrent.Lstm(
        x,
        stacked("WeightMatrix", "weight"),
        stacked("RecursionMatrix", "recursion"),
        bias,
        states[0],
        states[1],
        peephole,
        activations=_activations(cx, activations, 3),
        coupled=bool(flags.coupledInputAndForgetGate),
        cell_clip=cell_clip,
        gate_clip=GATE_CLIP,
    )
    return op.results


def _joined(parts: Sequence[Resource], name: str) -> Value:
    """The weights of all gates, concatenated as one named constant."""
    return constant(EncodedResource(Joined(tuple(parts)), name), name)


def _plus_one(resource: Resource) -> Resource:
    return LazyResource(
        resource.type,
        lambda: resource.array() + np.float32(1),
        resource.name,
        resource.derived("plus one"),
    )


def _activations(cx: LayerContext, messages: Any, count: int) -> tuple[str, ...]:
    cx.require(len(messages) == count, f"has {len(messages)} activations, expected {count}")
    return tuple(_activation(cx, message) for message in messages)


_PLAIN = {"sigmoid": "sigmoid", "tanh": "tanh", "ReLU": "relu"}
# Defaults for messages without numbers. The specification names 1.7159 and 2/3 for the scaled tanh,
# but recorded results of Core ML are those of 1 and 1.
_USUAL = {
    "linear": ("linear", 1.0, 0.0),
    "scaledTanh": ("scaled_tanh", 1.0, 1.0),
    "sigmoidHard": ("hard_sigmoid", 0.2, 0.5),
}


def _activation(cx: LayerContext, message: Any) -> str:
    """A name with its parameters, as `nn.lstm` takes it."""
    kind = message.WhichOneof("NonlinearityType")
    cx.require(kind is not None, "has an activation without a function")
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind not in _USUAL:
        raise cx.unsupported(f"uses the activation '{kind}'")
    name, alpha, beta = _USUAL[kind]
    given: Any = getattr(message, kind)
    if given.alpha or given.beta:
        alpha, beta = cx.number(given.alpha), cx.number(given.beta)
    return f"{name},{alpha},{beta}"
