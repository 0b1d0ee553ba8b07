"""What a step computes: a GRU, an LSTM or a simple recurrent network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...ir.dialects.builtin import Constant, splat_of
from ...ir.dialects.core import activation, elementwise
from ...ir.dialects.core import recurrent as core
from ...ir.dialects.core.linear import Linear
from ...ir.dialects.core.shape import Reverse
from ...ir.dialects.core.unary import Neg, Tanh
from ...ir.dims import product
from ...ir.ssa import Value
from ..canonicalize.shape import reshape_to
from .affine import Affine, Product, Rows, affine, joined, summed
from .scan import Read, Scan, first_of, without_units


@dataclass(frozen=True)
class Cell:
    """A recurrent op that computes what a loop does.

    Attributes:
        op: the op.
        backwards: whether it reads the sequence from its end.
        hidden: the value of the body that is the hidden state after a step.
        memory: likewise the cell state of an LSTM.
    """

    op: core.Recurrent
    backwards: bool
    hidden: Value
    memory: Value | None = None


@dataclass
class Gate:
    """function(x + h + biases), where x and h are products with weights.

    Attributes:
        function: the activation, as recurrent ops call it.
        x: rows of the weights of the input; one, in gates of recurrent ops.
        h: likewise of the hidden state.
        bias_x: what is added to the former.
        bias_h: what is added to the latter.
        products: products of other values.
        others: other values.
    """

    function: str = ""
    x: list[Rows] = field(default_factory=list[Rows])
    h: list[Rows] = field(default_factory=list[Rows])
    bias_x: list[Rows] = field(default_factory=list[Rows])
    bias_h: list[Rows] = field(default_factory=list[Rows])
    products: list[Product] = field(default_factory=list[Product])
    others: list[Value] = field(default_factory=list[Value])

    @property
    def is_plain(self) -> bool:
        """Whether it is one product of the input, one of the state, and biases."""
        return len(self.x) == len(self.h) == 1 and not self.products and not self.others


class Matcher:
    """Finds what a value of the body is made of; all gates have one input and one state.

    Attributes:
        scan: the loop.
        after: the hidden state after the step.
        source: the sequence that gates read, once one does.
        state: the number of the loop value that is the hidden state, once one is used.
    """

    def __init__(self, scan: Scan, after: Value) -> None:
        self.scan = scan
        self.after = after
        self.source: Read | None = None
        self.state: int | None = None

    def gate(self, value: Value) -> Gate | None:
        """A value as a gate; None without an activation of recurrent networks."""
        function = _function(value)
        if function is None or value.op is None or value.type != self.after.type:
            return None
        return self.sum_of(value.op.operands[0], function)

    def sum_of(self, value: Value, function: str = "") -> Gate:
        """A sum by what its terms are products of."""
        terms: Affine = affine(value)
        gate = Gate(function, bias_x=list(terms.vectors))
        for item in terms.products:
            if self.is_state(item.factor):
                gate.h.append(item.weight)
                gate.bias_h += [item.bias] if item.bias else []
            elif self.is_input(self.scan.read(item.factor)):
                gate.x.append(item.weight)
                gate.bias_x += [item.bias] if item.bias else []
            else:
                gate.products.append(item)
        for other, part in terms.others:
            if not self._add_projected(gate, other, part):
                gate.others.append(other)
        return gate

    def _add_projected(self, gate: Gate, value: Value, part: range) -> bool:
        """Add a part of a step's entry of linear(sequence), computed before the loop."""
        read = self.scan.read(value)
        match None if read is None else read.sequence.op:
            case Linear(x, Value(op=Constant(weight)), None):
                biases: list[Rows] = []
            case Linear(x, Value(op=Constant(weight)), Value(op=Constant(bias))):
                biases = [Rows(bias, part.start, part.stop)]
            case _:
                return False
        assert read is not None
        if not self.is_input(Read(x, read.backwards)):
            return False
        gate.x.append(Rows(weight, part.start, part.stop))
        gate.bias_x += biases
        return True

    def is_state(self, value: Value) -> bool:
        """Whether a value is the hidden state before the step."""
        found = self.scan.state(value)
        if found is None or self.scan.carried[found].after is not self.after:
            return False
        self.state = found if self.state is None else self.state
        return self.state == found

    def is_input(self, read: Read | None) -> bool:
        """Whether this is the sequence that all gates read."""
        self.source = read if self.source is None else self.source
        return read is not None and read == self.source

    def sequence(self, gate: Gate) -> Value | None:
        """The sequence as [T, B, I], in the order of the steps."""
        *batch, _ = self.after.type.shape
        features = gate.x[0].weight.type.shape[1]
        if self.source is None or self.scan.steps is None:
            return None
        x = reshape_to(self.source.sequence, (self.scan.steps, product(batch), features))
        return Reverse(x, (0,)).result if x is not None and self.source.backwards else x

    def initial(self, number: int | None) -> Value | None:
        """A state before the first step, as [B, H]."""
        if number is None:
            return None
        carried = self.scan.carried[number]
        first = carried.initial if carried.written is None else first_of(carried.initial)
        *batch, hidden = self.after.type.shape
        return reshape_to(first, (product(batch), hidden))

    def name(self, kind: type[core.Recurrent]) -> str:
        """What the weights are named after: `gru`, or `gru_2` after another one."""
        word = kind.name.removeprefix("nn.")
        before = sum(isinstance(op, kind) for op in self.scan.op.parent or ())
        return f"{word}_{before + 1}" if before else word

    @property
    def is_backwards(self) -> bool:
        return self.source is not None and self.source.backwards


