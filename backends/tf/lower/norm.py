"""Normalization."""

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant
from ....ir.dialects.core import norm as core
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
    x = _single(op.x)
    out, small = x.type, _reduced(x, op.axes)
    mean = tf.ReduceMean(x, op.axes, True, result_types=small).result
    centred = tf.Subtract(x, mean, result_types=out).result
    if not op.normalize_variance:
        return _as(centred, op.result.type)
    squares = tf.Square(centred, result_types=out).result
    variance = tf.ReduceMean(squares, op.axes, True, result_types=small).result
    deviation = tf.Rsqrt(add(variance, op.epsilon), result_types=small).result
    normal = tf.Multiply(centred, deviation, result_types=out).result
    return _as(normal, op.result.type)


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
