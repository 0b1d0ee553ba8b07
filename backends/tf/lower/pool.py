"""Pooling: channels-last by contract."""

from typing import Protocol

import numpy as np

from ....ir.attributes import Layout
from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import pool as core
from ....ir.dims import is_static
from ....ir.reference import windows
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from ...padding import Amounts, resolve_padding, same_amounts
from ...refusals import require
from .. import dialect as tf
from .activation import multiply
from .conv import pad_spatial


class Pooling(Protocol):
    """Pools the windows of a value."""

    def __call__(
        self,
        kind: type[tf.AvgPool] | type[tf.MaxPool],
        x: Value,
        sizes: tuple[int, ...],
        strides: tuple[int, ...],
        padding: str,
        out: Tensor,
    ) -> Value:
        """The means, or largest elements, of all windows.

        Args:
            kind: TensorFlow's call.
            x: channels-last.
            sizes: of a window, by spatial dimension.
            strides: likewise.
            padding: "VALID" or "SAME".
            out: the result's type.
        """
        ...


def _padding(op: core.Pool) -> str | Amounts:
    assert op.layout is Layout.CHANNELS_LAST
    ones, strides = op.per_spatial((), 1), op.per_spatial(op.strides, 1)
    return resolve_padding(op, op.kernel_sizes, strides, ones)


def _operand(op: core.Pool) -> Value:
    """x in f32, the only dtype for which TensorFlow has CPU kernels in three dimensions."""
    x = op.x
    if x.type.rank != 5 or x.type.dtype is DType.F32:
        return x
    require(x.type.dtype is DType.F16, "TensorFlow has no pooling of f64 in 3 dimensions")
    return tf.Cast(x, DType.F32, result_types=x.type.with_dtype(DType.F32)).result


def _result(op: core.Pool, value: Value) -> Value:
    """Converted back to the op's dtype."""
    out = op.result.type
    return value if value.type == out else tf.Cast(value, out.dtype, result_types=out).result


def in_one(
    kind: type[tf.AvgPool] | type[tf.MaxPool],
    x: Value,
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    out: Tensor,
) -> Value:
    """One call for all windows, as `Pooling` says."""
    return kind(x, sizes, strides, padding, result_types=out).result


def lowering(pooling: Pooling) -> Lowering:
    """The rules of the family, with this for windows without explicit padding."""
    lower = Lowering()

    @lower(core.MaxPool)
    def max_pool(op: core.MaxPool) -> Value:
        """Explicit padding is the lowest number, which never wins."""
        padding, x = _padding(op), _operand(op)
        if not isinstance(padding, str):
            x, padding = pad_spatial(x, padding, float("-inf")), "VALID"
        strides, out = op.per_spatial(op.strides, 1), op.result.type.with_dtype(x.type.dtype)
        return _result(op, pooling(tf.MaxPool, x, op.kernel_sizes, strides, padding, out))

    @lower(core.AvgPool)
    def avg_pool(op: core.AvgPool) -> Value:
        """TensorFlow's SAME leaves padding out of the mean; else zeros are added and rescaled."""
        x = _operand(op)
        return _result(op, _average(op, pooling, x, op.exclude_padding_from_average))

    @lower(core.L2Pool)
    def l2_pool(op: core.L2Pool) -> Value:
        """sqrt(window size * mean of squares)."""
        x = _operand(op)
        squares = tf.Square(x, result_types=x.type).result
        mean = _average(op, pooling, squares, False)
        total = multiply(mean, float(np.prod(op.kernel_sizes)))
        return _result(op, tf.Sqrt(total, result_types=total.type).result)

    return lower


def _average(op: core.Pool, pooling: Pooling, x: Value, exclude_padding: bool) -> Value:
    padding, out = _padding(op), op.result.type.with_dtype(x.type.dtype)
    strides = op.per_spatial(op.strides, 1)

    def mean_of(value: Value, how: str = "VALID") -> Value:
        return pooling(tf.AvgPool, value, op.kernel_sizes, strides, how, out)

    if isinstance(padding, str) and (padding == "VALID" or exclude_padding):
        return mean_of(x, padding)
    amounts = padding
    if isinstance(amounts, str):
        amounts = same_amounts(op, "same", op.kernel_sizes, strides, op.per_spatial((), 1))
    mean = mean_of(pad_spatial(x, amounts))
    if not exclude_padding:
        return mean
    # A window with only padding has the sum 0, and counts as one element for the mean.
    least = 1 / float(np.prod(op.kernel_sizes))
    sizes = op.x.type.shape[1:-1]
    if not is_static(sizes):
        ones = tf.OnesLike(x, result_types=x.type).result
        inside = mean_of(pad_spatial(ones, amounts))
        divisor = tf.Maximum(inside, scalar(least, x), result_types=out).result
        return tf.Divide(mean, divisor, result_types=out).result
    # The fraction of every window that is data, as a constant of one image and channel.
    inside = windows.pool(
        np.ones((1, *(size for size in sizes if isinstance(size, int)), 1), np.float32),
        "average",
        kernel=op.kernel_sizes,
        strides=strides,
        pads=tuple(amount for pair in amounts for amount in pair),
        channels_last=True,
    )
    share = constant((1 / np.maximum(inside, least)).astype(x.type.dtype.numpy), "window_share")
    return tf.Multiply(mean, share, result_types=out).result


lower = lowering(in_one)
