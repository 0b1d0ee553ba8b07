"""Recurrent networks: [sequence, batch, features] in, hidden states and last states out.

With the direction "reverse", the hidden states are in reading order, the last input's first; the
specification doesn't say so, but recorded results do. In a bidirectional LSTM, the backward half is
in the order of the input.
"""

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import elementwise, recurrent, shape
from ....ir.dialects.core.fill import is_zero
from ....ir.ssa import Value
from ....ir.types import Array
from ....ir.weights.resources import LazyResource
from ..rules import Result
from .context import MilContext, MilRules

rules = MilRules("recurrent")

# MIL's names → names of the core ops, with default parameters.
_ACTIVATIONS = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "linear": "linear,1.0,0.0",
    "scaled_tanh": "scaled_tanh,1.0,1.0",
    "hard_sigmoid": "hard_sigmoid,0.2,0.5",
    "sigmoid_hard": "hard_sigmoid,0.2,0.5",
}
_GRU_ORDER = (2, 0, 1)  # MIL's gates are reset, output, update; the op's are update, reset, output
_BACK = ("weight_ih", "weight_hh", "bias", "peephole")


@rules("rnn")
def rnn(cx: MilContext) -> Result:
    """h = f(W x + R h + b), in either direction."""
    op = recurrent.Rnn(
        _directed(cx, _direction(cx, "forward", "reverse")),
        cx.value("weight_ih"),
        cx.value("weight_hh"),
        cx.optional("bias"),
        _state(cx, "initial_h"),
        activation=_activation(cx, "activation", "tanh"),
    )
    return _outputs(cx, *op.results)


@rules("gru")
def gru(cx: MilContext) -> Result:
    """A GRU that applies the reset gate before or after the product; in either direction.

    iOS 18 added a bias of the inputs, and `reset_after`, with which the two biases differ.
    """
    after = cx.flag("reset_after", False)
    x = _directed(cx, _direction(cx, "forward", "reverse"))
    hidden, given = (
        _reordered(cx, name) if cx.has(name) else None for name in ("bias", "input_bias")
    )
    if not after:
        both = elementwise.Add(hidden, given).result if hidden and given else None
        given, hidden = both or given or hidden, None
    op = recurrent.Gru(
        x,
        _reordered(cx, "weight_ih"),
        _reordered(cx, "weight_hh"),
        given,
        _state(cx, "initial_h"),
        hidden,
        activations=(
            _activation(cx, "recurrent_activation", "sigmoid"),
            _activation(cx, "activation", "tanh"),
        ),
        reset_after=after,
    )
    return _outputs(cx, *op.results)


@rules("lstm")
def lstm(cx: MilContext) -> Result:
    """An LSTM in one direction, or two whose outputs are concatenated."""
    direction = _direction(cx, "forward", "reverse", "bidirectional")
    states = _state(cx, "initial_h"), _state(cx, "initial_c")
    if direction != "bidirectional":
        for name in _BACK:
            cx.optional(f"{name}_back")  # ignored by definition
        return _outputs(cx, *_lstm(cx, _directed(cx, direction), states))
    sizes = _hidden(cx, "weight_hh"), _hidden(cx, "weight_hh_back")
    (h, h_back), (c, c_back) = (_halves(state, sizes) for state in states)
    ahead = _lstm(cx, cx.value("x"), (h, c))
    back = _lstm(cx, _directed(cx, "reverse"), (h_back, c_back), "_back")
    placed = shape.Reverse(back[0], (0,)).result
    sequence = shape.Concat((ahead[0], placed), 2).result
    ends = (shape.Concat(pair, 1).result for pair in zip(ahead[1:], back[1:], strict=True))
    return _outputs(cx, sequence, *ends)


def _state(cx: MilContext, name: str) -> Value | None:
    """A state; None for zeros, which is also what a missing one means.

    Zeros fit any batch: coremltools sizes those of packed sequences by the length of one.
    """
    value = cx.value(name)
    return None if is_zero(value) else value


def _halves(state: Value | None, sizes: tuple[int, int]) -> tuple[Value | None, ...]:
    """A state of each direction."""
    return (None, None) if state is None else shape.Split(state, sizes, 1).results


def _lstm(
    cx: MilContext, x: Value, states: tuple[Value | None, Value | None], suffix: str = ""
) -> tuple[Value, ...]:
    """One direction's hidden states, last hidden and last cell state."""
    clip = cx.number("clip") if cx.has("clip") else 0.0
    cx.require(
        not cx.has("clip") or clip > 0,
        f"limits its cell state to {clip}, expected a positive number",
    )
    weight_x, weight_h, bias, peephole = (f"{name}{suffix}" for name in _BACK)
    op = recurrent.Lstm(
        x,
        cx.value(weight_x),
        cx.value(weight_h),
        cx.optional(bias),
        *states,
        cx.optional(peephole),
        activations=(
            _activation(cx, "recurrent_activation", "sigmoid"),
            _activation(cx, "cell_activation", "tanh"),
            _activation(cx, "activation", "tanh"),
        ),
        cell_clip=clip,
    )
    return op.results


def _hidden(cx: MilContext, parameter: str) -> int:
    """The number of hidden features, from the recurrent weights."""
    kind = cx.value(parameter).type
    cx.require(kind.rank == 2 and kind.is_static, f"has {parameter} of type {kind}")
    return kind.static_shape[1]


def _direction(cx: MilContext, *known: str) -> str:
    name = cx.text("direction", "forward")
    cx.require(name in known, f"has the unknown direction '{name}'")
    return name


def _directed(cx: MilContext, direction: str) -> Value:
    """The input in reading order."""
    x = cx.value("x")
    cx.require(x.type.rank == 3, f"needs an input [sequence, batch, features], got {x.type}")
    return shape.Reverse(x, (0,)).result if direction == "reverse" else x


def _activation(cx: MilContext, parameter: str, default: str) -> str:
    """A name with its parameters, as `nn.lstm` takes it."""
    name = cx.text(parameter, default)
    if name.lower() not in _ACTIVATIONS:
        raise cx.unsupported(f"uses the activation '{name}'")
    return _ACTIVATIONS[name.lower()]


def _reordered(cx: MilContext, parameter: str) -> Value:
    """Weights of the three gates of a GRU in the op's order."""
    value = cx.value(parameter)
    rows = value.type.shape[0] if value.type.rank else 0
    fits = isinstance(rows, int) and rows % 3 == 0
    cx.require(fits, f"has {parameter} of type {value.type} for three gates")
    if not isinstance(value.op, Constant):
        raise cx.unsupported(f"computes '{parameter}', which must be a constant here")
    resource = value.op.value

    def load() -> Array:
        stored = resource.array()
        gates = stored.reshape(3, -1, *stored.shape[1:])[list(_GRU_ORDER)].reshape(stored.shape)
        resource.release()
        return gates

    origin = resource.derived("gates reordered")
    return constant(LazyResource(value.type, load, resource.name, origin), resource.name)


def _outputs(cx: MilContext, sequence: Value, *ends: Value) -> tuple[Value, ...]:
    """All hidden states, or the last one as a sequence of one; then the last states."""
    whole = cx.flag("output_sequence", False)
    return (sequence if whole else shape.ExpandDims(ends[0], (0,)).result, *ends)
