"""States in variables: updates of a state's value become updates in place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ...ir.rewrite import adopt, replace, replace_op
from ...ir.ssa import Block, Function, Module, Op, Value
from ...passes.manager import Instrumentation, Pass
from . import dialect as tf
from .state_slices import Part, part_of

HOLDING = "hold-states-tf"  # the pipeline for functions that keep states
ItemT = TypeVar("ItemT")

_COMBINES: Mapping[type[Op], Literal["update", "add", "sub", "max", "min"]] = {
    tf.TensorScatterNdUpdate: "update",
    tf.TensorScatterNdAdd: "add",
    tf.TensorScatterNdSub: "sub",
    tf.TensorScatterNdMax: "max",
    tf.TensorScatterNdMin: "min",
}


@dataclass(frozen=True)
class HoldStatesTf(Pass):
    """Keep states in variables: a function reads and writes them, and doesn't return them.

    Before, ops compute one value of a state from the other. Where updates of parts alone lead from
    the first to the last one, also in loops and branches, each of them writes to the variable. What
    needs the value before an update reads it earlier: its slice, or all of it, which is a copy. A
    state of which more than one copy would be made, or that is computed in another way, is read at
    the beginning and written at the end.

    Arguments that are states stand for variables then.

    Example:
        cmlc-opt m.cmir --passes=hold-states-tf
    """

    name = "hold-states-tf"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        for function in module.functions.values():
            for state, known in zip(function.arguments, function.inputs, strict=True):
                if known.kind == "state" and state.name in function.result_names:
                    _hold(function, state)
                    changed = True
        return changed


def _hold(function: Function, state: Value) -> None:
    position = function.result_names.index(state.name)
    last = function.results[position]
    first, steps = _steps(function.block, last)
    plan = _Plan()
    if first is state:
        plan.add(function.block, state, steps, position)
    if first is state and plan.copies_at_most_once:
        plan.apply(state)
        _without(function.block, position)
        for step in reversed(steps):
            _write(step, state)
    else:
        _read_and_write(function.block, state, last, position)
    del function.result_names[position], function.outputs[position]


def _read_and_write(block: Block, state: Value, last: Value, position: int) -> None:
    """The state as a value between a first read and a last write."""
    uses = state.uses
    read = tf.ReadState(state, result_types=state.type)
    block.insert(read, block.first)
    for user, index in uses:
        user.set_operand(index, read.result)
    _without(block, position)
    if last is not state:
        block.insert(tf.WriteState(state, last, result_types=()), block.terminator)


@dataclass(frozen=True)
class _Step:
    """An op that makes a state's next value from the one before.

    Attributes:
        op: an update, a loop or a branch.
        before: the value before.
        after: the value after, a result of `op`.
        inside: of loops and branches: for each region, the steps in it.
    """

    op: Op
    before: Value
    after: Value
    inside: "tuple[tuple[_Step, ...], ...]" = ()


def _steps(block: Block, last: Value) -> tuple[Value, tuple[_Step, ...]]:
    """The steps in a block that lead to a value, in order, and the value that they begin with."""
    found: list[_Step] = []
    while last.op is not None and last.op.parent is block:
        step = _step(last.op, last)
        if step is None:
            break
        found.append(step)
        last = step.before
    return last, tuple(reversed(found))


def _step(op: Op, after: Value) -> _Step | None:
    if isinstance(op, tf.SliceUpdate) or type(op) in _COMBINES:
        return _Step(op, op.operands[0], after)
    if isinstance(op, tf.WhileLoop) and len(op.loop_vars) > 1:
        index, body = after.index, op.body.block
        first, steps = _steps(body, _yielded(body)[index])
        if first is body.arguments[index]:
            return _Step(op, op.loop_vars[index], after, ((), steps))
    if isinstance(op, tf.Cond) and len(op.results) > 1:
        blocks = op.true_fn.block, op.false_fn.block
        sides = [_steps(each, _yielded(each)[after.index]) for each in blocks]
        (first, ours), (other, theirs) = sides
        if first is other:
            return _Step(op, first, after, (ours, theirs))
    return None


def _yielded(block: Block) -> tuple[Value, ...]:
    end = block.terminator
    assert end is not None
    return end.operands


@dataclass
class _Copy:
    """A read of all of a state, for these uses of its value."""

    before: Op
    value: Value
    uses: list[tuple[Op, int]]


@dataclass
class _Plan:
    """How what needs values of a state gets them.

    Attributes:
        parts: parts that are read of the variable, and before which op.
        copies: all that is read.
        is_copied_in_a_loop: whether one of the copies is.
    """

    parts: list[tuple[Op, Part]] = field(default_factory=list[tuple[Op, Part]])
    copies: list[_Copy] = field(default_factory=list[_Copy])
    is_copied_in_a_loop: bool = False

    @property
    def copies_at_most_once(self) -> bool:
        """Whether it takes no longer than to read the state and to write it."""
        return len(self.copies) <= 1 and not self.is_copied_in_a_loop

    def add(
        self, block: Block, first: Value, steps: tuple[_Step, ...], end: int, loops: int = 0
    ) -> None:
        """Plan a block in which the state goes from its first value through these steps.

        Args:
            block: the block.
            first: the state's value at its beginning.
            steps: what changes it.
            end: which value that the block yields is the state's; -1 if it yields none.
            loops: how many loops are around the block.
        """
        order = {op: number for number, op in enumerate(block)}
        known = len(self.copies)
        values = [first, *(step.after for step in steps)]
        for value, step in zip(values, (*steps, None), strict=True):
            self._add_uses(_Span(block, order, step, end), value)
        self.is_copied_in_a_loop |= loops > 0 and len(self.copies) > known
        for step in steps:
            loop = isinstance(step.op, tf.WhileLoop)
            regions = step.op.all_regions() if step.inside else ()
            for number, (body, inner) in enumerate(zip(regions, step.inside, strict=True)):
                index = step.after.index
                start = body.block.arguments[index] if loop else step.before
                last = -1 if loop and number == 0 else index  # a condition yields no state
                self.add(body.block, start, inner, last, loops + loop)

    def _add_uses(self, span: "_Span", value: Value) -> None:
        whole: list[tuple[Op, int]] = []
        at = span.limit
        for user, index in value.uses:
            here = span.place(user)
            if here is None or span.leads_on(user, index):
                continue
            part = part_of(user, value)
            if part is not None and not span.is_late(part.op):
                self.parts.append((part.op, part))
            elif part is not None and span.step and span.are_known(part.needs):
                self.parts.append((span.step.op, part))
            else:
                whole.append((user, index))
                at = min(at, here)
        if whole:
            self.copies.append(_Copy(list(span.order)[at], value, whole))

    def apply(self, state: Value) -> None:
        """Read the variable where the plan says so."""
        for copy in self.copies:
            read = tf.ReadState(state, result_types=copy.value.type)
            read.location = copy.before.location
            _block(copy.before).insert(read, copy.before)
            for user, index in copy.uses:
                user.set_operand(index, read.result)
        for before, part in self.parts:
            value = part.read(state)
            adopt([value], _block(before), before, part.op.location)
            replace_op(part.op, [value], HoldStatesTf.name)


@dataclass(frozen=True)
class _Span:
    """While a state has one of its values in a block: until `step`, or else to the end.

    Attributes:
        block: the block.
        order: the positions of its ops.
        step: what makes the next value.
        end: which value that the block yields is the state's.
    """

    block: Block
    order: Mapping[Op, int]
    step: _Step | None
    end: int

    @property
    def limit(self) -> int:
        """The position of the step."""
        return len(self.order) if self.step is None else self.order[self.step.op]

    def place(self, op: Op) -> int | None:
        """Where an op, or the op around it, is in the block; None if it is elsewhere."""
        while op.parent is not self.block:
            around = op.parent.parent if op.parent is not None else None
            if around is None or not isinstance(around.parent, Op):
                return None
            op = around.parent
        return self.order[op]

    def leads_on(self, user: Op, index: int) -> bool:
        """Whether a use only hands the value on to the step, or out of the block."""
        if self.step is None:
            return user is self.block.terminator and index == self.end
        if isinstance(self.step.op, tf.Cond):  # its branches go on from this value
            return user is not self.step.op and self.place(user) == self.limit
        expected = self.step.after.index if isinstance(self.step.op, tf.WhileLoop) else 0
        return user is self.step.op and index == expected

    def is_late(self, op: Op) -> bool:
        """Whether an op runs when the state has another value already."""
        here = self.place(op)
        assert here is not None
        return here > self.limit or (here == self.limit and op.parent is not self.block)

    def are_known(self, values: tuple[Value, ...]) -> bool:
        """Whether values are there before the step."""
        places = [self.place(value.op) for value in values if value.op is not None]
        inner = any(value.block not in (None, self.block) for value in values)
        return not inner and all(place is None or place < self.limit for place in places)


def _block(op: Op) -> Block:
    assert op.parent is not None
    return op.parent


def _write(step: _Step, state: Value) -> None:
    """Let a step change the variable; nothing uses the value that it made any more."""
    op, index = step.op, step.after.index
    if not step.inside:
        block = _block(op)
        new = _written(op, state)
        new.location = op.location
        block.insert(new, op)
        op.erase()
        return
    for body, inner in zip(op.all_regions(), step.inside, strict=True):
        if not (isinstance(op, tf.WhileLoop) and body is op.cond):
            _without(body.block, index)
        for each in reversed(inner):
            _write(each, state)
        if isinstance(op, tf.WhileLoop):
            del body.block.arguments[index]
            for value in body.block.arguments[index:]:
                value.index -= 1
    kept = [value for value in op.results if value is not step.after]
    types = tuple(value.type for value in kept)
    if isinstance(op, tf.WhileLoop):
        new = replace(
            op,
            loop_vars=_others(op.loop_vars, index),
            shape_invariants=_others(op.shape_invariants, index),
            result_types=types,
        )
    else:
        new = replace(op, result_types=types)
    new.location = op.location
    _block(op).insert(new, op)
    for old, value in zip(kept, new.results, strict=True):
        old.replace_all_uses_with(value)
    op.erase()


def _written(op: Op, state: Value) -> Op:
    if isinstance(op, tf.SliceUpdate):
        return tf.WriteSlice(state, op.update, op.begin, op.strides, result_types=())
    _, indices, updates = op.operands
    return tf.ScatterState(state, indices, updates, _COMBINES[type(op)], result_types=())


def _without(block: Block, position: int) -> None:
    """Let a block yield one value less."""
    end = block.terminator
    assert end is not None
    new = type(end)(_others(end.operands, position))
    new.location = end.location
    block.insert(new, end)
    end.erase()


def _others(items: tuple[ItemT, ...], position: int) -> tuple[ItemT, ...]:
    return (*items[:position], *items[position + 1 :])
