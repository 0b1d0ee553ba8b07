"""Removes functions that nobody can run."""

from dataclasses import dataclass

from ..ir.calls import reached
from ..ir.ssa import Module
from .manager import Instrumentation, Pass


@dataclass(frozen=True)
class EraseUncalledFunctions(Pass):
    """Erase private functions that no public one calls, directly or indirectly."""

    name = "symbol-dce"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        wanted = set(reached(module, module.public_functions))
        kept = {name: function for name, function in module.functions.items() if name in wanted}
        changed = len(kept) < len(module.functions)
        module.functions = kept
        return changed
