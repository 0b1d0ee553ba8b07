"""Transposes that meet."""

from ....passes.patterns import Rewrite, pattern
from ..dialect import layers, ops


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


PATTERNS = (transposed_twice,)
