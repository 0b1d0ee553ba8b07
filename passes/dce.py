"""Removes ops that nothing uses."""

from dataclasses import dataclass

from ..ir.rewrite import is_dead
from ..ir.ssa import Block, Module
from .manager import Instrumentation, Pass


@dataclass(frozen=True)
class EliminateDeadCode(Pass):
    """Erase ops without side effects whose results are unused."""

    name = "dce"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        for function in module.functions.values():
            changed |= _sweep(function.block)
        return changed


def _sweep(block: Block) -> bool:
    changed = False
    # Backwards: a user goes before its producers, so one sweep is enough.
    for op in block.reversed():
        for body in op.all_regions():
            changed |= _sweep(body.block)
        if is_dead(op):
            op.erase()
            changed = True
    return changed
