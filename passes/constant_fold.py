"""Evaluates ops on constants at compile time, with the interpreter's own semantics."""

from dataclasses import dataclass

import numpy as np

from ..ir.dialects.builtin import Constant, constant
from ..ir.dialects.core import shape
from ..ir.dims import static_size
from ..ir.hooks import hook_of
from ..ir.ssa import Op, Value
from ..ir.types import Array
from ..ir.weights.resources import Resource, ViewResource
from .manager import PatternPass
from .patterns import Pattern, Rewrite, no, pattern


@pattern(shape.Transpose, shape.Reshape, shape.ExpandDims, shape.Squeeze)
def view_of_constant(op: Op) -> Rewrite:
    """transpose/reshape/expand_dims/squeeze(const) → const that views the same bytes."""
    source = op.operands[0].op
    if not isinstance(source, Constant) or not op.result.type.is_static:
        return None
    resource = source.value
    perm = op.perm if isinstance(op, shape.Transpose) else tuple(range(resource.type.rank))
    return view(resource, perm, op.result.type.static_shape)


def view(resource: Resource, perm: tuple[int, ...], sizes: tuple[int, ...]) -> Value:
    """A detached constant: the resource transposed by `perm`, then reshaped to `sizes`."""
    return constant(ViewResource(resource, perm, sizes), resource.name)


def fold_op(op: Op, limit: int) -> Rewrite:
    """op(const, …) → const, if no result is larger than the operands together or the limit."""
    if not op.operands or op.regions or op.effects() or op.is_terminator:
        return None
    producers = [value.op for value in op.operands]
    if not all(isinstance(producer, Constant) for producer in producers):
        return None
    evaluate = hook_of(op, "evaluate")
    if evaluate is None:
        return no("it has no reference semantics")
    resources = [p.value for p in producers if isinstance(p, Constant)]
    if any(resource.compressed for resource in resources):
        return no("it would decode weights that stay compressed")
    allowed = max(limit, sum(r.size for r in resources))
    for result in op.results:
        size = static_size(result.type.shape)
        if size is None:
            return no("its result has a symbolic shape")
        if size > allowed:
            return no(f"its result has {size} elements, more than {allowed}")
    arrays = op.grouped([resource.array() for resource in resources])
    try:
        with np.errstate(all="ignore"):
            results: Array | tuple[Array, ...] = evaluate(*arrays.values())
    except (IndexError, ValueError) as error:  # indices out of range and the like
        return no(f"it fails on its constants: {error}")
    if len(op.results) == 1 and not isinstance(results, tuple):
        return constant(np.asarray(results))
    return tuple(constant(np.asarray(array)) for array in results)


@dataclass(frozen=True)
class ConstantFold(PatternPass):
    """Replace ops on constants by their results.

    Options:
        limit: how many elements a result that is larger than its operands may have.
    """

    name = "constant-fold"

    limit: int = 65536

    def rules(self) -> tuple[Pattern, ...]:
        @pattern(Op)
        def fold_constant_operands(op: Op) -> Rewrite:
            """op(const, …) → const."""
            return fold_op(op, self.limit)

        return (view_of_constant, fold_constant_operands)
