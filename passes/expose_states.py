"""Makes each state an argument and a result: callers keep its value, instead of the target."""

from dataclasses import dataclass, replace

from ..ir.ssa import Function, Module
from .manager import Instrumentation, Pass


@dataclass(frozen=True)
class ExposeStates(Pass):
    """Describe each state as an array: an optional argument, and the result of the same name.

    What a call returns under that name is what the next one has to be given. A first call may leave
    it out: states begin with zeros. The ops stay as they are, because functions of the IR take and
    return the values of states anyway. The module's `state_arguments` lists the names.
    """

    name = "expose-states"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        found = dict.fromkeys(module.attributes.get("state_arguments", ()))
        known = len(found)
        for function in module.functions.values():
            found |= dict.fromkeys(_expose(function))
        if len(found) > known:
            module.attributes["state_arguments"] = tuple(found)
        return len(found) > known


def _expose(function: Function) -> list[str]:
    """Describe a function's states as arrays; their names."""
    names: list[str] = []
    for position, known in enumerate(function.inputs):
        if known.kind == "state":
            names.append(function.arguments[position].name)
            function.inputs[position] = replace(known, kind="array", dtype=None, optional=True)
    for position, known in enumerate(function.outputs):
        if known.kind == "state":
            function.outputs[position] = replace(known, kind="array", dtype=None)
    return names
