"""Transposes and reshapes that meet, and what is moved so that they do."""

from ....ir.dialects.builtin import array_of
from ....ir.rewrite import replace
from ....ir.ssa import Op, Value
from ....ir.types import DType
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.shape import RESHAPES, layers_keep, reshaped_to


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
    if order[0] == 0 and layers_keep(x):
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


@pattern(ops.Reshape, layers.Reshape)
def reshape_that_swaps_time_and_batch(op: ops.Reshape | layers.Reshape) -> Rewrite:
    """reshape(x) that swaps the first dimensions, one of which is 1 → transpose(x), by another."""
    x = op.operands[0]
    before, after = x.type.shape, op.results[0].type.shape
    if len(before) != 3 or 1 not in before[:2] or after != (before[1], before[0], before[2]):
        return None
    users = [user for user in op.results[0].users if isinstance(user, ops.Transpose | ops.Flip)]
    if not isinstance(x.op, ops.Transpose) and not users:
        return no("there is no transpose for it to meet")
    return ops.Transpose(x, _SWAPPED, result_types=op.results[0].type).result


@pattern(ops.Flip)
def flip_before_transpose(op: ops.Flip) -> Rewrite:
    """flip(transpose(x)) → transpose(flip(x)), for the results of recurrent layers."""
    match op.x.op:
        case ops.Transpose(x, axes) if axes == _SWAPPED and _is_recurrent(x):
            flipped = ops.Flip(x, _swapped(op.axis), result_types=x.type).result
            return ops.Transpose(flipped, axes, result_types=op.result.type).result
        case _:
            return None


@pattern(ops.Transpose)
def transpose_before_flip(op: ops.Transpose) -> Rewrite:
    """transpose(flip(x)) → flip(transpose(x)), for the inputs of recurrent layers."""
    if op.axes != _SWAPPED or not isinstance(op.x.op, ops.Flip) or _is_recurrent(op.x):
        return None
    if not any(isinstance(user, layers.Recurrent) for user in op.result.users):
        return no("no recurrent layer reads it")
    turned = ops.Transpose(op.x.op.x, op.axes, result_types=op.result.type).result
    return ops.Flip(turned, _swapped(op.x.op.axis), result_types=op.result.type).result


def _swapped(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(_SWAPPED[axis] for axis in axes)


def _is_recurrent(value: Value) -> bool:
    """Whether a value is made of the results of recurrent layers."""
    match value.op:
        case layers.Recurrent() | layers.Bidirectional():
            return True
        case ops.Flip(x):
            return _is_recurrent(x)
        case layers.Concatenate(inputs):
            return all(map(_is_recurrent, inputs))
        case _:
            return False


@pattern(layers.Concatenate)
def concatenate_before_transpose(op: layers.Concatenate) -> Rewrite:
    """concat(transpose(x), transpose(y)) → transpose(concat(x, y)), of time and batch."""
    inner = [value.op for value in op.inputs]
    moved = [item for item in inner if isinstance(item, ops.Transpose) and item.axes == _SWAPPED]
    if len(moved) != len(inner) or op.axis not in (-1, 2):
        return None
    time, batch, features = op.result.type.shape
    kind = op.result.type.with_shape((batch, time, features))
    joined = replace(op, inputs=tuple(item.x for item in moved), result_types=kind)
    return ops.Transpose(joined.result, _SWAPPED, result_types=op.result.type).result


_SWAPPED = (1, 0, 2)


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


@pattern(ops.Where)
def repeated_for_each_entry(op: ops.Where) -> Rewrite:
    """where(True, x, y) → x + zeros_like(y): x, as often as y has entries."""
    condition = array_of(op.condition)
    if condition is None or not condition.all():
        return None
    x, out = op.x1, op.result.type
    if x.type == out:
        return x
    if out.dtype in (DType.BOOL, DType.STR):
        return no("there is no zero to add")
    zeros = ops.ZerosLike(op.x2, result_types=op.x2.type).result
    return ops.Add(x, zeros, result_types=out).result


PATTERNS = (
    repeated_for_each_entry,
    transposed_twice,
    reshaped_twice,
    reshape_that_swaps_time_and_batch,
    flip_before_transpose,
    transpose_before_flip,
    concatenate_before_transpose,
    activation_before_reshape,
    rows_before_reshape,
)
