"""Recurrent layers in both directions, attention."""

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant
from ....ir.rewrite import replace
from ....ir.ssa import Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.weights import reshaped


@pattern(layers.Concatenate)
def bidirectional(op: layers.Concatenate) -> Rewrite:
    """concat(lstm(x), flip(lstm(flip(x)))) → Bidirectional(lstm)(x)."""
    if len(op.inputs) != 2 or op.axis not in (-1, op.result.type.rank - 1):
        return None
    forward, backward = op.inputs[0].op, op.inputs[1].op
    if not isinstance(forward, layers.LSTM | layers.GRU):
        return None
    if forward.return_sequences:
        if not isinstance(backward, ops.Flip) or backward.axis != (1,):
            return None
        backward = backward.x.op
    if not isinstance(backward, layers.LSTM | layers.GRU) or type(backward) is not type(forward):
        return None
    source, turned = forward.inputs[0], backward.inputs[0].op
    same = isinstance(turned, ops.Flip) and _are_same(turned.x, source)
    if not isinstance(turned, ops.Flip) or turned.axis != (1,) or not same:
        return no("the second layer doesn't read what the first reads, backwards")
    if forward.attributes != backward.attributes or forward.return_state:
        return no("the two layers differ, or their states are used")
    if len(forward.inputs) > 1 or len(backward.inputs) > 1:
        return no("they have initial states")
    single = all(value.has_one_use for value in (*forward.results, *backward.results))
    if not single:
        return no("the result of one direction has another user")
    given = {name: value for name, value in forward.attributes.items() if name != "return_state"}
    layer = (
        layers.BidirectionalLSTM if isinstance(forward, layers.LSTM) else layers.BidirectionalGRU
    )
    return layer(
        source,
        forward.kernel,
        forward.recurrent_kernel,
        backward.kernel,
        backward.recurrent_kernel,
        bias=forward.bias,
        backward_bias=backward.bias,
        result_types=op.result.type,
        **given,
    ).result


def _are_same(a: Value, b: Value) -> bool:
    """Whether values are one, or one transposed alike."""
    match (a.op, b.op):
        case (ops.Transpose(x, first), ops.Transpose(y, second)):
            return x is y and first == second
        case _:
            return a is b


@pattern(ops.DotProductAttention)
def scale_into_attention(op: ops.DotProductAttention) -> Rewrite:
    """attention(q * s, k, v) → attention(q, k, v, scale=s)."""
    match op.query.op:
        case ops.Multiply(x, factor) if (number := _number_of(factor)) is not None:
            scale = (1.0 if op.scale is None else op.scale) * number
            return replace(op, query=x, scale=scale).result
        case _:
            return None


def _number_of(value: Value) -> float | None:
    array = array_of(value)
    return None if array is None or array.ndim else float(array)


@pattern(layers.Dense)
def multi_head_attention(op: layers.Dense) -> Rewrite:
    """dense(heads(attention(dense(x), dense(y), dense(z)))) → MultiHeadAttention(x, z, y).

    Keras divides the scores by sqrt(key_dim). Another scale goes into the weights of the query.
    """
    match _reshaped(op.inputs):
        case Value(op=ops.DotProductAttention(query, key, value, None)) as attended:
            pass
        case _:
            return None
    if not attended.has_one_use or op.activation is not None:
        return no("the heads are used apart, or there is an activation")
    found = [_heads(part) for part in (query, key, value)]
    if None in found or op.inputs.type.rank != 3:
        return no("queries, keys and values are not dense layers' results, split into heads")
    q, k, v = (part for part in found if part is not None)
    if {part.use_bias for part in (q, k, v)} != {op.use_bias}:
        return no("only some of the layers have biases")
    heads, depth, value_depth = query.type.shape[2], query.type.shape[3], value.type.shape[3]
    assert isinstance(heads, int)
    assert isinstance(depth, int)
    assert isinstance(value_depth, int)
    attention = attended.op
    assert isinstance(attention, ops.DotProductAttention)
    scale = depth**-0.5 if attention.scale is None else attention.scale
    units, features = op.units, q.inputs.type.shape[-1]
    given = {"value_dim": value_depth} if value_depth != depth else {}
    given |= {"output_shape": units} if units != features else {}
    return layers.MultiHeadAttention(
        q.inputs,
        v.inputs,
        _scaled(_split(q.kernel, heads), scale * depth**0.5),
        _split(k.kernel, heads),
        _split(v.kernel, heads),
        reshaped(op.kernel, (heads, value_depth, units)),
        heads,
        depth,
        key=None if k.inputs is v.inputs else k.inputs,
        query_bias=q.bias and _scaled(_split(q.bias, heads), scale * depth**0.5),
        key_bias=k.bias and _split(k.bias, heads),
        value_bias=v.bias and _split(v.bias, heads),
        output_bias=op.bias,
        use_bias=op.use_bias,
        result_types=op.result.type,
        **given,
    ).result


def _reshaped(value: Value) -> Value:
    """What is reshaped, if that is used nowhere else."""
    if isinstance(value.op, layers.Reshape | ops.Reshape) and value.has_one_use:
        return value.op.operands[0]
    return value


def _heads(value: Value) -> layers.Dense | None:
    """The dense layer whose results are split into heads, and used nowhere else."""
    source = _reshaped(value)
    dense = source.op
    if source is value or not isinstance(dense, layers.Dense) or dense.activation is not None:
        return None
    split = source.type.shape[:-1] == value.type.shape[:-2]
    return dense if split and source.has_one_use else None


def _split(weight: Value, heads: int) -> Value:
    """[…, heads * depth] → […, heads, depth]."""
    *others, last = weight.type.static_shape
    return reshaped(weight, (*others, heads, last // heads))


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
    bidirectional,
    multi_head_attention,
    scale_into_attention,
)
