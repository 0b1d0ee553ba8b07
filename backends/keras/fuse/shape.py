"""Transposes that meet, and shapes that say nothing."""

from ....ir.dialects.builtin import array_of, constant
from ....ir.rewrite import replace
from ....ir.ssa import Op
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..dialect.math import Binary


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
    if order[0] == 0:
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


@pattern(Binary)
def number_in_dimensions(op: Binary) -> Rewrite:
    """x * [[number]] → x * number, where the dimensions add none to x."""
    for name, other in (("x2", op.x1), ("x1", op.x2)):
        array = array_of(getattr(op, name))
        if array is None or array.size != 1 or not 0 < array.ndim <= other.type.rank:
            continue
        return replace(op, **{name: constant(array.reshape(()))}).result
    return None


PATTERNS = (
    number_in_dimensions,
    transposed_twice,
    activation_before_reshape,
)
