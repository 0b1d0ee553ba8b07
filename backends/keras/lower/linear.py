"""Matrix products: dense layers if one factor is a weight."""

from ....ir.dialects.core import linear as core
from ....ir.dialects.core.broadcasting import broadcast_shapes
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers, ops
from .activation import multiplied
from .weights import is_weight, permuted

lower = Lowering()


@lower(core.Linear)
def linear(op: core.Linear) -> Value:
    """x @ weight^T + bias; a vector becomes a matrix of one row, because layers have a batch."""
    if op.x.type.rank > 1:
        return _of_rows(op)
    row = ops.ExpandDims(op.x, (0,), result_types=op.x.type.with_shape((1, *op.x.type.shape)))
    one = _of_rows(core.Linear(row.result, op.weight, op.bias))
    return ops.Squeeze(one, (0,), result_types=op.result.type).result


def _of_rows(op: core.Linear) -> Value:
    """Keras's kernel is [inputs, units]."""
    weights = (op.weight, op.bias) if op.bias is not None else (op.weight,)
    out = op.result.type
    if all(map(is_weight, weights)):
        return layers.Dense(
            op.x,
            permuted(op.weight, (1, 0)),
            units=op.weight.type.static_shape[0],
            bias=op.bias,
            use_bias=op.bias is not None,
            result_types=out,
        ).result
    product = ops.Matmul(op.x, turned(op.weight), result_types=out).result
    if op.bias is None:
        return product
    return ops.Add(product, op.bias, result_types=out).result


def turned(x: Value) -> Value:
    """The last two dimensions exchanged."""
    rank = x.type.rank
    return transposed(x, (*range(rank - 2), rank - 1, rank - 2))


def transposed(x: Value, axes: tuple[int, ...]) -> Value:
    """The dimensions in another order."""
    if is_weight(x):
        return permuted(x, axes)
    out = x.type.with_shape(tuple(x.type.shape[axis] for axis in axes))
    return ops.Transpose(x, axes, result_types=out).result


@lower(core.MatMul)
def matmul(op: core.MatMul) -> Value:
    """Transposes are calls of their own."""
    x = turned(op.x) if op.transpose_x else op.x
    y = turned(op.y) if op.transpose_y else op.y
    return ops.Matmul(x, y, result_types=op.result.type).result


@lower(core.Attention)
def attention(op: core.Attention) -> Value:
    """Keras's function if there are heads, which it has after the time; else spelled out."""
    query, key, value = op.query, op.key, op.value
    heads = query.type.shape[1:2] == key.type.shape[1:2] == value.type.shape[1:2]
    ranks = {v.type.rank for v in (query, key, value)}
    batch = query.type.shape[0] == key.type.shape[0] == value.type.shape[0]
    if ranks == {4} and heads and batch and (op.mask is None or op.mask.type.rank == 4):
        order = (0, 2, 1, 3)
        out = op.result.type
        found = ops.DotProductAttention(
            transposed(query, order),
            transposed(key, order),
            transposed(value, order),
            op.mask,
            scale=op.scale,
            result_types=out.with_shape(tuple(out.shape[axis] for axis in order)),
        ).result
        return transposed(found, order)
    return _attention_by_steps(op)


def _attention_by_steps(op: core.Attention) -> Value:
    batch = broadcast_shapes(op, op.query.type.shape[:-2], op.key.type.shape[:-2])
    kind = op.query.type.with_shape((*batch, op.query.type.shape[-2], op.key.type.shape[-2]))
    scores = ops.Matmul(op.query, turned(op.key), result_types=kind).result
    scores = multiplied(scores, op.scale)
    if op.mask is not None:
        scores = ops.Add(scores, op.mask, result_types=kind).result
    weights = layers.Softmax(scores, result_types=kind).result
    return ops.Matmul(weights, op.value, result_types=op.result.type).result