def cell_of(scan: Scan) -> Cell | None:
    """The recurrent op that computes the step of a loop, if there is one."""
    for carried in scan.carried.values():
        kind = carried.after.type
        if kind.rank < 2 or not kind.dtype.is_float or not isinstance(kind.shape[-1], int):
            continue
        for match in (_gru, _lstm, _rnn):
            if (found := match(Matcher(scan, carried.after))) is not None:
                return found
    return None


def _gru(matcher: Matcher) -> Cell | None:
    """h = (1 - z) * o + z * h."""
    for update, output, past in _mixtures(matcher.after):
        if past.type != matcher.after.type or not matcher.is_state(past):
            continue
        z, o = matcher.gate(update), matcher.gate(output)
        reset = None if o is None else _reset(matcher, o)
        if z is None or o is None or reset is None:
            continue
        r, reset_after = reset
        gates = (z, r, o)
        if not all(gate.is_plain for gate in gates) or z.function != r.function:
            continue
        x, h = matcher.sequence(z), matcher.initial(matcher.state)
        if x is None or h is None:
            continue
        sums = [gate.bias_x for gate in gates], [gate.bias_h for gate in gates]
        both = [[*a, *b] for a, b in zip(*sums, strict=True)]
        name = matcher.name(core.Gru)
        op = core.Gru(
            x,
            joined([gate.x[0] for gate in gates], f"{name}.weight"),
            joined([gate.h[0] for gate in gates], f"{name}.recursion"),
            summed(sums[0] if reset_after else both, z.x[0], f"{name}.bias"),
            h,
            summed(sums[1], z.x[0], f"{name}.recursion_bias") if reset_after else None,
            activations=(z.function, o.function),
            reset_after=reset_after,
        )
        return Cell(op, matcher.is_backwards, matcher.after)
    return None


def _mixtures(value: Value) -> Iterator[tuple[Value, Value, Value]]:
    """(z, a, b) for each way to read a value as (1 - z) * a + z * b, or as a + z * (b - a)."""
    for a, b in _either_order(value, elementwise.Add):
        for z, old in _either_order(b, elementwise.Mul):
            for rest, new in _either_order(a, elementwise.Mul):
                if _complement(rest) is z:
                    yield z, new, old
            match old.op:
                case elementwise.Sub(older, newer) if newer is a:
                    yield z, a, older
                case _:
                    pass


def _complement(value: Value) -> Value | None:
    """z of 1 - z."""
    match value.op:
        case elementwise.Sub(one, z) if splat_of(one) == 1 and z.type == value.type:
            return z
        case activation.LinearActivation(z, -1.0, 1.0):
            return z
        case elementwise.Add():
            for negative, one in _either_order(value, elementwise.Add):
                if splat_of(one) != 1 or negative.type != value.type:
                    continue
                match negative.op:
                    case Neg(z) | activation.LinearActivation(z, -1.0, 0.0):
                        return z
                    case _:
                        pass
        case _:
            pass
    return None


