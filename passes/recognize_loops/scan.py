"""Loops that take one step for each entry of a sequence: what they read, carry and write.

Steps are numbered t = 0, 1, …. A number that a loop computes of t alone is a position.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...ir.dialects.builtin import Constant, constant, splat_of
from ...ir.dialects.core import control, elementwise, index, shape
from ...ir.dialects.core.asserting import OPEN, AssertShape
from ...ir.dialects.core.fill import is_zero
from ...ir.dialects.core.scatter import Scatter, ScatterMode
from ...ir.dim_values import known_dims
from ...ir.dims import Dim, Interval, Shape, bare_symbol, interval
from ...ir.ssa import Block, Value
from ...ir.types import DType
from ..patterns import Declined, no


@dataclass(frozen=True)
class Position:
    """sign * t + at."""

    sign: int
    at: Dim


FIRST, SECOND = Position(1, 0), Position(1, 1)


@dataclass(frozen=True)
class Carried:
    """A loop value.

    Attributes:
        after: what the body yields for it; for a list, the entry that it writes. Without dimensions
            of 1.
        initial: what it is before the first step.
        written: where a list is written; None if it isn't a list of which each step writes one
            entry. What is written at SECOND begins with an entry from before the loop.
    """

    after: Value
    initial: Value
    written: Position | None


@dataclass(frozen=True)
class Read:
    """What a loop reads an entry of in each step, from the first or from the last one."""

    sequence: Value
    backwards: bool


class Scan:
    """A loop of `steps` steps; `carried` are its values that aren't counters, by position."""

    def __init__(self, op: control.WhileLoop) -> None:
        self.op = op
        self.outside, self.inside = op.condition.block, op.body.block
        self.yielded = _yielded(self.inside)
        self.steps: Dim | None = None
        self.carried: Mapping[int, Carried] = {}
        self.counters = frozenset(n for n, v in enumerate(op.initial) if splat_of(v) == 0)
        self._keep_those_that_count()

    def _keep_those_that_count(self) -> None:
        """Drop what doesn't count by one; what was a position only because of it isn't one."""
        while True:
            counted = [n for n in self.counters if self.position(self.yielded[n]) == SECOND]
            if len(counted) == len(self.counters):
                return
            self.counters = frozenset(counted)

    def position(self, value: Value) -> Position | None:
        """A number as a position, if it is one."""
        if any(dim != 1 for dim in value.type.shape):
            return None
        if value.block in (self.outside, self.inside):
            return FIRST if value.index in self.counters else None
        known = known_dims(value)
        if known is not None:
            return Position(0, known[0])
        match value.op:
            case elementwise.Add(x, y):
                return _sum(self.position(x), self.position(y), 1)
            case elementwise.Sub(x, y):
                return _sum(self.position(x), self.position(y), -1)
            case elementwise.Cast(x, dtype) if _counts(dtype, self._most):
                return self.position(x)
            case elementwise.Select(Value(op=elementwise.GreaterEqual(x, zero)), y):
                certain = splat_of(zero) == 0 and self._is_natural(self.position(x))
                return self.position(y) if certain else None
            case shape.Reshape(x) | shape.Squeeze(x) | shape.ExpandDims(x):
                return self.position(x)
            case shape.SliceByIndex(Value(op=shape.Stack(entries)) as x) as cut if x.type.rank == 1:
                ((entry,),) = (entries[part] for part in cut.slices())
                return self.position(entry)
            case _:
                return None

    def read(self, value: Value) -> Read | None:
        """What a value of the body is the step's slice of, whatever dimensions of 1 it has."""
        source, where = self._entry(value)
        block = source.op.parent if source.op else source.block
        if block in (self.outside, self.inside) or where not in (FIRST, self._last):
            return None
        fits = source.type.shape[0] == self.steps
        return Read(source, backwards=where != FIRST) if fits else None

    def state(self, value: Value) -> int | None:
        """Which loop value a value of the body is before the step."""
        source, where = self._entry(value)
        if source.block is not self.inside or source.index not in self.carried:
            return None
        written = self.carried[source.index].written
        is_state = where is None if written is None else written == SECOND and where == FIRST
        return source.index if is_state else None

    def _entry(self, value: Value) -> tuple[Value, Position | None]:
        """(x, position) of one entry of x, or the value itself, both without dimensions of 1."""
        value = without_units(value)
        match value.op:
            case index.Gather(x, indices, 0) if (where := self.position(indices)) is not None:
                return x, where
            case _:
                return value, None

    @property
    def counts_far_enough(self) -> bool:
        """Whether counters have dtypes that have all numbers up to the number of steps."""
        kinds = (self.op.initial[number].type.dtype for number in self.counters)
        return all(_counts(kind, self._most) for kind in kinds)

    def _is_natural(self, position: Position | None) -> bool:
        """Whether a position is 0 or more in every step."""
        if position is None or position == self._last:
            return position is not None
        return position.sign >= 0 and isinstance(position.at, int) and position.at >= 0

    @property
    def _most(self) -> int | None:
        """How many steps there are at most, if that is known."""
        return None if self.steps is None else interval(self.steps, _limits(self.op))[1]

    @property
    def _last(self) -> Position | None:
        """The position that counts down from the last entry."""
        return None if self.steps is None else Position(-1, self.steps - 1)

    def carry(self, number: int) -> Carried:
        """What a loop value is before and after a step."""
        before, after = self.inside.arguments[number], self.yielded[number]
        initial = self.op.initial[number]
        match after.op:
            case Scatter(x, indices, updates, 0, mode) if x is before:
                written = self.position(indices)
                extent = before.type.shape[0]
                fits = (
                    extent == self.steps
                    if written in (FIRST, self._last)
                    else written == SECOND and extent - 1 == self.steps
                )
                begins = mode is ScatterMode.UPDATE or (
                    mode is ScatterMode.ADD and _is_zero_where_written(initial, written)
                )
                if fits and begins:
                    return Carried(without_units(updates), initial, written)
            case _:
                pass
        return Carried(without_units(after), initial, None)


