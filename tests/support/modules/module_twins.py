"""Twins of modules: the same program with other names, in another order."""

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

import numpy as np
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.location import UNKNOWN
from cmlc.ir.rewrite import clone_module
from cmlc.ir.ssa import Block, Module, Op
from cmlc.ir.weights.resources import ArrayResource, Resource

Found = tuple[Module, dict[str, int]]


def data_of(resource: Resource, array: np.ndarray) -> Resource:
    return ArrayResource(array, resource.name)


def rename(module: Module, random: Random) -> Found:
    """Values, weights and the module have other names, ops other origins."""
    copy = clone_module(module)
    copy.name = "renamed"
    names = count(random.randrange(10**6))
    for function in copy.functions.values():
        for op in function.walk():
            op.location = UNKNOWN
            values = [*op.results, *(v for r in op.all_regions() for v in r.block.arguments)]
            for value in values:
                value.name = f"v{next(names)}"
            if isinstance(op, Constant) and op.value.type.is_static:
                data = data_of(op.value, op.value.array())
                data.name = f"w{next(names)}"
                op.attributes["value"] = data
    return copy, {}


def shuffle(module: Module, random: Random) -> Found:
    """Ops are in another order that is as good."""
    copy = clone_module(module)
    for function in copy.functions.values():
        _shuffle_block(function.block, random)
    return copy, {}


def _shuffle_block(block: Block, random: Random) -> None:
    ops = list(block)
    mine = {op: set[Op]() for op in ops}
    for op in ops:
        inner = [o for body in op.all_regions() for o in _walk(body.block)]
        for value in (v for each in (op, *inner) for v in each.operands):
            if value.op in mine and value.op is not op:
                mine[op].add(value.op)
        for body in op.all_regions():
            _shuffle_block(body.block, random)
    put(block, list(_random_order(ops, mine, random)))


def _random_order(ops: list[Op], needs: dict[Op, set[Op]], random: Random) -> Iterator[Op]:
    users: dict[Op, list[Op]] = {op: [] for op in ops}
    for op, needed in needs.items():
        for other in needed:
            users[other].append(op)
    missing = {op: len(needed) for op, needed in needs.items()}
    ready = [op for op in ops if not missing[op] and not op.is_terminator]
    while ready:
        op = ready.pop(random.randrange(len(ready)))
        yield op
        for user in users[op]:
            missing[user] -= 1
            if not missing[user] and not user.is_terminator:
                ready.append(user)
    yield ops[-1]


def put(block: Block, ops: list[Op]) -> None:
    """Link the block's ops in this order; nothing else changes."""
    block.first, block.last = ops[0], ops[-1]
    for before, after in zip([None, *ops], [*ops, None], strict=True):
        if before is not None:
            before.next = after
        if after is not None:
            after.previous = before


def _walk(block: Block) -> Iterator[Op]:
    for op in block:
        yield op
        for body in op.all_regions():
            yield from _walk(body.block)


NO_EDITS: dict[str, Callable[[Module, Random], Found]] = {"rename": rename, "shuffle": shuffle}