def _reset(matcher: Matcher, output: Gate) -> tuple[Gate, bool] | None:
    """(reset gate, whether it comes after the product); the output gate gets its product of h."""
    if output.h or len(output.products) + len(output.others) != 1:
        return None
    if output.products:
        (item,) = output.products
        pairs, past = _either_order(item.factor, elementwise.Mul), item
        for gate, state in pairs:
            r = matcher.gate(gate)
            if r is not None and state.type == matcher.after.type and matcher.is_state(state):
                output.products.clear()
                output.h.append(past.weight)
                output.bias_h += [past.bias] if past.bias else []
                return r, False
        return None
    (other,) = output.others
    if other.type != matcher.after.type:
        return None
    for gate, product_of_state in _either_order(other, elementwise.Mul):
        r = matcher.gate(gate)
        if r is None or product_of_state.type != other.type:
            continue
        past_sum = matcher.sum_of(product_of_state)
        if past_sum.x or past_sum.products or past_sum.others:
            continue
        output.others.clear()
        output.h += past_sum.h
        output.bias_h += [*past_sum.bias_x, *past_sum.bias_h]
        return r, True
    return None


def _lstm(matcher: Matcher) -> Cell | None:
    """c = f * c + i * g, h = o * output(c)."""
    scan = matcher.scan
    for output, squashed in _either_order(matcher.after, elementwise.Mul):
        function = _function(squashed)
        if function is None or squashed.op is None or squashed.type != matcher.after.type:
            continue
        memory = without_units(squashed.op.operands[0])
        for forget, past, into, block in _updates(memory):
            number = scan.state(past)
            if number is None or scan.carried[number].after is not memory:
                continue
            found = [matcher.gate(part) for part in (into, forget, output, block)]
            gates = [gate for gate in found if gate is not None and gate.is_plain]
            if len(gates) != 4 or past.type != matcher.after.type:
                continue
            if len({gate.function for gate in gates[:3]}) != 1:
                continue
            x, h, c = (
                matcher.sequence(gates[0]),
                matcher.initial(matcher.state),
                matcher.initial(number),
            )
            if x is None or h is None or c is None:
                continue
            name = matcher.name(core.Lstm)
            op = core.Lstm(
                x,
                joined([gate.x[0] for gate in gates], f"{name}.weight"),
                joined([gate.h[0] for gate in gates], f"{name}.recursion"),
                _bias(gates, f"{name}.bias"),
                h,
                c,
                activations=(gates[0].function, gates[3].function, function),
            )
            return Cell(op, matcher.is_backwards, matcher.after, memory)
    return None


def _updates(value: Value) -> Iterator[tuple[Value, Value, Value, Value]]:
    """(f, c, i, g) for each way to read a value as f * c + i * g."""
    for a, b in _either_order(value, elementwise.Add):
        for forget, past in _either_order(a, elementwise.Mul):
            for into, block in _either_order(b, elementwise.Mul):
                yield forget, past, into, block


def _rnn(matcher: Matcher) -> Cell | None:
    """h = function(x + h)."""
    gate = matcher.gate(matcher.after)
    if gate is None or not gate.is_plain:
        return None
    x, h = matcher.sequence(gate), matcher.initial(matcher.state)
    if x is None or h is None:
        return None
    name = matcher.name(core.Rnn)
    op = core.Rnn(
        x,
        joined(gate.x, f"{name}.weight"),
        joined(gate.h, f"{name}.recursion"),
        _bias([gate], f"{name}.bias"),
        h,
        activation=gate.function,
    )
    return Cell(op, matcher.is_backwards, matcher.after)


def _bias(gates: Sequence[Gate], name: str) -> Value | None:
    """The sums of both biases of each gate."""
    return summed([[*gate.bias_x, *gate.bias_h] for gate in gates], gates[0].x[0], name)


def _function(value: Value) -> str | None:
    """An activation's name, as recurrent ops call it."""
    match value.op:
        case activation.Sigmoid():
            return "sigmoid"
        case Tanh():
            return "tanh"
        case activation.Relu():
            return "relu"
        case activation.SigmoidHard(_, alpha, beta):
            return f"hard_sigmoid,{alpha},{beta}"
        case activation.ScaledTanh(_, alpha, beta):
            return f"scaled_tanh,{alpha},{beta}"
        case _:
            return None


def _either_order(value: Value, kind: type[elementwise.Binary]) -> list[tuple[Value, Value]]:
    """The operands of an op of this kind, both ways."""
    if not isinstance(value.op, kind):
        return []
    x, y = value.op.operands
    return [(x, y), (y, x)]
