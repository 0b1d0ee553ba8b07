"""Edits of modules, one at a time, as people and passes make them: what a comparison must find.

Each takes a module and a source of chance, changes a copy, and gives it with the edits that a
comparison shall report (how many of each kind); None where the module has nothing to edit so.
"""

import dataclasses
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
from cmlc.ir.attributes import PadType
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import Call, Constant, Return
from cmlc.ir.dialects.core import activation, elementwise
from cmlc.ir.interface import Result
from cmlc.ir.rewrite import clone_module
from cmlc.ir.ssa import Function, Module, Op, Value
from cmlc.ir.types import DType
from cmlc.ir.values import propagate_types
from cmlc.ir.verify import verify
from cmlc.ir.weights.resources import Resource
from support.modules.module_twins import Found, data_of, put, rename, shuffle

_TRIES = 12


def _ops(module: Module, random: Random) -> list[Op]:
    """Ops of the main function that can be edited, in random order; not constants."""
    found = [op for op in module.main.block if not isinstance(op, Constant | Return)]
    random.shuffle(found)
    return found


def _try(module: Module, random: Random, edit: Callable[[Op], bool]) -> Module | None:
    """A copy in which one op is edited such that types still fit; None if there is none.

    An edit that returns False has changed nothing.
    """
    order = list(range(len(list(module.main.block))))
    random.shuffle(order)
    copy, ops, tries = None, list[Op](), 0
    for number in order:
        if copy is None:  # the last one broke
            copy = clone_module(module)
            ops = list(copy.main.block)
        if isinstance(ops[number], Constant | Return):
            continue
        try:
            if edit(ops[number]):
                verify(copy)
                return copy
        except CompileError:
            copy, tries = None, tries + 1
        if tries > _TRIES:
            return None
    return None


def change_stride(module: Module, random: Random) -> Found | None:
    """A window moves by other steps; shapes follow."""

    def edit(op: Op) -> bool:
        strides = op.attributes.get("strides")
        if not strides or op.attributes.get("pad_type") is PadType.VALID:
            return False
        op.attributes["strides"] = tuple(3 - s if s < 3 else s - 1 for s in strides)
        propagate_types([op])
        return True

    copy = _try(module, random, edit)
    return copy and (copy, {"attribute": 1})


def change_attribute(module: Module, random: Random) -> Found | None:
    """A number of an op is another one; shapes stay."""

    def edit(op: Op) -> bool:
        names = [n for n, v in op.attributes.items() if isinstance(v, float) and abs(v) < 1e6]
        if not names:
            return False
        op.attributes[names[0]] += 0.125
        return True

    copy = _try(module, random, edit)
    return copy and (copy, {"attribute": 1})


def _weights(module: Module, least: int = 1) -> list[Constant]:
    return [
        op
        for op in module.walk()
        if isinstance(op, Constant)
        and op.value.size >= least
        and op.value.type.dtype.is_float
        and op.result.use_count
    ]


def change_weight(module: Module, random: Random) -> Found | None:
    """One element of a weight is another number; infinities would stay what they are."""
    copy = clone_module(module)
    weights = [op for op in _weights(copy) if np.isfinite(op.value.array()).all()]
    if not weights:
        return None
    op = random.choice(weights)
    same = [w for w in weights if w.value == op.value]  # constants of equal contents are one
    array = op.value.array().copy()
    array.reshape(-1)[random.randrange(array.size)] += np.asarray(0.5, array.dtype)
    for each in same:
        each.attributes["value"] = data_of(op.value, array)
    return copy, {"weight": 1}


def fine_tune(module: Module, random: Random) -> Found | None:
    """All large weights are other numbers."""
    copy = clone_module(module)
    changed: dict[Resource, Resource] = {}
    generator = np.random.default_rng(random.randrange(1000))
    for op in _weights(copy, 32):
        if op.value not in changed:
            array = op.value.array()
            noise = generator.normal(0, 0.01, array.shape).astype(array.dtype)
            changed[op.value] = data_of(op.value, array + noise)
        op.attributes["value"] = changed[op.value]
    return (copy, {"weight": len(changed)}) if changed else None


