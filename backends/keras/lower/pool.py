"""Pooling: layers, channels-last by contract."""

from math import inf, prod

import numpy as np

from ....ir.attributes import Layout
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import pool as core
from ....ir.dims import is_static
from ....ir.reference import windows
from ....ir.ssa import Value
from ...lowering import Lowering
from ...padding import Amounts, resolve_padding, same_amounts
from ...refusals import require_fixed
from ..dialect import layers, ops
from .activation import multiplied
from .conv import collapsed, with_zeros

lower = Lowering()

_MAX = {3: layers.MaxPooling1D, 4: layers.MaxPooling2D, 5: layers.MaxPooling3D}
_AVERAGE = {3: layers.AveragePooling1D, 4: layers.AveragePooling2D, 5: layers.AveragePooling3D}


def _pooled(table: dict[int, type[layers.Pooling]], op: core.Pool, x: Value, padding: str) -> Value:
    kernel = op.kernel_sizes
    strides = op.per_spatial(op.strides, 1)
    return table[x.type.rank](
        x,
        pool_size=collapsed(kernel),
        # In Keras, None means the size of the window.
        strides=None if strides == kernel else collapsed(strides),
        padding=padding,
        result_types=op.result.type,
    ).result


def _padding(op: core.Pool) -> str | Amounts:
    assert op.layout is Layout.CHANNELS_LAST
    ones, strides = op.per_spatial((), 1), op.per_spatial(op.strides, 1)
    found = resolve_padding(op, op.kernel_sizes, strides, ones)
    return found.lower() if isinstance(found, str) else found


@lower(core.MaxPool)
def max_pool(op: core.MaxPool) -> Value:
    """Explicit padding is the lowest number, which never wins."""
    padding, x = _padding(op), op.x
    if not isinstance(padding, str):
        pairs = ((0, 0), *padding, (0, 0))
        sizes = [dim + low + high for dim, (low, high) in zip(x.type.shape, pairs, strict=True)]
        grown = x.type.with_shape(sizes)
        x = ops.Pad(x, pairs, constant_values=-inf, result_types=grown).result
        padding = "valid"
    return _pooled(_MAX, op, x, padding)


@lower(core.AvgPool)
def avg_pool(op: core.AvgPool) -> Value:
    """Keras leaves padding out of the mean; other cases pad with zeros and rescale."""
    return _average(op, op.x, op.exclude_padding_from_average)


@lower(core.L2Pool)
def l2_pool(op: core.L2Pool) -> Value:
    """sqrt(window size * mean of squares)."""
    squares = ops.Square(op.x, result_types=op.x.type).result
    total = multiplied(_average(op, squares, exclude_padding=False), float(prod(op.kernel_sizes)))
    return ops.Sqrt(total, result_types=op.result.type).result


def _average(op: core.Pool, x: Value, exclude_padding: bool) -> Value:
    padding = _padding(op)
    ones, strides = op.per_spatial((), 1), op.per_spatial(op.strides, 1)
    if padding == "same" and not (exclude_padding and _is_left_out(op)):
        padding = same_amounts(op, "same", op.kernel_sizes, strides, ones)
    if isinstance(padding, str):
        return _pooled(_AVERAGE, op, x, padding)
    mean = _pooled(_AVERAGE, op, with_zeros(x, padding), "valid")
    if not exclude_padding:
        return mean
    sizes = x.type.shape[1:-1]
    require_fixed(is_static(sizes), "Keras code needs fixed spatial dimensions for this padding")
    share = _shares(op, tuple(int(str(size)) for size in sizes), padding)
    out = op.result.type
    return ops.Multiply(mean, constant(share.astype(out.dtype.numpy)), result_types=out).result


def _is_left_out(op: core.Pool) -> bool:
    """Whether the layer leaves padding out on every backend of Keras, as far as extents are known.

    Keras 3.15 on torch repeats the edge along all dimensions if the padding of one is uneven. In
    a window of two, the mean of an element and its repetition is the element.
    """
    if max(op.kernel_sizes) <= 2 or not is_static(op.x.type.shape[1:-1]):
        return True
    ones, strides = op.per_spatial((), 1), op.per_spatial(op.strides, 1)
    amounts = same_amounts(op, "same", op.kernel_sizes, strides, ones)
    return all(low == high for low, high in amounts)


def _shares(op: core.Pool, sizes: tuple[int, ...], pads: Amounts) -> np.ndarray:
    """Window size / elements that count, [1, *spatial, 1]."""
    inside = np.ones((1, *sizes, 1), np.float64)
    flat = tuple(amount for pair in pads for amount in pair)
    mean = windows.pool(
        inside,
        "average",
        kernel=op.kernel_sizes,
        strides=op.per_spatial(op.strides, 1),
        pads=flat,
        exclude_padding=False,
        channels_last=True,
    )
    with np.errstate(divide="ignore"):
        return np.where(mean > 0, 1 / mean, 0)
