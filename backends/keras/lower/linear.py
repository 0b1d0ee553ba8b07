"""Matrix products: dense layers if one factor is a weight."""

from ....ir.dialects.core import linear as core
from ....ir.dialects.core.broadcasting import broadcast_shapes
from ....ir.dims import product
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers, ops
from .activation import multiplied
from .masks import mask_of
from .shape import reshaped_to
from .weights import is_weight, permuted, reshaped

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
    """Keras's function, which has heads after the time; if batches or depths differ, its steps."""
    parts, rank = (op.query, op.key, op.value), op.query.type.rank
    alike = len({value.type.shape[:-2] for value in parts}) == 1
    # Keras 3.15 infers the shape of the query for the result.
    alike = alike and op.value.type.shape[-1] == op.query.type.shape[-1]
    if alike and rank > 4 and (flat := _with_one_batch(op)) is not None:
        return reshaped_to(attention(flat), op.result.type.shape)
    if not alike or rank not in (3, 4):
        return _attention_by_steps(op)
    # Where the mask lacks a dimension: that of the heads, or of the batch if the first dimension
    # was brought to the front, as one does with heads.
    added = () if rank == 4 else (0,) if any(map(_is_turned, parts)) else (1,)
    order = (0, 2, 1, 3)
    wide = [transposed(_expanded(value, added), order) for value in parts]
    mask = op.mask
    if mask is not None:
        mask = _expanded(_expanded(mask, tuple(range(rank - mask.type.rank))), added)
    kind = wide[0].type.with_shape((*wide[0].type.shape[:-1], op.result.type.shape[-1]))
    known = mask_of(mask)
    found = ops.DotProductAttention(
        *wide,
        bias=known.bias,
        mask=known.mask,
        is_causal=known.is_causal,
        scale=op.scale,
        result_types=kind,
    ).result
    found = transposed(found, order)
    if not added:
        return found
    return ops.Squeeze(found, added, result_types=op.result.type).result


def _with_one_batch(op: core.Attention) -> core.Attention | None:
    """The same of [batch, heads, time, depth]; None if the mask repeats some of the batches."""
    lead = op.query.type.shape[:-3]
    mask, outer = op.mask, () if op.mask is None else op.mask.type.shape[:-3]
    if not set(outer) <= {1} and outer != lead:
        return None
    query, key, value = (
        reshaped_to(part, (product(lead), *part.type.shape[-3:]))
        for part in (op.query, op.key, op.value)
    )
    if mask is not None and outer:
        mask = reshaped_to(mask, (product(outer), *mask.type.shape[-3:]))
    return core.Attention(query, key, value, mask, scale=op.scale)


def _is_turned(x: Value) -> bool:
    return isinstance(x.op, ops.Transpose) and x.op.axes == (1, 0, 2)


def _expanded(x: Value, axes: tuple[int, ...]) -> Value:
    """With dimensions of 1 at these axes."""
    if not axes:
        return x
    shape = list(x.type.shape)
    for axis in axes:
        shape.insert(axis, 1)
    if is_weight(x):
        return reshaped(x, tuple(dim for dim in shape if isinstance(dim, int)))
    return ops.ExpandDims(x, axes, result_types=x.type.with_shape(shape)).result


def _attention_by_steps(op: core.Attention) -> Value:
    batch = broadcast_shapes(op, op.query.type.shape[:-2], op.key.type.shape[:-2])
    kind = op.query.type.with_shape((*batch, op.query.type.shape[-2], op.key.type.shape[-2]))
    scores = ops.Matmul(op.query, turned(op.key), result_types=kind).result
    scores = multiplied(scores, op.scale)
    if op.mask is not None:
        scores = ops.Add(scores, op.mask, result_types=kind).result
    weights = layers.Softmax(scores, result_types=kind).result
    return ops.Matmul(weights, op.value, result_types=op.result.type).result
