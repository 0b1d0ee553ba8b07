"""Recurrent networks over a sequence; x is [T, B, I] (time, batch, features)."""

from collections.abc import Iterator

from ...declare import attr, operand
from ...dims import differs
from ...reference import recurrent
from ...ssa import Op, Value
from ...types import FLOAT, Array, Type


class Lstm(Op):
    """Long short-term memory, as Core ML's uniDirectionalLSTM layer defines it.

    `weight_x` is [4H, I], `weight_h` [4H, H], `bias` [4H]; gates in the order input, forget,
    output, block input. `peephole` [3H] (input, forget, output): the input and forget gates see
    the old cell state, the output gate the new one. `activations` are those of the gates, the
    block input and the output, each a name with its parameters joined by commas
    ("linear,1.0,0.0").
    `coupled`: the forget gate is 1 minus the input gate. `cell_clip` > 0 limits the cell state's
    absolute value. Gate arguments are limited to [-50, 50], as in Core ML.

    Results: the hidden states [T, B, H] at their input's position, the last hidden and the last
    cell state [B, H]. With `reverse` the sequence is read from its end.

    (C1) the shapes of weights, states and peephole agree.
    (C2) there are three activations: sigmoid, tanh, relu, or with two numbers linear, scaled_tanh,
    hard_sigmoid.
    """

    name = "nn.lstm"

    x: Value = operand(FLOAT, rank=3)
    initial_h: Value = operand(FLOAT, rank=2, like="x")
    initial_c: Value = operand(FLOAT, rank=2, like="x")
    weight_x: Value = operand(FLOAT, rank=2, like="x")
    weight_h: Value = operand(FLOAT, rank=2, like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    peephole: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    activations: tuple[str, ...] = attr(default=("sigmoid", "tanh", "tanh"))
    reverse: bool = attr(default=False)
    coupled: bool = attr(default=False)
    cell_clip: float = attr(default=0.0)

    def infer(self) -> tuple[Type, ...]:
        x = self.x.type
        time, batch, features = x.shape
        hidden = self.weight_h.type.shape[1]
        expected = {
            "weight_x": (4 * hidden, features),
            "weight_h": (4 * hidden, hidden),
            "initial_h": (batch, hidden),
            "initial_c": (batch, hidden),
            "bias": (4 * hidden,),
            "peephole": (3 * hidden,),
        }
        for name, shape in expected.items():
            value: Value | None = self.operand_group(name)
            if value is not None:
                pairs = zip(value.type.shape, shape, strict=True)
                fits = not any(differs(a, b) for a, b in pairs)
                self.require("C1", fits, f"{name} is {value.type}, expected {list(shape)}")
        shown = list(self.activations)
        known = len(shown) == 3 and all(map(is_activation, shown))
        self.require("C2", known, f"activations are {shown}")
        state = x.with_shape((batch, hidden))
        return x.with_shape((time, batch, hidden)), state, state

    def evaluate(
        self,
        x: Array,
        initial_h: Array,
        initial_c: Array,
        weight_x: Array,
        weight_h: Array,
        bias: Array | None = None,
        peephole: Array | None = None,
    ) -> tuple[Array, ...]:
        gate, block, output = (parse_activation(text) for text in self.activations)
        return recurrent.lstm(
            x,
            initial_h,
            initial_c,
            weight_x,
            weight_h,
            bias,
            peephole,
            activations=(gate, block, output),
            reverse=self.reverse,
            coupled=self.coupled,
            clip=self.cell_clip or None,
        )


# Activations by name, with how many numbers each takes.
_NUMBERS = {"sigmoid": 0, "tanh": 0, "relu": 0, "linear": 2, "scaled_tanh": 2, "hard_sigmoid": 2}


def is_activation(text: str) -> bool:
    """Whether the text is a known name with as many numbers as it takes."""
    name, *numbers = text.split(",")
    try:
        return _NUMBERS.get(name) == len([float(number) for number in numbers])
    except ValueError:
        return False


def parse_activation(text: str) -> str | tuple[str | float, ...]:
    """`linear,1.0,0.0` as (name, parameters…), a lone name as itself."""

    def parts() -> Iterator[str | float]:
        name, *numbers = text.split(",")
        yield name
        yield from map(float, numbers)

    found = tuple(parts())
    return found if len(found) > 1 else text


OPS = (Lstm,)
