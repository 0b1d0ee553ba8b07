"""Transposes that meet."""

from ....ir.rewrite import replace
from ....ir.ssa import Op
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..dialect.base import MADE_FLOAT32


@pattern(ops.Transpose, layers.Permute)
def transposed_twice(op: ops.Transpose | layers.Permute) -> Rewrite:
    """transpose(transpose(x)) → one transpose, or x."""
    inner = op.operands[0].op
    if not isinstance(inner, ops.Transpose | layers.Permute):
        return None
    first, second = _order(inner), _order(op)
    order = tuple(first[axis] for axis in second)
    x, out = inner.operands[0], op.results[0].type
    if order == tuple(range(len(order))):
        return x
    if order[0] == 0 and out.dtype not in MADE_FLOAT32:
        return layers.Permute(x, order[1:], result_types=out).result
    return ops.Transpose(x, order, result_types=out).result


def _order(op: ops.Transpose | layers.Permute) -> tuple[int, ...]:
    return op.axes if isinstance(op, ops.Transpose) else (0, *op.dims)


@pattern(layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Activation)
def activation_before_reshape(op: Op) -> Rewrite:
    """activation(reshape(x)) → reshape(activation(x)), where it can become a part of a layer."""
    moved = op.operands[0].op
    if not isinstance(moved, layers.Reshape | layers.Permute | layers.Flatten):
        return None
    if not moved.result.has_one_use:
        return no("the reshaped value is used without the activation, too")
    first = replace(op, inputs=moved.inputs, result_types=moved.inputs.type)
    return replace(moved, inputs=first.results[0]).result


PATTERNS = (
    transposed_twice,
    activation_before_reshape,
)
