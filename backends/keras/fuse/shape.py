"""Transposes and reshapes that meet, and what is moved so that they do."""

from ....ir.rewrite import replace
from ....ir.ssa import Op, Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.shape import RESHAPES, reshaped_to


@pattern(ops.Transpose, layers.Permute)
def transposed_twice(op: ops.Transpose | layers.Permute) -> Rewrite:
    """transpose(transpose(x)) → one transpose, or x."""
    inner = op.operands[0].op
    if not isinstance(inner, ops.Transpose | layers.Permute):
        return None
    first, second = order_of(inner), order_of(op)
    return transposed(inner.operands[0], tuple(first[axis] for axis in second))


def transposed(x: Value, order: tuple[int, ...]) -> Value:
    """The dimensions in another order, by the layer if the batch stays."""
    out = x.type.with_shape(x.type.shape[axis] for axis in order)
    if order == tuple(range(len(order))):
        return x
    if order[0] == 0:
        return layers.Permute(x, order[1:], result_types=out).result
    return ops.Transpose(x, order, result_types=out).result


def moved_alike(moved: ops.Transpose | layers.Permute, x: Value) -> Value:
    """The same transpose of another value."""
    return transposed(x, order_of(moved))


def order_of(op: ops.Transpose | layers.Permute) -> tuple[int, ...]:
    """The permutation of all dimensions."""
    return op.axes if isinstance(op, ops.Transpose) else (0, *op.dims)


@pattern(*RESHAPES)
def reshaped_twice(op: Op) -> Rewrite:
    """reshape(reshape(x)) → one reshape, or x."""
    if not isinstance(op.operands[0].op, RESHAPES):
        return None
    return reshaped_to(op.operands[0], op.results[0].type.shape)


_ACTIVATIONS = (layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Activation, ops.Gelu)


@pattern(*_ACTIVATIONS)
def activation_before_reshape(op: Op) -> Rewrite:
    """activation(reshape(x)) → reshape(activation(x)), where it can become a part of a layer."""
    moved = op.operands[0].op
    if not isinstance(moved, _MOVES):
        return None
    if not moved.results[0].has_one_use:
        return no("the reshaped value is used without the activation, too")
    return _moved_behind(op, moved)


_MOVES = (*RESHAPES, ops.Transpose, layers.Permute)


@pattern(layers.Dense, layers.LayerNormalization)
def rows_before_reshape(op: layers.Dense | layers.LayerNormalization) -> Rewrite:
    """dense(reshape(x)) → reshape(dense(x)), if the last dimension stays: they take any rank."""
    moved = op.inputs.op
    if not isinstance(moved, _MOVES):
        return None
    if isinstance(op, layers.LayerNormalization) and op.axis != (-1,):
        return None
    x, width = moved.operands[0], op.inputs.type.shape[-1]
    if x.type.rank < 2 or x.type.shape[-1] != width:
        return None
    if isinstance(moved, ops.Transpose | layers.Permute):
        if order_of(moved)[-1] != x.type.rank - 1:
            return None
    elif 1 in x.type.shape[1:-1]:
        return no("pixels of a pooled image are vectors")
    if not op.inputs.has_one_use:
        return no("the reshaped value is used by others, too")
    return _moved_behind(op, moved)


def _moved_behind(op: Op, moved: Op) -> Value:
    """The op on what was moved, then the same move."""
    x, out = moved.operands[0], op.results[0].type
    (name, *_) = (item.name for item in op.spec.operands)
    kind = x.type
    if isinstance(op, layers.Dense):
        kind = kind.with_shape((*kind.shape[:-1], op.units))
    found = replace(op, **{name: x}, result_types=kind).results[0]
    if isinstance(moved, ops.Transpose | layers.Permute):
        return moved_alike(moved, found)
    return reshaped_to(found, out.shape)


PATTERNS = (
    transposed_twice,
    reshaped_twice,
    activation_before_reshape,
    rows_before_reshape,
)
