"""Computes equal values once."""

from dataclasses import dataclass
from typing import Any

from ..ir.location import Location, fuse
from ..ir.ssa import Block, Module, Op
from ..ir.weights.resources import Resource
from .manager import Instrumentation, Pass


@dataclass(frozen=True)
class EliminateCommonSubexpressions(Pass):
    """Replace an op by an earlier one of the same kind, operands and attributes."""

    name = "cse"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        for function in module.functions.values():
            places: dict[Op, list[Location]] = {}
            changed |= _block(function.block, {}, places)
            for op, merged in places.items():  # once for each: thousands of constants may be equal
                op.location = fuse("cse", (op.location, *merged))
        return changed


def _block(block: Block, outer: dict[Any, Op], places: dict[Op, list[Location]]) -> bool:
    """Merge ops of a block that an earlier op in it, or in a block around it, computes.

    Args:
        block: the block.
        outer: the first op of each kind in the blocks around it.
        places: where what an op stands for came from; is added to.
    """
    known, changed = dict(outer), False
    for op in block:
        for body in op.all_regions():
            changed |= _block(body.block, known, places)
        if op.effects() or op.is_terminator or op.regions or not op.results:
            continue
        key = (type(op), tuple(map(id, op.operands)), _groups(op), _attributes(op))
        first = known.setdefault(key, op)
        if first is op or [v.type for v in first.results] != [v.type for v in op.results]:
            continue
        places.setdefault(first, []).append(op.location)
        for old, new in zip(op.results, first.results, strict=True):
            old.replace_all_uses_with(new)
        op.erase()
        changed = True
    return changed


def _groups(op: Op) -> tuple[int, ...]:
    """How the flat operands divide, so that `f(a, none, b)` differs from `f(a, b)`."""
    return tuple(len(op.values_of(item.name)) for item in op.spec.operands)


def _attributes(op: Op) -> tuple[Any, ...]:
    """Attribute values; data by what makes them the same."""
    values: list[Any] = list(op.attributes.values())
    return tuple(v.merge_key if isinstance(v, Resource) else v for v in values)
