"""Raises matrix products with weights, and attention."""

from ...ir.dialects.builtin import Constant
from ...ir.dialects.core import elementwise
from ...ir.dialects.core import linear as core
from ...ir.dialects.core.activation import Softmax
from ...ir.ssa import Value
from ..constant_fold import view
from ..patterns import Rewrite, no, pattern
from .chains import if_private, number_of


@pattern(core.MatMul)
def linear_by_matmul(op: core.MatMul) -> Rewrite:
    """matmul(x, weights) → linear(x, weights), where weights are one constant matrix."""
    source = op.y.op
    if not isinstance(source, Constant):
        return None
    if op.y.type.rank != 2:
        return no("there is one matrix for each entry of a batch")
    if not op.x.type.dtype.is_float:
        return no("linear multiplies only floats")
    if op.transpose_x:
        return no("x is transposed")
    rows, columns = op.y.type.static_shape
    # A view now, not an op that is folded later: passes in between look for constant weights.
    weight = op.y if op.transpose_y else view(source.value, (1, 0), (columns, rows))
    return core.Linear(op.x, weight).result


@pattern(core.MatMul)
def attention_by_matmuls(op: core.MatMul) -> Rewrite:
    """matmul(softmax(matmul(q, k^T) * scale + mask), v) → attention(q, k, v, mask)."""
    if not isinstance(op.x.op, Softmax):
        return None
    weights = op.x.op
    if op.transpose_x or op.transpose_y:
        return no("the weights or the values are transposed")
    if weights.axis not in (-1, weights.x.type.rank - 1):
        return no("the softmax is not over the keys")
    for scores, mask in _masked(weights.x):
        product, scale = _scaled(scores)
        if not isinstance(product.op, core.MatMul) or product.op.transpose_x:
            continue
        if not product.op.transpose_y:
            return no("the keys are not transposed")
        query, key = product.op.x, product.op.y
        inputs = [query, key, op.y, *([mask] if mask else [])]
        found = core.Attention(query, key, op.y, mask, scale=scale)
        return if_private(op, inputs, found.result)
    return no("the softmax is not of scores")


def _masked(value: Value) -> list[tuple[Value, Value | None]]:
    """(scores, mask) for each way to read the sum; the mask doesn't broadcast the scores."""
    found: list[tuple[Value, Value | None]] = [(value, None)]
    match value.op:
        case elementwise.Add(x, y):
            pairs = ((x, y), (y, x))
            found += [(a, b) for a, b in pairs if a.type == value.type]
        case _:
            pass
    return found


def _scaled(value: Value) -> tuple[Value, float]:
    """(x, c) of x * c; c is 1 if nothing is multiplied."""
    match value.op:
        case elementwise.Mul(x, y) if (number := number_of(y)) is not None and x.type == value.type:
            return x, number
        case _:
            return value, 1.0


PATTERNS = (linear_by_matmul, attention_by_matmuls)