def drop(module: Module, random: Random) -> Found | None:
    """An op that keeps its operand's type is gone."""

    def edit(op: Op) -> bool:
        given = [v for v in op.operands if not isinstance(v.op, Constant)]
        fits = len(given) == 1 and len(op.results) == 1 and given[0].type == op.results[0].type
        if not fits or op.effects() or not op.results[0].use_count:
            return False
        op.results[0].replace_all_uses_with(given[0])
        constants = {v.op for v in op.operands if isinstance(v.op, Constant)}
        op.erase()
        for each in constants:
            if not each.result.use_count:
                each.erase()
        return True

    copy = _try(module, random, edit)
    return copy and (copy, {"removed": 1})


def _after(value: Value, *ops: Op) -> None:
    """Put ops that need the value between it and its users; the last one's result is given."""
    users = value.uses
    (block,) = {user.parent for user, _ in users}
    assert block is not None
    before = value.op.next if value.op is not None else block.first
    for op in ops:
        block.insert(op, before)
    for user, index in users:
        user.set_operand(index, ops[-1].results[0])


def _floats(module: Module, random: Random) -> list[Value]:
    return [
        op.results[0]
        for op in _ops(module, random)
        if len(op.results) == 1
        and op.results[0].type.dtype is DType.F32
        and {user.parent for user in op.results[0].users} == {op.parent}
    ]


def insert(module: Module, random: Random) -> Found | None:
    """An op is between a value and all its users."""
    copy = clone_module(module)
    values = _floats(copy, random)
    if not values:
        return None
    _after(values[0], activation.Softsign(values[0]))
    return copy, {"added": 1}


def insert_casts(module: Module, random: Random) -> Found | None:
    """A value is rounded to half precision: two casts."""
    copy = clone_module(module)
    values = _floats(copy, random)
    if not values:
        return None
    half = elementwise.Cast(values[0], DType.F16)
    _after(values[0], half, elementwise.Cast(half.result, DType.F32))
    return copy, {"added": 2}


def replace(module: Module, random: Random) -> Found | None:
    """An activation is another one."""

    def edit(op: Op) -> bool:
        if not isinstance(op, activation.Relu):
            return False
        other = activation.Softsign(op.x)
        assert op.parent is not None
        op.parent.insert(other, op)
        op.result.replace_all_uses_with(other.result)
        op.erase()
        return True

    copy = _try(module, random, edit)
    return copy and (copy, {"replaced": 1})


def swap_operands(module: Module, random: Random) -> Found | None:
    """Two operands change places."""

    def edit(op: Op) -> bool:
        if len(op.operands) < 2:
            return False
        first, second = op.operands[:2]
        alike = first.op is not None and second.op is not None and first.op.name == second.op.name
        if first.type != second.type or first is second or (alike and not op.is_commutative):
            return False
        if isinstance(first.op, Constant) and isinstance(second.op, Constant):
            return False
        op.set_operand(0, second)
        op.set_operand(1, first)
        return True

    copy = _try(module, random, edit)
    return copy and (copy, {"operands": 1})


def move(module: Module, random: Random) -> Found | None:
    """Two ops in a row, of different kinds and each with one user, change places."""

    def edit(op: Op) -> bool:
        before = op.operands[0].op if op.operands else None
        if before is None or before.parent is not op.parent or len(before.operands) != 1:
            return False
        if len(op.operands) != 1 or before.name == op.name or not before.results[0].has_one_use:
            return False
        source = before.operands[0]
        if not (before.is_elementwise or op.is_elementwise) or not op.results[0].use_count:
            return False
        if source.type.dtype != op.results[0].type.dtype:
            return False
        for user, index in op.results[0].uses:
            user.set_operand(index, before.results[0])
        op.set_operand(0, source)
        before.set_operand(0, op.results[0])
        assert op.parent is not None
        block = op.parent
        order = [o for o in block if o is not op]
        order.insert(order.index(before), op)
        put(block, order)
        op.refresh_types()
        propagate_types([before])
        return True

    copy = _try(module, random, edit)
    return copy and (copy, {"moved": 1})


