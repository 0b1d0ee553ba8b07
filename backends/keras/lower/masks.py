"""Masks of attention: what is added to scores, as Keras's own arguments where they say the same."""

from dataclasses import dataclass

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant, scalar, splat_of
from ....ir.rewrite import replace
from ....ir.ssa import Op, Value
from ....ir.types import Array, DType
from ....passes.masks import ABSORBING, is_mask
from ..dialect import ops


@dataclass(frozen=True)
class Mask:
    """Arguments of Keras's attention.

    Attributes:
        bias: is added to the scores.
        mask: where keys are seen.
        is_causal: whether no query sees later keys.
    """

    bias: Value | None = None
    mask: Value | None = None
    is_causal: bool = False


def mask_of(bias: Value | None) -> Mask:
    """The mask that a bias [batch, heads, queries, keys] is, or the bias itself."""
    if bias is None:
        return Mask()
    array = array_of(bias)
    if array is None:
        mask = _chosen(bias)
        return Mask(bias) if mask is None else Mask(mask=_unrepeated(mask))
    seen = array == 0
    if not is_mask(array) or not seen.any(axis=-1).all():
        return Mask(bias)
    for axis in (0, 1):  # the same for all sequences, or all heads
        first = seen.take([0], axis)
        seen = first if (first == seen).all() else seen
    return Mask(is_causal=True) if _is_causal(seen) else Mask(mask=constant(seen))


def _is_causal(seen: Array) -> bool:
    """Whether each query sees its own key, and those before."""
    queries, keys = seen.shape[-2:]
    return queries == keys and bool((seen == np.tril(np.ones((queries, keys), bool))).all())


def _chosen(bias: Value) -> Value | None:
    """The mask in a bias that is 0 or absorbs the score, by a condition."""
    match bias.op:
        case ops.Where(condition, x1, x2):
            below, above = _same_number(x1), _same_number(x2)
        case ops.Tile(x) | ops.BroadcastTo(x):
            return _chosen(x) if _unrepeated(bias) is x else None
        case ops.ExpandDims(x, axis):
            inner = _chosen(x)
            if inner is None:
                return None
            out = inner.type.with_shape(bias.type.shape)
            return ops.ExpandDims(inner, axis, result_types=out).result
        case _:
            return None
    match condition.op:
        case ops.Cast(x) if x is x2:
            above = 0.0  # it is chosen where it is 0
        case _:
            pass
    if condition.type.shape != bias.type.shape:
        return None
    if below == 0 and above is not None and above <= ABSORBING:
        return condition
    if above == 0 and below is not None and below <= ABSORBING:
        return _not(condition)
    return None


def _same_number(value: Value) -> float | None:
    return splat_of(value) if isinstance(value.op, Constant) else None


def _not(condition: Value) -> Value:
    """Where it is false; not bool(1 - float(i)) is i == 1, for whole numbers."""
    out = condition.type
    match condition.op:
        case ops.Cast(Value(op=ops.Subtract(one, Value(op=ops.Cast(i))))) if (
            _same_number(one) == 1 and i.type.dtype is DType.I32
        ):
            return ops.Equal(i, scalar(1, i), result_types=out).result
        case ops.Equal(x, y):
            return ops.NotEqual(x, y, result_types=out).result
        case ops.NotEqual(x, y):
            return ops.Equal(x, y, result_types=out).result
        case ops.LogicalNot(x):
            return x
        case ops.ExpandDims(x, axis):
            return ops.ExpandDims(_not(x), axis, result_types=out).result
        case _:
            return ops.LogicalNot(condition, result_types=out).result


def _unrepeated(value: Value) -> Value:
    """The value with dimensions of 1 where its elements are repeated."""
    match value.op:
        case ops.Tile(x) if x.type.rank == value.type.rank:
            pairs = zip(x.type.shape, value.type.shape, strict=True)
            return x if all(own in (1, dim) for own, dim in pairs) else value
        case ops.BroadcastTo(x) if x.type.rank == value.type.rank:
            return x
        case (ops.LogicalNot(x) | ops.Cast(x)) as op:
            return _again(op, value, x, "x")
        case (ops.Equal(x, y) | ops.NotEqual(x, y) | ops.Subtract(x, y)) as op if not y.type.rank:
            return _again(op, value, x, "x1")
        case ops.Subtract(x, y) as op if not x.type.rank:
            return _again(op, value, y, "x2")
        case _:
            return value


def _again(op: Op, value: Value, operand: Value, name: str) -> Value:
    """The op on what the operand repeats; the value itself if it repeats nothing."""
    inner = _unrepeated(operand)
    if inner is operand:
        return value
    out = value.type.with_shape(inner.type.shape)
    return replace(op, **{name: inner}, result_types=out).results[0]
