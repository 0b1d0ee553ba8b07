"""Scales and offsets: of norms, of images, of nothing."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant
from ....ir.rewrite import replace
from ....ir.ssa import Function, Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.weights import is_weight, reshaped


@pattern(ops.Add)
def norm_with_weights(op: ops.Add) -> Rewrite:
    """norm(x) * gamma + beta → norm(x, gamma, beta)."""
    match op:
        case ops.Add(Value(op=ops.Multiply(Value(op=norm), gamma)), beta):
            pass
        case _:
            return None
    if not isinstance(norm, layers.LayerNormalization | layers.GroupNormalization) or norm.scale:
        return None
    if not is_weight(gamma) or not is_weight(beta):
        return no("the scale or the offset is computed")
    if not op.x1.has_one_use or not norm.result.has_one_use:
        return no("something in between has another user")
    vectors = [_vector(value, norm) for value in (gamma, beta)]
    if None in vectors or op.result.type != norm.result.type:
        return no("the scale or the offset has another shape than what is normalized")
    scale, offset = vectors
    return replace(norm, gamma=scale, beta=offset, scale=True, center=True).result


@pattern(layers.BatchNormalization)
def scale_without_statistics(op: layers.BatchNormalization) -> Rewrite:
    """batch_norm(x, gamma, beta, 0, 1) → norm(…, gamma, beta), or x * gamma + beta.

    Converters write the scale and offset of other norms so. In training, a batch norm would take
    statistics of its own: another function.
    """
    gamma, beta, mean, variance = (
        array_of(value) for value in (op.gamma, op.beta, op.moving_mean, op.moving_variance)
    )
    if gamma is None or beta is None or mean is None or variance is None:
        return None
    if mean.any() or (variance != 1).any():
        return no("it has statistics")
    if (gamma == 1).all() and not beta.any():
        return no("it may be a batch norm that was never trained")
    scale = constant((gamma / np.sqrt(1 + op.epsilon)).astype(gamma.dtype))
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
    value: Value, norm: layers.LayerNormalization | layers.GroupNormalization
) -> Value | None:
    """The constant in the shape of the layer's weights, if it varies along no other dimension."""
    axes, rank, sizes = _axes(norm), norm.inputs.type.rank, norm.inputs.type.shape
    shape = (1,) * (rank - value.type.rank) + value.type.static_shape
    if shape != tuple(size if axis in axes else 1 for axis, size in enumerate(sizes)):
        return None
    return reshaped(value, tuple(shape[axis] for axis in axes))


_MOST_CHANNELS = 8


@pattern(ops.Add, ops.Multiply)
def rescaling(op: ops.Add | ops.Multiply) -> Rewrite:
    """image * scale + offset → Rescaling(scale, offset), per channel or for all."""
    image, scale, offset = _affine(op)
    if image is None or not _is_image(image):
        return None
    if not op.result.type.dtype.is_float:
        return no("it has whole numbers, and the layer would give others")
    user = next(iter(op.result.users), None)
    if isinstance(op, ops.Multiply) and isinstance(user, ops.Add) and is_weight(user.x2):
        return None  # that one includes this one
    scales, offsets = (_per_channel(value, op.result.type.rank) for value in (scale, offset))
    if scales is None or offsets is None:
        return no("the numbers vary along other dimensions than channels")
    if op.result.type != image.type:
        return no("the numbers widen the image")
    if max(len(scales), len(offsets)) > _MOST_CHANNELS:
        return no("so many numbers are weights")
    given = {"offset": offsets} if offsets else {}
    scale = scales or (1.0,)
    return layers.Rescaling(image, scale=scale, result_types=op.result.type, **given).result


def _is_image(value: Value) -> bool:
    """Whether it is an image of the model's interface, perhaps with its colours turned around.

    What scales an array may be learned, and a layer of numbers would not be trained.
    """
    value = value.op.x if isinstance(value.op, ops.Flip) else value
    region = value.block.parent if value.block is not None else None
    function = region.parent if region is not None else None
    return isinstance(function, Function) and function.inputs[value.index].kind == "image"


def _affine(op: ops.Add | ops.Multiply) -> tuple[Value | None, Value | None, Value | None]:
    """(x, scale, offset) of x * scale + offset; None for what there isn't."""
    match op:
        case ops.Add(Value(op=ops.Multiply(x, scale)), offset):
            return x, scale, offset
        case ops.Add(x, offset):
            return x, None, offset
        case ops.Multiply(x, scale):
            return x, scale, None
        case _:
            return None, None, None


def _per_channel(value: Value | None, rank: int) -> tuple[float, ...] | None:
    """One number, or one for each channel; () for what isn't there."""
    if value is None:
        return ()
    array = array_of(value)
    if array is None or array.shape[:-1] != (1,) * (array.ndim - 1) or array.ndim > rank:
        return None
    numbers = tuple(float(str(number)) for number in array.ravel().astype(np.float32))
    return numbers[:1] if len(set(numbers)) == 1 else numbers


@pattern(ops.Add)
def misread_as_bias(op: ops.Add) -> Rewrite:
    """x + y → y + x, or x - (-y), where Keras would add y along another dimension.

    Keras 3.15 on TensorFlow takes y for a bias of the last (or second) dimension if it has one
    extent above 1 that is as large, wherever that is.
    """
    x, y, out = op.x1, op.x2, op.result.type
    if not _is_misread(x, y):
        return None
    if not _is_misread(y, x):
        return ops.Add(y, x, result_types=out).result
    negative = ops.Negative(y, result_types=y.type).result
    return ops.Subtract(x, negative, result_types=out).result


def _is_misread(x: Value, y: Value) -> bool:
    shape, large = x.type.shape, [i for i, dim in enumerate(y.type.shape) if dim != 1]
    if len(large) != 1 or len(shape) < 2:
        return False
    (axis,) = large
    extent, behind = y.type.shape[axis], y.type.rank - axis
    if extent not in (shape[1], shape[-1]):
        return False
    meant = 1 if extent == shape[-1] else len(shape) - 1
    return behind != meant


PATTERNS = (
    norm_with_weights,
    scale_without_statistics,
    rescaling,
    misread_as_bias,
)
