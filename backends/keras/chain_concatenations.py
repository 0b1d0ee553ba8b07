"""Joins what has been joined before: concatenations that grow, one value at a time."""

from collections.abc import Hashable
from dataclasses import dataclass

from ...ir.rewrite import replace, replace_op
from ...ir.ssa import Module, Value
from ...passes.manager import Instrumentation, Pass
from .dialect import layers, ops


@dataclass(frozen=True)
class ChainConcatenationsKeras(Pass):
    """Join to what has been joined before: concat(a, b, c) is concat(concat(a, b), c).

    Dense blocks (DenseNet) join all earlier features in each layer. Written as a chain, all their
    layers are the same code: each adds its features to its input.

    Example:
        cmlc-opt m.cmir --passes=chain-concatenations-keras
    """

    name = "chain-concatenations-keras"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        joined: dict[Hashable, Value] = {}
        for op in list(module.walk()):
            if not isinstance(op, layers.Concatenate | ops.Concatenate):
                continue
            values, (result,) = op.operands, op.results
            place = (op.parent, op.axis % result.type.rank)
            found = ((n, joined.get((*place, values[:n]))) for n in range(len(values) - 1, 1, -1))
            length, before = next(((n, value) for n, value in found if value), (0, None))
            if before is not None:
                name = "inputs" if isinstance(op, layers.Concatenate) else "xs"
                result = replace(op, **{name: (before, *values[length:])}).result
                replace_op(op, [result], self.name)
                changed = True
            joined.setdefault((*place, values), result)
        return changed
