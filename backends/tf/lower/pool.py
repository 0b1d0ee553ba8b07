"""Pooling: channels last by contract."""

import numpy as np

from ....ir.attributes import Layout
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import pool as core
from ....ir.dims import is_static
from ....ir.reference import windows
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf
from .activation import multiply
from .conv import Amounts, pad_spatial, resolve_padding

lower = Lowering()


def _padding(op: core.Pool) -> str | Amounts:
    assert op.layout is Layout.CHANNELS_LAST
    ones = op.per_spatial((), 1)
    strides = op.per_spatial(op.strides, 1)
    sizes = op.x.type.shape[1:-1]
    return resolve_padding(op.pad_type, op.pad, sizes, op.kernel_sizes, strides, ones)


@lower(core.MaxPool)
def max_pool(op: core.MaxPool) -> Value:
    """Explicit borders are filled with the lowest number, which never wins."""
    padding, x = _padding(op), op.x
    if not isinstance(padding, str):
        x, padding = pad_spatial(x, padding, float("-inf")), "VALID"
    strides = op.per_spatial(op.strides, 1)
    return tf.MaxPool(x, op.kernel_sizes, strides, padding, result_types=op.result.type).result


@lower(core.AvgPool)
def avg_pool(op: core.AvgPool) -> Value:
    """TensorFlow's SAME leaves padding out of the mean; other cases pad with zeros and rescale."""
    return _average(op, op.x, op.exclude_padding_from_average)


@lower(core.L2Pool)
def l2_pool(op: core.L2Pool) -> Value:
    """sqrt(window size * mean of squares)."""
    squares = tf.Square(op.x, result_types=op.x.type).result
    total = multiply(_average(op, squares, False), float(np.prod(op.kernel_sizes)))
    return tf.Sqrt(total, result_types=op.result.type).result


def _average(op: core.Pool, x: Value, exclude_padding: bool) -> Value:
    padding, out = _padding(op), op.result.type
    strides = op.per_spatial(op.strides, 1)

    def mean_of(value: Value, how: str = "VALID") -> Value:
        return tf.AvgPool(value, op.kernel_sizes, strides, how, result_types=out).result

    if isinstance(padding, str) and (padding == "VALID" or exclude_padding):
        return mean_of(x, padding)
    amounts = _same_amounts(op) if isinstance(padding, str) else padding
    mean = mean_of(pad_spatial(x, amounts))
    if not exclude_padding:
        return mean
    sizes = op.x.type.shape[1:-1]
    if not is_static(sizes):
        ones = tf.OnesLike(x, result_types=x.type).result
        return tf.RealDivide(mean, mean_of(pad_spatial(ones, amounts)), result_types=out).result
    # The share of every window that is data, as a constant of one image and channel.
    inside = windows.pool(
        np.ones((1, *(size for size in sizes if isinstance(size, int)), 1), np.float32),
        "average",
        kernel=op.kernel_sizes,
        strides=strides,
        pads=tuple(amount for pair in amounts for amount in pair),
        channels_last=True,
    )
    share = constant((1 / inside).astype(x.type.dtype.numpy), "window_share")
    return tf.Multiply(mean, share, result_types=out).result


def _same_amounts(op: core.Pool) -> Amounts:
    """What SAME pads, for the mean that counts it."""
    sizes = op.x.type.shape[1:-1]
    op.require("", is_static(sizes), "TensorFlow needs fixed spatial extents for this padding")
    known = tuple(size for size in sizes if isinstance(size, int))
    flat = op.padding(known, op.kernel_sizes, op.per_spatial(op.strides, 1), op.per_spatial((), 1))
    return tuple(zip(flat[::2], flat[1::2], strict=True))
