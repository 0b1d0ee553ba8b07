"""Recurrent networks over a sequence; x is [T, B, I] (time, batch, features).

Sequences are read from their beginning; for the other direction, reverse x, and reverse the hidden
states to get them in the order of their inputs. A missing state is zero; an empty sequence leaves
states unchanged. Activations are names, with parameters joined by commas ("linear,1.0,0.0").
limit() keeps a number within [-gate_clip, gate_clip], if gate_clip is above 0.
"""

from collections.abc import Sequence
from typing import TypeAlias

from ...attributes import Dims
from ...batch.kinds import ALONG
from ...batch.place import Place
from ...batch.rule import Given, RefusalError, Taken, Want
from ...declare import attr, operand
from ...dims import differs, merge
from ...reference import recurrent
from ...ssa import Op, Value
from ...types import FLOAT, Array, Type
from .fill import is_zero


def batch_by_batch(op: "Recurrent", given: Given, /) -> Taken:
    """The second dimension of a sequence is one of entries, as the first of states is.

    A state that all entries share, and that is zero, is left out: what isn't given is zero.
    """
    places = dict(zip(op.operands, given.places, strict=True))
    place, entry = given.places[0], op.x.type.shape
    if place is not None and place.is_dimension(entry) and place.axis != 1:
        place = place.beside(entry, (0, 2))
        if place is None:
            raise RefusalError(ALONG)
    inside = place is not None and not place.own and place.axis == 1
    outer = place.outer if place is not None and inside else 1
    wants: list[Want] = [Place(1, outer)]
    changes: dict[str, None] = {}
    for item in op.spec.operands[1:]:
        for value in op.values_of(item.name):
            is_state = item.name.startswith("initial")
            if places[value] is not None and not is_state:
                raise RefusalError(f"takes one {item.name} for the whole batch")
            left_out = is_state and places[value] is None and is_zero(value)
            if left_out:
                changes[item.name] = None
            wants.append(Place(0, outer) if is_state and not left_out else None)
    states = (Place(0, outer),) * (len(op.results) - 1)
    return Taken((Place(1, outer), *states), tuple(wants), changes)


