"""Transposes of operands become flags of matrix products; products of nothing are sums."""

import numpy as np

from ...ir.dialects.builtin import constant
from ...ir.dialects.core import elementwise, reduce
from ...ir.dialects.core import linear as core
from ...ir.dialects.core.shape import Transpose
from ...ir.rewrite import replace
from ...ir.ssa import Value
from ..patterns import Rewrite, no, pattern


@pattern(core.MatMul)
def transposed_operand(op: core.MatMul) -> Rewrite:
    """matmul(transpose(x), y) → matmul(x, y) with the flag, where the last two dimensions swap."""
    changes: dict[str, object] = {}
    moved = False
    for name, value in (("x", op.x), ("y", op.y)):
        source = value.op
        if not isinstance(source, Transpose):
            continue
        moved = True
        if _swaps_matrices(source.perm, value):
            flag = f"transpose_{name}"
            changes |= {name: source.x, flag: not op.attributes[flag]}
    if moved and not changes:
        return no("the transpose moves other dimensions than the last two")
    return replace(op, **changes).result if changes else None


def _swaps_matrices(perm: tuple[int, ...], value: Value) -> bool:
    rank = value.type.rank
    return perm == (*range(rank - 2), rank - 1, rank - 2)


@pattern(core.Linear)
def linear_of_nothing(op: core.Linear) -> Rewrite:
    """linear(x, w, b) → sum(x) + b, where rows have no numbers, so that the sum is 0.

    TensorFlow 2.21 leaves the bias out of such a product when it fuses the two.
    """
    outputs, inputs = op.weight.type.shape
    if inputs != 0 or not isinstance(outputs, int):
        return None
    zero = reduce.ReduceSum(op.x, axes=(op.x.type.rank - 1,), keep_dims=True).result
    bias = op.bias
    if bias is None:
        bias = constant(np.zeros(outputs, op.x.type.dtype.numpy))
    return elementwise.Add(zero, bias).result


PATTERNS = (transposed_operand, linear_of_nothing)
