"""The law of `dynamic-batch`: a batch of two is two batches of one."""

from dataclasses import dataclass
from random import Random

import numpy as np
from cmlc.ir.dialects.builtin import Constant, Return, constant
from cmlc.ir.dialects.core.shape import Reshape, Squeeze, Transpose
from cmlc.ir.interface import Argument, Result
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import adopt
from cmlc.ir.ssa import Function, Module, Op, Value
from cmlc.ir.types import Array
from support.modules.generation import free_values, module_of
from support.modules.permutation import assert_same

ENTRIES = 2


@dataclass
class Batch:
    """A function on one entry, and inputs of several entries: of each its own."""

    module: Module
    entries: tuple[dict[str, Array], ...]

    @property
    def reaches_op(self) -> bool:
        """Whether an operand has the batch."""
        return len(self.entries[0]) > 1

    def joined(self) -> dict[str, Array]:
        """The inputs of all entries, as one batch; those that have none are the first entry's."""
        found: dict[str, Array] = {}
        arguments = self.module.main.arguments
        for value in arguments:
            arrays = [entry[value.name] for entry in self.entries]
            if not any(map(_has_one, arguments)):
                found[value.name] = np.stack(arrays)
            else:
                found[value.name] = np.concatenate(arrays) if _has_one(value) else arrays[0]
        return found


def _has_one(value: Value) -> bool:
    return value.type.shape[:1] == (1,)


def entries_of(module: Module, count: int) -> Batch:
    """Random entries; beside a batch of one, arguments that have none are the same for all."""
    drawn = [random_inputs(module.main, seed) for seed in range(count)]
    arguments = module.main.arguments
    for value in arguments:
        if any(map(_has_one, arguments)) and not _has_one(value):
            for entry in drawn:
                entry[value.name] = drawn[0][value.name]
    return Batch(module, tuple(drawn))


def batch_of(op: Op, random: Random) -> Batch:
    """A module that computes the op on one entry, with the batch in a random place of operands.

    Arguments have it in front. From there a transpose, a squeeze or a reshape takes it to a
    dimension of 1, out of all dimensions, or into one. Operands without a batch are constants. One
    more argument goes straight to a result.
    """
    module = module_of(op)
    function = module.main
    leaves = [v for v in free_values(op) if v.block is not None or isinstance(v.op, Constant)]
    leaves = list(dict.fromkeys(leaves))
    data = [dict(zip(leaves, _arrays(leaves, seed, op), strict=True)) for seed in range(ENTRIES)]
    carried = _carried(leaves, random)
    function.arguments.clear()
    entries: tuple[dict[str, Array], ...] = tuple({} for _ in data)
    for value in leaves:
        if value not in carried:
            _replaced(function, value, constant(data[0][value]))
            continue
        shape, new = _argument(function, value, random)
        for inputs, arrays in zip(entries, data, strict=True):
            inputs[new.name] = arrays[value].reshape(shape)
    bystander = _new(function, constant(np.float32([0])), (1,))
    for number, inputs in enumerate(entries):
        inputs[bystander.name] = np.float32([number])
    results = (*function.results, bystander)
    assert function.block.terminator is not None
    function.block.terminator.detach()
    function.block.insert(Return(results))
    function.inputs = [Argument("array") for _ in function.arguments]
    function.outputs = [Result("array") for _ in function.results]
    function.result_names = [f"y{i}" for i in range(len(function.results))]
    return Batch(module, entries)


def _carried(leaves: list[Value], random: Random) -> list[Value]:
    """Which of them are each entry's own; mostly one argument, seldom what the op is told."""
    arguments = [value for value in leaves if value.op is None]
    if not arguments or random.random() < 0.1:
        return random.sample(leaves, random.randint(0, len(leaves)))
    return random.sample(arguments, random.choice((1, 1, random.randint(1, len(arguments)))))


def _arrays(leaves: list[Value], seed: int, op: Op) -> list[Array]:
    """Numbers for one entry; constants, which fit the op, in another order."""
    arguments = [value for value in leaves if value.op is None]
    stand_in = Function("f", [v.type for v in arguments], [str(i) for i in range(len(arguments))])
    drawn = dict(zip(arguments, random_inputs(stand_in, seed).values(), strict=True))
    for value in leaves:
        if isinstance(value.op, Constant):
            array = value.op.value.array()
            turns = seed and (array.ndim > 1 or (array.ndim and not op.name.endswith("_nd")))
            drawn[value] = np.flip(array, 0) if turns else array
    return [drawn[value] for value in leaves]


def _argument(function: Function, value: Value, random: Random) -> tuple[tuple[int, ...], Value]:
    """Put a new argument [1, …] in place of a value; its shape, and itself."""
    sizes = value.type.static_shape
    units = [axis for axis, size in enumerate(sizes) if size == 1]
    if units and random.random() < 0.5:
        axis = random.choice(units)
        new = _new(function, value, (1, *sizes[:axis], *sizes[axis + 1 :]))
        order = (*range(1, axis + 1), 0, *range(axis + 1, len(sizes)))
        found = Transpose(new, order).result
    elif random.random() < 0.5:
        new = _new(function, value, (1, *sizes))
        found = Squeeze(new, (0,)).result
    else:
        new = _new(function, value, (1, *sizes))
        axis = random.randint(0, len(sizes))
        order = (*range(1, axis + 1), 0, *range(axis + 1, len(sizes) + 1))
        found = Reshape(Transpose(new, order).result, sizes).result
    _replaced(function, value, found)
    return new.type.static_shape, new


def _new(function: Function, value: Value, sizes: tuple[int, ...]) -> Value:
    block, count = function.block, len(function.arguments)
    new = Value(value.type.with_shape(sizes), count, f"x{count}", block=block)
    function.arguments.append(new)
    return new


def _replaced(function: Function, old: Value, new: Value) -> None:
    adopt([new], function.block, function.block.first)
    old.replace_all_uses_with(new)
    if isinstance(old.op, Constant):
        old.op.erase()


def assert_law(batch: Batch, opened: Module) -> None:
    """Results for all entries together are those of each alone."""
    alone = [run(batch.module, inputs) for inputs in batch.entries]
    together = run(opened, batch.joined())
    function = batch.module.main
    for value, name in zip(function.results, function.result_names, strict=True):
        rows = [found[name] if _has_one(value) else found[name][None] for found in alone]
        assert_same(together[name], np.concatenate(rows))
