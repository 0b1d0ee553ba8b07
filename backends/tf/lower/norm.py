"""Normalization."""

from collections.abc import Callable

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant
from ....ir.dialects.core import norm as core
from ....ir.dims import Shape
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ....ir.weights.resources import Origin
from ...lowering import Lowering
from .. import dialect as tf
from .activation import add, channels

lower = Lowering()

lower.direct(core.LocalResponseNorm, tf.LocalResponseNorm)


@lower(core.BatchNorm)
def batch_norm(op: core.BatchNorm) -> Value:
    """x * scale + offset, both computed now if the statistics are constants."""
    out, rank = op.result.type, op.x.type.rank
    arrays = [array_of(value) for value in (op.mean, op.variance, op.gamma, op.beta)]
    known = [array for array in arrays if array is not None]
    if len(known) == 4:
        mean, variance, gamma, beta = known
        scale_array = gamma / np.sqrt(variance + variance.dtype.type(op.epsilon))
        name = op.gamma.name.removesuffix(".gamma") or "batch_norm"
        shift = beta - mean * scale_array
        scale = constant(scale_array, f"{name}.scale", _origin(op, "scale"))
        offset = constant(shift, f"{name}.offset", _origin(op, "offset"))
    else:
        vector = op.variance.type
        deviation = tf.Rsqrt(add(op.variance, op.epsilon), result_types=vector).result
        scale = tf.Multiply(op.gamma, deviation, result_types=vector).result
        moved = tf.Multiply(op.mean, scale, result_types=vector).result
        offset = tf.Subtract(op.beta, moved, result_types=vector).result
    scaled = tf.Multiply(op.x, channels(scale, op.axis, rank), result_types=out).result
    return tf.Add(scaled, channels(offset, op.axis, rank), result_types=out).result


def _origin(op: core.BatchNorm, role: str) -> Origin | None:
    """Which weight a vector is that is computed of all four, if one of them is a weight."""
    ops = [value.op for value in (op.mean, op.variance, op.gamma, op.beta)]
    known = [item.value.origin for item in ops if isinstance(item, Constant)]
    return Origin((role, op.epsilon, *known)) if any(known) else None


@lower(core.MeanVarianceNorm)
def mean_variance_norm(op: core.MeanVarianceNorm) -> Value:
    """(x - mean) * rsqrt(variance + epsilon)."""
    out = op.result.type
    image = _ungrouped(op)
    if image is None:
        x = _single(op.x)
        return _as(_normalized(op, x, lambda value: _mean(value, op.axes)), out)
    spatial = tuple(axis for axis in op.axes if axis < out.rank - 1)
    groups = out.shape[-2:]
    normal = _normalized(op, _single(image), lambda value: _mean_of_groups(value, spatial, groups))
    return _reshaped(_as(normal, image.type), out.shape)


def _normalized(op: core.MeanVarianceNorm, x: Value, mean_of: Callable[[Value], Value]) -> Value:
    centred = tf.Subtract(x, mean_of(x), result_types=x.type).result
    if not op.normalize_variance:
        return centred
    variance = mean_of(tf.Square(centred, result_types=x.type).result)
    deviation = tf.Rsqrt(add(variance, op.epsilon), result_types=variance.type).result
    return tf.Multiply(centred, deviation, result_types=x.type).result


def _mean(x: Value, axes: tuple[int, ...]) -> Value:
    return tf.ReduceMean(x, axes, True, result_types=_reduced(x, axes)).result


def _ungrouped(op: core.MeanVarianceNorm) -> Value | None:
    """The image whose channels were divided into groups that are normalized, if op.x is that.

    Means over pixels and the channels of a group go across memory, and what is repeated for a few
    channels in turn can't be computed in vectors: per channel, both take half the time.
    """
    match op.x.op:
        case tf.Reshape(image) if image.type.rank == op.x.type.rank - 1:
            pass
        case _:
            return None
    (*kept, channels), (*lead, groups, size) = image.type.shape, op.x.type.shape
    last = op.x.type.rank - 1
    fits = kept == lead and isinstance(groups, int) and isinstance(size, int)
    spatial = len(op.axes) > 1 and last in op.axes and last - 1 not in op.axes
    small = [dim for axis, dim in enumerate(kept) if axis not in op.axes and dim != 1]
    return image if fits and spatial and channels == groups * size and len(small) < 2 else None


def _mean_of_groups(x: Value, spatial: tuple[int, ...], groups: Shape) -> Value:
    """The means of groups of channels and all pixels, for each channel."""
    means = _mean(x, spatial)
    lead, (count, size) = means.type.shape[:-1], groups
    assert isinstance(size, int)
    parts = _mean(_reshaped(means, (*lead, count, size)), (len(lead) + 1,))
    repeats = (*(1,) * (len(lead) + 1), size)
    same = parts.type.with_shape((*lead, count, size))
    return _reshaped(tf.Tile(parts, repeats, result_types=same).result, means.type.shape)


def _reshaped(x: Value, shape: Shape) -> Value:
    """x with this shape, in which one dimension at most is open."""
    sizes = tuple(dim if isinstance(dim, int) else -1 for dim in shape)
    return tf.Reshape(x, sizes, result_types=x.type.with_shape(shape)).result


@lower(core.L2Norm)
def l2_norm(op: core.L2Norm) -> Value:
    """x * rsqrt(sum of squares + epsilon)."""
    x = _single(op.x)
    out, small = x.type, _reduced(x, op.axes)
    squares = tf.Square(x, result_types=out).result
    total = tf.ReduceSum(squares, op.axes, True, result_types=small).result
    length = tf.Rsqrt(add(total, op.epsilon), result_types=small).result
    return _as(tf.Multiply(x, length, result_types=out).result, op.result.type)


def _single(x: Value) -> Value:
    """Half precision as single precision: squares of 256 and more overflow half precision."""
    if x.type.dtype is not DType.F16:
        return x
    return tf.Cast(x, DType.F32, result_types=x.type.with_dtype(DType.F32)).result


def _as(x: Value, kind: Tensor) -> Value:
    return x if x.type == kind else tf.Cast(x, kind.dtype, result_types=kind).result


def _reduced(x: Value, axes: tuple[int, ...]) -> Tensor:
    return x.type.with_shape(1 if i in axes else dim for i, dim in enumerate(x.type.shape))