class Lstm(Op):
    """Long short-term memory, as Core ML's uniDirectionalLSTM layer defines it.

    With the activations (gate, block, output), for each step:

        i = gate(limit(Wi x + Ri h + pi c + bi))
        f = gate(limit(Wf x + Rf h + pf c + bf)), or 1 - i if `coupled`
        c = clip(f c + i block(limit(Wg x + Rg h + bg)))
        o = gate(limit(Wo x + Ro h + po c + bo))
        h = o output(c)

    `weight_x` is W [4H, I], `weight_h` R [4H, H], `bias` b [4H], all in the order i, f, o, g;
    `peephole` is p [3H] in the order i, f, o. `cell_clip` above 0 limits the cell state's absolute
    value. Results: all hidden states [T, B, H], the last hidden and the last cell state [B, H].

    (C1) the shapes of weights, states and peephole agree.
    (C2) there are three activations: sigmoid, tanh, relu, or with two numbers linear, scaled_tanh,
    hard_sigmoid.
    """

    name = "nn.lstm"
    batch = batch_by_batch

    x: Value = operand(FLOAT, rank=3)
    weight_x: Value = operand(FLOAT, rank=2, like="x")
    weight_h: Value = operand(FLOAT, rank=2, like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    initial_h: Value | None = operand(FLOAT, rank=2, like="x", default=None)
    initial_c: Value | None = operand(FLOAT, rank=2, like="x", default=None)
    peephole: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    activations: tuple[str, ...] = attr(default=("sigmoid", "tanh", "tanh"))
    coupled: bool = attr(default=False)
    cell_clip: float = attr(default=0.0)
    gate_clip: float = attr(default=0.0)

    def infer(self) -> tuple[Type, ...]:
        hidden = self.weight_h.type.shape[1]
        sequence, state = _result_types(self, 4, peephole=(3 * hidden,))
        _check_activations(self, 3, self.activations)
        return sequence, state, state

    def evaluate(
        self,
        x: Array,
        weight_x: Array,
        weight_h: Array,
        bias: Array | None = None,
        initial_h: Array | None = None,
        initial_c: Array | None = None,
        peephole: Array | None = None,
    ) -> tuple[Array, ...]:
        return recurrent.lstm(
            *(x, weight_x, weight_h, bias, initial_h, initial_c, peephole),
            activations=self.activations,
            coupled=self.coupled,
            cell_clip=self.cell_clip,
            gate_clip=self.gate_clip,
        )


class Gru(Op):
    """Gated recurrent unit, as Core ML's gru layer and MIL define it.

    With the activations (gate, output), for each step:

        z = gate(limit(Wz x + Rz h + bz))
        r = gate(limit(Wr x + Rr h + br))
        o = output(limit(Wo x + Ro (r h) + bo))
        h = (1 - z) o + z h

    With `reset_after`, as in PyTorch and Keras, the gate comes after the product: o is
    output(limit(Wo x + bo + r (Ro h + so))), and `bias_h` s is added to Rz h and Rr h too.
    `weight_x` is W [3H, I], `weight_h` R [3H, H], `bias` b and `bias_h` s [3H], all in the order
    z (update), r (reset), o (output). Results: all hidden states [T, B, H], the last one [B, H].

    (C1) the shapes of weights and states agree.
    (C2) there are two activations, of those that `nn.lstm` has.
    (C3) there is a `bias_h` only with `reset_after`; without it, it is part of `bias`.
    """

    name = "nn.gru"
    batch = batch_by_batch

    x: Value = operand(FLOAT, rank=3)
    weight_x: Value = operand(FLOAT, rank=2, like="x")
    weight_h: Value = operand(FLOAT, rank=2, like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    initial_h: Value | None = operand(FLOAT, rank=2, like="x", default=None)
    bias_h: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    activations: tuple[str, ...] = attr(default=("sigmoid", "tanh"))
    reset_after: bool = attr(default=False)
    gate_clip: float = attr(default=0.0)

    def infer(self) -> tuple[Type, ...]:
        types = _result_types(self, 3, bias_h=(3 * self.weight_h.type.shape[1],))
        _check_activations(self, 2, self.activations)
        fits = self.bias_h is None or self.reset_after
        self.require("C3", fits, "bias_h is given without reset_after")
        return types

    def evaluate(
        self,
        x: Array,
        weight_x: Array,
        weight_h: Array,
        bias: Array | None = None,
        initial_h: Array | None = None,
        bias_h: Array | None = None,
    ) -> tuple[Array, ...]:
        return recurrent.gru(
            *(x, weight_x, weight_h, bias, initial_h, bias_h),
            activations=self.activations,
            reset_after=self.reset_after,
            gate_clip=self.gate_clip,
        )


class Rnn(Op):
    """Simple recurrent network, as Core ML's simpleRecurrent layer and MIL define it.

    For each step h = activation(limit(W x + R h + b)), with `weight_x` W [H, I], `weight_h` R
    [H, H] and `bias` b [H]. Results: all hidden states [T, B, H], the last one [B, H].

    (C1) the shapes of weights and states agree.
    (C2) the activation is one of those that `nn.lstm` has.
    """

    name = "nn.rnn"
    batch = batch_by_batch

    x: Value = operand(FLOAT, rank=3)
    weight_x: Value = operand(FLOAT, rank=2, like="x")
    weight_h: Value = operand(FLOAT, rank=2, like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    initial_h: Value | None = operand(FLOAT, rank=2, like="x", default=None)
    activation: str = attr(default="tanh")
    gate_clip: float = attr(default=0.0)

    def infer(self) -> tuple[Type, ...]:
        types = _result_types(self, 1)
        _check_activations(self, 1, (self.activation,))
        return types

    def evaluate(
        self,
        x: Array,
        weight_x: Array,
        weight_h: Array,
        bias: Array | None = None,
        initial_h: Array | None = None,
    ) -> tuple[Array, ...]:
        return recurrent.rnn(
            *(x, weight_x, weight_h, bias, initial_h),
            function=recurrent.activation(self.activation),
            gate_clip=self.gate_clip,
        )


def _result_types(op: "Recurrent", gates: int, **more: Dims) -> tuple[Type, Type]:
    """The types of all hidden states and of one, once all shapes agree (`more`: by operand)."""
    x = op.x.type
    time, batch, features = x.shape
    hidden = op.weight_h.type.shape[1]
    given = {i.name: v for i in op.spec.operands[1:] for v in op.values_of(i.name)}
    for name, value in given.items():
        batch = merge(batch, value.type.shape[0]) if name.startswith("initial") else batch
    expected: dict[str, Dims] = {
        "weight_x": (gates * hidden, features),
        "weight_h": (gates * hidden, hidden),
        "bias": (gates * hidden,),
        "initial_h": (batch, hidden),
        "initial_c": (batch, hidden),
        **more,
    }
    for name, value in given.items():
        fits = not any(map(differs, value.type.shape, expected[name]))
        op.require("C1", fits, f"{name} is {value.type}, expected {list(expected[name])}")
    return x.with_shape((time, batch, hidden)), x.with_shape((batch, hidden))


def _check_activations(op: Op, count: int, texts: Sequence[str]) -> None:
    try:
        known = len([recurrent.activation(text) for text in texts]) == count
    except ValueError:
        known = False
    op.require("C2", known, f"activations are {list(texts)}")


Recurrent: TypeAlias = Lstm | Gru | Rnn
OPS = (Lstm, Gru, Rnn)
