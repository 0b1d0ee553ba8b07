"""Norms with their weights, and what only looks like one."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant, splat_of
from ....ir.rewrite import replace
from ....ir.ssa import Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.weights import is_weight, permuted, reshaped
from .shape import moved_alike, order_of


@pattern(ops.Multiply)
def rms_norm(op: ops.Multiply) -> Rewrite:
    """x * rsqrt(mean(x²) + epsilon) * scale → RMSNormalization(x, scale)."""
    match op:
        case ops.Multiply(normal, scale) if is_weight(scale):
            pass
        case _:
            return None
    match normal.op:
        case layers.Multiply((x, factor)) | layers.Multiply((factor, x)) if isinstance(
            factor.op, ops.Rsqrt
        ):
            pass
        case ops.Multiply(x, factor) | ops.Multiply(factor, x) if isinstance(factor.op, ops.Rsqrt):
            pass
        case ops.Divide(x, factor) if isinstance(factor.op, ops.Sqrt):
            pass
        case _:
            return None
    assert isinstance(factor.op, ops.Rsqrt | ops.Sqrt)
    found = _mean_square(factor.op.x, x)
    if found is None:
        return None
    epsilon, inside = found
    if not all(value.has_one_use for value in (normal, factor, *inside)):
        return no("something in between has another user")
    vector = x.type.shape[-1:]
    missing = scale.type.rank - 1
    if scale.type.shape != (*(1,) * missing, *vector) or x.type != op.result.type:
        return no("the scale varies along other dimensions")
    weight = reshaped(scale, scale.type.static_shape[-1:])
    return layers.RMSNormalization(x, weight, epsilon=epsilon, result_types=op.result.type).result


def _mean_square(value: Value, x: Value) -> tuple[float, list[Value]] | None:
    """(epsilon, the values in between) of mean(x²) + epsilon over the last dimension."""
    epsilon, inside = 0.0, [value]
    while isinstance(value.op, ops.Add) and (number := splat_of(value.op.x2)) is not None:
        epsilon, value = epsilon + number, value.op.x1
        inside.append(value)
    match value.op:
        case ops.Mean(Value(op=ops.Square(same)) as squares, axis, True) if same is x:
            is_last = axis in ((-1,), (x.type.rank - 1,))
            return (epsilon, [*inside, squares]) if is_last and epsilon > 0 else None
        case _:
            return None


@pattern(ops.Add)
def norm_with_weights(op: ops.Add) -> Rewrite:
    """norm(x) * gamma + beta → norm(x, gamma, beta), also where norm(x) was transposed."""
    match op:
        case ops.Add(Value(op=ops.Multiply(scaled, gamma)), beta):
            pass
        case _:
            return None
    moved = scaled.op if isinstance(scaled.op, ops.Transpose | layers.Permute) else None
    norm = scaled.op if moved is None else moved.operands[0].op
    if not isinstance(norm, layers.LayerNormalization | layers.GroupNormalization) or norm.scale:
        return None
    if not is_weight(gamma) or not is_weight(beta):
        return no("the scale or the offset is computed")
    if not all(value.has_one_use for value in (op.x1, scaled, norm.result)):
        return no("something in between has another user")
    vectors = [_vector(value, norm, moved) for value in (gamma, beta)]
    if None in vectors or op.result.type != scaled.type:
        return no("the scale or the offset has another shape than what is normalized")
    scale, offset = vectors
    found = replace(norm, gamma=scale, beta=offset, scale=True, center=True)
    return found.result if moved is None else moved_alike(moved, found.result)


@pattern(layers.BatchNormalization)
def scale_without_statistics(op: layers.BatchNormalization) -> Rewrite:
    """batch_norm(x, gamma, beta, 0, 1) → norm(…, gamma, beta), or x * gamma + beta.

    No data have means of exactly 0 and the same variance in all channels, whatever that is.

    Converters write the scale and offset of other norms so. In training, a batch norm would take
    statistics of its own: another function.
    """
    gamma, beta, mean, variance = (
        array_of(value) for value in (op.gamma, op.beta, op.moving_mean, op.moving_variance)
    )
    if gamma is None or beta is None or mean is None or variance is None:
        return None
    if mean.any() or (variance != variance[:1]).any():
        return no("it has statistics")
    if (gamma == 1).all() and not beta.any():
        return no("it may be a batch norm that was never trained")
    scale = constant((gamma / np.sqrt(variance + op.epsilon)).astype(gamma.dtype))
    norm, out = op.inputs.op, op.result.type
    axis = op.axis % out.rank
    if isinstance(norm, layers.LayerNormalization | layers.GroupNormalization) and (
        _axes(norm) == (axis,) and not norm.scale and norm.result.has_one_use
    ):
        return replace(norm, gamma=scale, beta=op.beta, scale=True, center=True).result
    shape = (gamma.size, *(1,) * (out.rank - 1 - axis))
    factor, offset = (_trained(op.inputs, value, shape) for value in (scale, op.beta))
    product = ops.Multiply(op.inputs, factor, result_types=out).result
    return ops.Add(product, offset, result_types=out).result


def _trained(x: Value, vector: Value, shape: tuple[int, ...]) -> Value:
    """What a layer gives that holds the vector in this shape."""
    value = reshaped(vector, shape)
    dtype = value.type.dtype.numpy.name
    return layers.Weight(x, value, shape=shape, dtype=dtype, result_types=value.type).result


def _axes(norm: layers.LayerNormalization | layers.GroupNormalization) -> tuple[int, ...]:
    """The dimensions of the layer's weights, counted from the start."""
    axes = norm.axis if isinstance(norm, layers.LayerNormalization) else (norm.axis,)
    return tuple(axis % norm.inputs.type.rank for axis in axes)


def _vector(
    value: Value,
    norm: layers.LayerNormalization | layers.GroupNormalization,
    moved: ops.Transpose | layers.Permute | None,
) -> Value | None:
    """The constant in the shape of the layer's weights, if it varies along no other dimension.

    Args:
        value: the constant.
        norm: the layer.
        moved: the transpose between the layer and the constant's user.
    """
    axes, rank, sizes = _axes(norm), norm.inputs.type.rank, norm.inputs.type.shape
    shape = (1,) * (rank - value.type.rank) + value.type.static_shape
    if moved is not None:
        order = order_of(moved)
        inverse = tuple(order.index(axis) for axis in range(rank))
        value = permuted(reshaped(value, shape), inverse)
        shape = value.type.static_shape
    if shape != tuple(size if axis in axes else 1 for axis, size in enumerate(sizes)):
        return None
    return reshaped(value, tuple(shape[axis] for axis in axes))


PATTERNS = (
    rms_norm,
    norm_with_weights,
    scale_without_statistics,
)
