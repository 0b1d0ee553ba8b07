"""Recurrent layers: [sequence, batch, features, 1, 1] in and out."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import elementwise, recurrent, shape
from ....ir.resources import SplatResource
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ..rules import Result
from .context import LayerContext, append_units, layer_rules

rules = layer_rules("recurrent")

_GATES = ("input", "forget", "output")


@rules("uniDirectionalLSTM")
def unidirectional_lstm(cx: LayerContext, p: Any) -> Result:
    """One LSTM; inputs x [, h, c], outputs y [, h, c]."""
    cx.expect_inputs(1, 3)
    x = _features(cx, 0)
    states = tuple(_state(cx, i, x, int(p.outputVectorSize)) for i in (1, 2))
    sequence, h, c = _lstm(cx, x, states, p, p.weightParams, p.activations, bool(p.reverseInput))
    y = sequence if p.params.sequenceOutput else shape.ExpandDims(h, (0,)).result
    return _results(cx, (y, _one_step(h), _one_step(c)))


@rules("biDirectionalLSTM")
def bidirectional_lstm(cx: LayerContext, p: Any) -> Result:
    """Two LSTMs, forward and backward, their outputs side by side at every position."""
    cx.expect_inputs(1, 5)
    cx.require(len(p.weightParams) == 2, f"has {len(p.weightParams)} sets of weights, expected 2")
    x, hidden = _features(cx, 0), int(p.outputVectorSize)
    forward = tuple(_state(cx, i, x, hidden) for i in (1, 2))
    backward = tuple(_state(cx, i, x, hidden) for i in (3, 4))
    back = p.activationsBackwardLSTM or p.activationsForwardLSTM
    seq_f, h_f, c_f = _lstm(
        cx, x, forward, p, p.weightParams[0], p.activationsForwardLSTM, False, "forward."
    )
    seq_b, h_b, c_b = _lstm(cx, x, backward, p, p.weightParams[1], back, True, "backward.")
    if p.params.sequenceOutput:
        y = shape.Concat((seq_f, seq_b), 2).result
    else:
        y = shape.ExpandDims(shape.Concat((h_f, h_b), 1).result, (0,)).result
    return _results(cx, (y, *(_one_step(v) for v in (h_f, c_f, h_b, c_b))))


def _features(cx: LayerContext, index: int) -> Value:
    """A rank-5 input as [sequence, batch, features]."""
    x = cx.sequence_input(index)
    cx.require(
        all(dim == 1 for dim in x.type.shape[3:]),
        f"needs an input of shape [sequence, batch, features, 1, 1], got {x.type}",
    )
    return shape.Squeeze(x, (3, 4)).result


def _state(cx: LayerContext, index: int, x: Value, hidden: int) -> Value:
    """A state input as [batch, hidden]; zeros when the layer has none."""
    if index < len(cx.inputs):
        state = _features(cx, index)
        cx.require(state.type.shape[0] == 1, f"has a state of type {state.type}")
        return shape.Squeeze(state, (0,)).result
    batch = x.type.shape[1]
    cx.require(isinstance(batch, int), "starts from zeros for a batch of unknown size")
    assert isinstance(batch, int)
    return constant(SplatResource(Tensor(DType.F32, (batch, hidden)), 0.0), "zero_state")


def _one_step(value: Value) -> Value:
    """[batch, features] as a sequence of one."""
    return shape.ExpandDims(value, (0,)).result


def _results(cx: LayerContext, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """As blobs: two extents of 1 at the end, no unit sequence; only those that are asked for."""
    wanted = values[: len(cx.layer.output)]
    return tuple(cx.without_unit_sequence(append_units(value, 2)) for value in wanted)


def _lstm(
    cx: LayerContext,
    x: Value,
    states: tuple[Value, ...],
    p: Any,
    weights: Any,
    activations: Any,
    reverse: bool,
    prefix: str = "",
) -> tuple[Value, ...]:
    features, hidden, flags = int(p.inputVectorSize), int(p.outputVectorSize), p.params

    def stacked(field: str, sizes: tuple[int, ...], role: str, last: str = "blockInput") -> Value:
        names = (*(f"{gate}Gate{field}" for gate in _GATES), *([last + field] if last else []))
        parts = tuple(
            cx.weight(getattr(weights, name), sizes, f"{prefix}{role}.{name}") for name in names
        )
        return shape.Concat(parts, 0).result

    bias = stacked("BiasVector", (hidden,), "bias") if flags.hasBiasVectors else None
    if flags.forgetBias:
        ones = np.zeros(4 * hidden, np.float32)
        ones[hidden : 2 * hidden] = 1
        offset = constant(ones, "forget_bias")
        bias = offset if bias is None else elementwise.Add(bias, offset).result
    peephole = None
    if flags.hasPeepholeVectors:
        peephole = stacked("PeepholeVector", (hidden,), "peephole", last="")
    op = recurrent.Lstm(
        x,
        states[0],
        states[1],
        stacked("WeightMatrix", (hidden, features), "weight"),
        stacked("RecursionMatrix", (hidden, hidden), "recursion"),
        bias,
        peephole,
        activations=recurrent_activations(cx, activations, 3),
        reverse=reverse,
        coupled=bool(flags.coupledInputAndForgetGate),
        cell_clip=cx.number(flags.cellClipThreshold, default=50.0),
    )
    return op.results


def recurrent_activations(cx: LayerContext, activations: Any, count: int) -> tuple[str, ...]:
    """Names with parameters, as `nn.lstm` takes them."""
    cx.require(len(activations) == count, f"has {len(activations)} activations, expected {count}")
    return tuple(_activation(cx, item) for item in activations)


# Parameters that files leave out (0). The specification names 1.7159 and 2/3 for the scaled tanh;
# recorded results of Core ML are those of 1 and 1.
_FIXED = {"scaledTanh": ("scaled_tanh", 1.0, 1.0), "sigmoidHard": ("hard_sigmoid", 0.2, 0.5)}
_PLAIN = {"sigmoid": "sigmoid", "tanh": "tanh", "ReLU": "relu"}


def _activation(cx: LayerContext, item: Any) -> str:
    kind = item.WhichOneof("NonlinearityType")
    if kind in _PLAIN:
        return _PLAIN[kind]
    found: Any = getattr(item, kind) if kind else None
    if kind == "linear":
        # An unset linear function is the identity, not zero.
        alpha = cx.number(found.alpha) if (found.alpha or found.beta) else 1.0
        return f"linear,{alpha},{cx.number(found.beta)}"
    if kind not in _FIXED:
        raise cx.unsupported(f"uses the activation '{kind}'")
    name, alpha, beta = _FIXED[kind]
    return f"{name},{cx.number(found.alpha, alpha)},{cx.number(found.beta, beta)}"