def scan_of(op: control.WhileLoop) -> Scan | Declined | None:
    """The loop as a scan; None if it counts nothing, or why it is another loop."""
    scan = Scan(op)
    if not scan.counters:
        return None
    ops = [inner for block in (scan.outside, scan.inside) for inner in block]
    if any(inner.regions or inner.effects() for inner in ops):
        return no("there is control flow, or a side effect, inside")
    steps = _steps(scan)
    if steps is None:
        return no("how often it runs depends on data")
    scan.steps = steps
    if not scan.counts_far_enough:
        return no("a counter may become too large for its dtype")
    others = (number for number in range(len(op.initial)) if number not in scan.counters)
    scan.carried = {number: scan.carry(number) for number in others}
    return scan


def first_of(initial: Value) -> Value:
    """The first entry of a list, with a dimension of 1 for it."""
    source = initial.op
    if isinstance(source, shape.Concat) and source.axis == 0:
        first, *_ = source.values
        if first.type.shape[0] == 1:
            return first
    if isinstance(source, Constant):
        return constant(source.value.array()[:1], initial.name, source.value.derived("first"))
    rest = initial.type.rank - 1
    return shape.SliceByIndex(
        initial,
        begin=(0,) * (rest + 1),
        end=(1, *(0,) * rest),
        stride=(1,) * (rest + 1),
        begin_mask=(0, *(1,) * rest),
        end_mask=(0, *(1,) * rest),
    ).result


def without_units(value: Value) -> Value:
    """The value that another one only adds dimensions of 1 to, or removes them from."""
    while isinstance(value.op, shape.Squeeze | shape.ExpandDims | shape.Reshape):
        source = value.op.x
        if _significant(source.type.shape) != _significant(value.type.shape):
            break
        value = source
    return value


def _significant(dims: Shape) -> Shape:
    return tuple(dim for dim in dims if dim != 1)


def _yielded(block: Block) -> tuple[Value, ...]:
    end = block.terminator
    assert end is not None, "a region ends with a terminator"
    return end.operands


def _sum(a: Position | None, b: Position | None, sign: int) -> Position | None:
    if a is None or b is None:
        return None
    return Position(a.sign + sign * b.sign, a.at + sign * b.at)


def _steps(scan: Scan) -> Dim | None:
    """How often the loop runs, if that is known.

    A flag that is true before the first step, and is then t + 1 < N, lets the loop run N times, but
    at least once.
    """
    going = _condition(*_yielded(scan.outside))
    if going.block is not scan.outside:
        return _bound(scan, going, FIRST)
    begins = splat_of(scan.op.initial[going.index]) == 1
    steps = _bound(scan, _condition(scan.yielded[going.index]), SECOND)
    return steps if begins and isinstance(steps, int) else None


def _condition(value: Value) -> Value:
    """A truth value without what doesn't change it."""
    value = without_units(value)
    match value.op:
        case elementwise.LogicalAnd(x, y) if splat_of(y) == 1:
            return _condition(x)
        case elementwise.LogicalAnd(x, y) if splat_of(x) == 1:
            return _condition(y)
        case _:
            return value


def _bound(scan: Scan, value: Value, wanted: Position) -> Dim | None:
    """N of `wanted < N`, where the loop doesn't change N, which is 1 or more if it is known."""
    match value.op:
        case elementwise.Less(x, y) | elementwise.Greater(y, x):
            limit = scan.position(y)
        case _:
            return None
    if scan.position(x) != wanted or limit is None or limit.sign != 0:
        return None
    return limit.at if not isinstance(limit.at, int) or limit.at >= 1 else None


def _counts(dtype: DType, most: int | None) -> bool:
    """Whether a dtype has all whole numbers up to `most`; by default, as far as extents go."""
    most = np.iinfo(np.int32).max if most is None else most
    if dtype.is_integer:
        return np.iinfo(dtype.numpy).max >= most
    return dtype.is_float and 2.0 ** np.finfo(dtype.numpy).nmant >= most


def _limits(op: control.WhileLoop) -> dict[str, Interval]:
    """Between which extents symbols are, by the assertions before a loop."""
    found: dict[str, Interval] = {}
    for other in op.parent or ():
        if not isinstance(other, AssertShape):
            continue
        for axis, dim in enumerate(other.x.type.shape):
            bounds = [entry[2 * axis : 2 * axis + 2] for entry in other.allowed]
            least, most = min(low for low, _ in bounds), max(high for _, high in bounds)
            if (name := bare_symbol(dim)) is not None:
                found[name] = least, None if OPEN in (high for _, high in bounds) else most
    return found


def _is_zero_where_written(initial: Value, written: Position | None) -> bool:
    """Whether a list is zero before the first step in all entries that a loop writes."""
    if is_zero(initial) or written != SECOND:
        return is_zero(initial)
    source = initial.op
    if isinstance(source, Constant):
        return not source.value.array()[1:].any()
    if not isinstance(source, shape.Concat) or source.axis != 0:
        return False
    first, *others = source.values
    return first.type.shape[0] == 1 and all(map(is_zero, others))
