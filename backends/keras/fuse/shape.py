"""Transposes that meet, and shapes that say nothing."""

from ....ir.dialects.builtin import array_of, constant
from ....ir.rewrite import replace
from ....ir.ssa import Op, Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..dialect.math import Binary


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


@pattern(layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Activation)
def activation_before_reshape(op: Op) -> Rewrite:
    """activation(reshape(x)) → reshape(activation(x)), where it can become a part of a layer."""
    moved = op.operands[0].op
    if not isinstance(moved, layers.Reshape | layers.Permute | layers.Flatten):
        return None
    if not moved.result.has_one_use:
        return no("the reshaped value is used without the activation, too")
    first = replace(op, inputs=moved.inputs, result_types=moved.inputs.type)
    return replace(moved, inputs=first.results[0]).result


@pattern(Binary)
def number_in_dimensions(op: Binary) -> Rewrite:
    """x * [[number]] → x * number, where the dimensions add none to x."""
    for name, other in (("x2", op.x1), ("x1", op.x2)):
        array = array_of(getattr(op, name))
        if array is None or array.size != 1 or not 0 < array.ndim <= other.type.rank:
            continue
        return replace(op, **{name: constant(array.reshape(()))}).result
    return None


PATTERNS = (
    number_in_dimensions,
    transposed_twice,
    reshape_that_swaps_time_and_batch,
    flip_before_transpose,
    transpose_before_flip,
    concatenate_before_transpose,
    activation_before_reshape,
)
