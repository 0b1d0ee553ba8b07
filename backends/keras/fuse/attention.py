"""Attention: scales, masks, and layers that make queries, keys and values themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant, splat_of
from ....ir.dims import Dim
from ....ir.rewrite import replace
from ....ir.ssa import Op, Value
from ....ir.types import Array
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.shape import reshaped_to
from ..lower.weights import is_weight, origin_of, reshaped
from .shape import order_of, transposed
from .views import Pieces, View, arranged, places, rearranged, rows_of, view_of


@pattern(ops.DotProductAttention)
def scale_into_attention(op: ops.DotProductAttention) -> Rewrite:
    """attention(q * s, k, v) → attention(q, k, v, scale=s), also where it is split."""
    for name in ("query", "key"):
        value = op.query if name == "query" else op.key
        found = _without_factor(value)
        if found is not None:
            plain, number = found
            scale = (_usual_scale(op) if op.scale is None else op.scale) * number
            return replace(op, scale=scale, **{name: plain}).result
    return None


@pattern(ops.Matmul)
def attention_by_steps(op: ops.Matmul) -> Rewrite:
    """softmax(q @ k^T * scale + b + c) @ v → attention(q, k, v, bias=b + c), for constants b, c.

    Also v^T @ softmax(…)^T, where heads are channels of an image.
    """
    found = _weighted(op)
    if found is None:
        return None
    weights, value, inside = found
    scores, biases, scale = weights.inputs, list[Value](), 1.0
    if weights.axis not in (-1, scores.type.rank - 1):
        return None
    while (
        isinstance(scores.op, ops.Add)
        and is_weight(scores.op.x2)
        and scores.op.x1.type == scores.type
    ):
        inside.append(scores)
        biases.append(scores.op.x2)
        scores = scores.op.x1
    if isinstance(scores.op, ops.Multiply) and (number := _number_of(scores.op.x2)) is not None:
        inside.append(scores)
        scores, scale = scores.op.x1, number
    match scores.op:
        case ops.Matmul(query, key):
            inside.append(scores)
        case _:
            return no("the softmax is not of scores")
    leading = {part.type.shape[:-2] for part in (query, key, value, scores)}
    if len(leading) != 1 or scores.type.rank != 4:
        return no("the batches broadcast, or there are no heads")
    if not all(part.has_one_use for part in inside):
        return no("something in between has another user")
    if value.type.shape[-1 if value is op.x2 else -2] != query.type.shape[-1]:
        return no("Keras 3.15 infers another shape if the values have another depth")
    # v @ p^T is (p @ v^T)^T.
    taken, given = ((0, 2, 1, 3),) * 2 if value is op.x2 else ((0, 3, 1, 2), (0, 2, 3, 1))
    parts = [transposed(query, (0, 2, 1, 3)), transposed(key, (0, 3, 1, 2))]
    parts.append(transposed(value, taken))
    kind = parts[0].type.with_shape((*parts[0].type.shape[:-1], parts[2].type.shape[-1]))
    bias = _sum(biases, scores)
    found = ops.DotProductAttention(*parts, bias=bias, scale=scale, result_types=kind)
    return transposed(found.result, given)


def _weighted(op: ops.Matmul) -> tuple[layers.Softmax, Value, list[Value]] | None:
    """(the weights, the values, what is in between) of weights @ v, or v @ weights^T."""
    if isinstance(op.x1.op, layers.Softmax):
        return op.x1.op, op.x2, [op.x1]
    match op.x2.op:
        case (ops.Transpose(weights) | layers.Permute(weights)) as moved if isinstance(
            weights.op, layers.Softmax
        ) and order_of(moved) == (0, 1, 3, 2):
            return weights.op, op.x1, [weights, op.x2]
        case _:
            return None


def _sum(biases: Sequence[Value], scores: Value) -> Value | None:
    """All biases, added in the order in which the scores were."""
    if not biases:
        return None
    *others, total = biases
    for bias in reversed(others):
        shape = np.broadcast_shapes(total.type.static_shape, bias.type.static_shape)
        total = ops.Add(total, bias, result_types=scores.type.with_shape(shape)).result
    missing = scores.type.rank - total.type.rank
    if not missing:
        return total
    wide = (*(1,) * missing, *total.type.static_shape)
    return reshaped(total, wide) if is_weight(total) else reshaped_to(total, wide)


def _usual_scale(op: ops.DotProductAttention) -> float:
    depth = op.query.type.shape[-1]
    assert isinstance(depth, int)
    return depth**-0.5


_MOVES = (
    *(layers.Reshape, layers.Permute, ops.Reshape, ops.Transpose),
    *(ops.ExpandDims, ops.Squeeze),
)


def _without_factor(value: Value) -> tuple[Value, float] | None:
    """(x, s) if the value is x * s, perhaps in another arrangement."""
    match value.op:
        case ops.Multiply(x, factor) if (number := _number_of(factor)) is not None:
            return (x, number) if x.type == value.type else None
        case op if isinstance(op, _MOVES) and value.has_one_use:
            found = _without_factor(op.operands[0])
            if found is None:
                return None
            inner, number = found
            (name,) = (item.name for item in op.spec.operands)
            return replace(op, **{name: inner}).results[0], number
        case _:
            return None


def _number_of(value: Value) -> float | None:
    return splat_of(value) if isinstance(value.op, Constant) and value.op.value.size == 1 else None


@pattern(ops.DotProductAttention)
def grouped_heads(op: ops.DotProductAttention) -> Rewrite:
    """attention(q, repeated k, repeated v) → attention(q, k, v), which repeats heads itself."""
    views = [view_of(value) for value in (op.key, op.value)]
    groups = {_repetition(view) for view in views}
    if len(groups) != 1 or None in groups:
        return None
    parts: list[Value] = []
    for view in views:
        batch, time, heads, depth = view.dims
        part = arranged(view.source, (batch, time, heads[:-1], depth))
        if part is None or view.offset or view.factor != 1 or part.type.shape[2] == 1:
            return no("what is repeated are not whole heads, or it is a single one")
        parts.append(part)
    key, value = parts
    return replace(op, key=key, value=value).result


def _repetition(view: View) -> Dim | None:
    """How many heads in a row are one head; None if each is itself."""
    heads = view.dims[2]
    return heads[-1].size if heads and heads[-1].stride == 0 else None


# -- layers ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Projection:
    """Queries, keys or values: a dense layer's results, split into heads.

    Attributes:
        rows: pieces of the layer's rows, for the batch and for the time.
        columns: of the layer, in the order of heads and depth.
    """

    dense: layers.Dense
    view: View
    rows: tuple[Pieces, Pieces]
    columns: Array
    heads: int
    depth: int

    def kernel(self, factor: float = 1.0) -> Value:
        """[inputs, heads, depth]."""
        return self._taken(self.dense.kernel, factor)

    def bias(self, factor: float = 1.0) -> Value | None:
        """[heads, depth]."""
        return self.dense.bias and self._taken(self.dense.bias, factor)

    def _taken(self, weight: Value, factor: float) -> Value:
        sizes = (*weight.type.static_shape[:-1], self.heads, self.depth)
        return _scaled(_columns(weight, self.columns, sizes), factor)


@pattern(layers.Dense)
def multi_head_attention(op: layers.Dense) -> Rewrite:
    """dense(heads(attention(dense(x), dense(y), dense(z)))) → MultiHeadAttention(x, z, y).

    One dense layer may make queries, keys and values together. Keras divides the scores by
    sqrt(key_dim); another scale goes into the weights of the query.
    """
    joined = view_of(op.inputs)
    attention = joined.source.op
    if not isinstance(attention, ops.DotProductAttention):
        return None
    if op.activation is not None or joined.factor != 1:
        return no("the heads are used apart, or there is an activation")
    if attention.bias is not None:
        return no("the scores have a bias")
    found = [_projection(v) for v in (attention.query, attention.key, attention.value)]
    if None in found:
        return no("queries, keys and values are not dense layers' results, split into heads")
    parts = [part for part in found if part is not None]
    if _is_shared(op, attention, parts, joined):
        return no("something in between has another user")
    q, k, v = parts
    biases = [part.dense.use_bias for part in (q, v)]
    if set(biases) != {op.use_bias} or (k.dense.use_bias and not op.use_bias):
        return no("only some of the layers have biases")
    inputs = _arranged(parts)
    built = _output(op, joined, attention)
    if inputs is None or built is None or v.view.factor != 1:
        return no("the rows or the columns of a layer are not those of the heads")
    rows, columns = built
    x, y, z = inputs
    scale = _usual_scale(attention) if attention.scale is None else attention.scale
    scale *= q.view.factor * k.view.factor * q.depth**0.5
    units, out = op.units, attention.result.type
    given = {"value_dim": v.depth} if v.depth != q.depth else {}
    given |= {"output_shape": units} if units != x.type.shape[-1] else {}
    key_bias = k.bias()
    if op.use_bias and key_bias is None:
        # What such a bias adds to the scores is the same for all keys, so it never has an effect.
        key_bias = constant(np.zeros((k.heads, k.depth), np.float32))
    layer = layers.MultiHeadAttention(
        x,
        z,
        q.kernel(scale),
        k.kernel(),
        v.kernel(),
        _rows(op.kernel, columns, (v.heads, v.depth, units)),
        q.heads,
        q.depth,
        key=None if y is z else y,
        attention_mask=attention.mask,
        query_bias=q.bias(scale),
        key_bias=key_bias,
        value_bias=v.bias(),
        output_bias=op.bias,
        use_bias=op.use_bias,
        use_causal_mask=attention.is_causal,
        result_types=out.with_shape((*out.shape[:2], units)),
        **given,
    )
    return rearranged(layer.result, rows)


def _projection(value: Value) -> _Projection | None:
    """The dense layer that makes a value [batch, time, heads, depth]."""
    view = view_of(value)
    dense = view.source.op
    heads, depth = value.type.shape[2:]
    if not isinstance(dense, layers.Dense) or dense.activation is not None:
        return None
    rows = rows_of(view.dims[:2], dense.units)
    columns = places([*view.dims[2], *view.dims[3]], view.offset)
    if rows is None or columns is None or columns.min() < 0 or columns.max() >= dense.units:
        return None
    if not isinstance(heads, int) or not isinstance(depth, int):
        return None
    if len(set(columns.tolist())) != len(columns):
        return None
    return _Projection(dense, view, (rows[0], rows[1]), columns, heads, depth)


def _is_shared(
    op: layers.Dense,
    attention: ops.DotProductAttention,
    parts: Sequence[_Projection],
    joined: View,
) -> bool:
    """Whether something that the layer would not give has a user outside of it."""
    inside: list[Op] = [attention, *joined.passed]
    for part in parts:
        inside += [part.dense, *part.view.passed]
    known = {id(item) for item in [*inside, op]}
    users = (user for item in inside for result in item.results for user in result.users)
    return any(id(user) not in known for user in users)


def _arranged(parts: Sequence[_Projection]) -> list[Value] | None:
    """What each layer reads, as [batch, time, inputs]: one value where it is the same."""
    made: dict[tuple[Value, tuple[Pieces, Pieces]], Value | None] = {}
    for part in parts:
        key = (part.dense.inputs, part.rows)
        if key not in made:
            made[key] = rearranged(part.dense.inputs, part.rows)
    found = [made[part.dense.inputs, part.rows] for part in parts]
    return None if None in found else [value for value in found if value is not None]


def _output(
    op: layers.Dense, joined: View, attention: ops.DotProductAttention
) -> tuple[list[Pieces], Array] | None:
    """(the rows of the result, the place in heads and depth of each row of the kernel)."""
    heads, depth = attention.result.type.shape[2:]
    if not isinstance(heads, int) or not isinstance(depth, int):
        return None
    rows = rows_of(joined.dims[:-1], heads * depth)
    columns = places(joined.dims[-1], joined.offset)
    if rows is None or columns is None:
        return None
    is_whole = np.array_equal(np.sort(columns), np.arange(heads * depth))
    return (rows, columns) if is_whole else None


def _columns(weight: Value, columns: Array, sizes: tuple[int, ...]) -> Value:
    """Some columns of a weight; a view if they are all, in order."""
    if np.array_equal(columns, np.arange(weight.type.static_shape[-1])):
        return reshaped(weight, sizes)
    array = array_of(weight)
    assert array is not None
    assert isinstance(weight.op, Constant)
    how = ("columns", tuple(columns.tolist()))
    taken = np.ascontiguousarray(array[..., columns]).reshape(sizes)
    return constant(taken, weight.op.value.name, origin_of(weight, *how))


def _rows(weight: Value, places: Array, sizes: tuple[int, ...]) -> Value:
    """The rows of a weight in the order of their places."""
    if np.array_equal(places, np.arange(len(places))):
        return reshaped(weight, sizes)
    array = array_of(weight)
    assert array is not None
    assert isinstance(weight.op, Constant)
    order = np.argsort(places)
    how = ("rows", tuple(order.tolist()))
    taken = np.ascontiguousarray(array[order]).reshape(sizes)
    return constant(taken, weight.op.value.name, origin_of(weight, *how))


def _scaled(weight: Value, factor: float) -> Value:
    """The weights times a number; the same view if that is 1."""
    if abs(factor - 1) < _FLOAT32:
        return weight
    array = array_of(weight)
    assert array is not None
    assert isinstance(weight.op, Constant)
    held = weight.op.value
    return constant((array * factor).astype(np.float32), held.name, held.derived("scaled", factor))


_FLOAT32 = 2.0**-24  # half of float32's last place at 1

PATTERNS = (
    attention_by_steps,
    scale_into_attention,
    grouped_heads,
    multi_head_attention,
)