def rename_input(module: Module, random: Random) -> Found | None:
    """An input has another name."""
    copy = clone_module(module)
    if not copy.main.arguments:
        return None
    random.choice(copy.main.arguments).name += "_renamed"
    return copy, {"interface": 1}


def rename_output(module: Module, random: Random) -> Found | None:
    """An output has another name."""
    copy = clone_module(module)
    names = copy.main.result_names
    if not names:
        return None
    number = random.randrange(len(names))
    old, names[number] = names[number], names[number] + "_renamed"
    classifier = copy.main.classifier
    predicted = ("predicted_feature", "predicted_probabilities")
    renamed = {field: names[number] for field in predicted if getattr(classifier, field) == old}
    copy.main.classifier = dataclasses.replace(classifier, **renamed)
    return copy, {"interface": 1}


def split(module: Module, random: Random) -> Found | None:
    """The rest of a function is another one, which it calls."""
    copy = clone_module(module)
    ops = [op for op in copy.main.block if not isinstance(op, Constant)]
    cuts = list(_cuts(ops))
    if not cuts:
        return None
    number, live = random.choice(cuts)
    part = Function("part", [live.type], ["x"])
    results = copy.main.results
    part.result_names = [f"y{i}" for i in range(len(results))]
    part.outputs = [Result() for _ in results]
    ops[-1].erase()
    _take_over(part, ops[number + 1 : -1], live)
    part.block.insert(Return(results))
    call = Call.to(part, live)
    copy.main.block.insert(call)
    copy.main.block.insert(Return(call.results))
    copy.functions["part"] = part
    return copy, {"function": 1}


def _take_over(part: Function, ops: list[Op], live: Value) -> None:
    """Move ops into a function whose argument takes the place of a value; constants are copied."""
    twins: dict[Value, Value] = {live: part.arguments[0]}
    needed = dict.fromkeys(v for op in ops for v in op.operands if isinstance(v.op, Constant))
    for value in needed:
        twin = Constant(value.op.value)
        part.block.insert(twin)
        twins[value] = twin.result
    for op in ops:
        for index, value in enumerate(op.operands):
            op.set_operand(index, twins.get(value, value))
    for op in ops:
        op.detach()
        part.block.insert(op)
    for value in needed:
        if not value.use_count:
            value.op.erase()


def _cuts(ops: list[Op]) -> Iterator[tuple[int, Value]]:
    """(number of the last op before a cut, the only value that is needed after it)."""
    at = {op: i for i, op in enumerate(ops)}
    ends: dict[Value, int] = {}
    for i, op in enumerate(ops):
        ends |= {value: i for value in op.operands if not isinstance(value.op, Constant)}
    if any(op.all_regions() for op in ops):
        return
    open_values: set[Value] = {v for v in ends if v.op is None}
    for i, op in enumerate(ops[:-2]):
        open_values |= {v for v in op.results if v in ends}
        open_values = {v for v in open_values if ends[v] > i}
        only = next(iter(open_values)) if len(open_values) == 1 else None
        if only is not None and only.op in at and ends[only] < len(ops) - 1:
            yield i, only


EDITS: dict[str, Callable[[Module, Random], Found | None]] = {
    "change a stride": change_stride,
    "change a number": change_attribute,
    "change a weight": change_weight,
    "fine-tune": fine_tune,
    "drop an op": drop,
    "insert an op": insert,
    "insert casts": insert_casts,
    "replace an op": replace,
    "swap operands": swap_operands,
    "move an op": move,
    "rename an input": rename_input,
    "rename an output": rename_output,
    "split a function": split,
}


def both(module: Module, random: Random, edit: Any) -> Found | None:
    """An edit of a module that is renamed and shuffled as well."""
    found = edit(module, random)
    if found is None:
        return None
    changed, expected = found
    return shuffle(rename(changed, random)[0], random)[0], expected
