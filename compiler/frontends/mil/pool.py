"""Pooling over windows, in one to three spatial dimensions."""

from collections.abc import Callable
from functools import partial

from ....ir.attributes import PadType
from ....ir.dialects.core import pool as core
from ....ir.ssa import Value
from ..rules import Result
from .context import MilContext, MilRules
from .conv import padding

rules = MilRules("pool")


@rules("max_pool")
def max_pool(cx: MilContext) -> Result:
    """The largest element of each window."""
    return _pool(cx, core.MaxPool)


@rules("l2_pool")
def l2_pool(cx: MilContext) -> Result:
    """The root of the sum of squares of each window."""
    return _pool(cx, core.L2Pool)


@rules("avg_pool")
def avg_pool(cx: MilContext) -> Result:
    """The mean of each window, with or without its padding."""
    exclude = cx.flag("exclude_padding_from_average", False)
    return _pool(cx, partial(core.AvgPool, exclude_padding_from_average=exclude))


def _pool(cx: MilContext, kind: Callable[..., core.Pool]) -> Value:
    x, kernel = cx.value("x"), cx.integers("kernel_sizes")
    strides = cx.integers("strides", ()) or (1,) * len(kernel)
    pad_type, pad = padding(cx)
    if cx.flag("ceil_mode", False):
        pad = _up_to_the_end(cx, kernel, strides, pad_type, pad)
        pad_type = PadType.CUSTOM
    made = kind(x, kernel, strides=strides, pad_type=pad_type, pad=pad).result
    if kind is not core.L2Pool:
        _require_data(cx, x, kernel, strides, pad, made)
    return made


def _up_to_the_end(
    cx: MilContext,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pad_type: PadType,
    pad: tuple[int, ...],
) -> tuple[int, ...]:
    """Padding that rounds the number of windows up, whatever the size of the dimension.

    Space for one more stride does that. A window that would begin after x and the padding before
    it is left out, as in PyTorch: no more than k - 1 is added after x.
    """
    spatial = len(kernel)
    cx.require(spatial <= 2, f"has ceil mode in {spatial} dimensions, where only 1 and 2 are known")
    explicit = pad_type in (PadType.VALID, PadType.CUSTOM)
    cx.require(explicit, f"has ceil mode with '{pad_type.value}' padding")
    pad = pad or (0,) * 2 * spatial
    cx.require(len(pad) == 2 * spatial and len(strides) == spatial, f"has the padding {list(pad)}")
    cx.require(pad[::2] == pad[1::2], f"has ceil mode with unequal padding {list(pad)}")
    amounts: list[int] = []
    for width, stride, amount in zip(kernel, strides, pad[::2], strict=True):
        if amount > width:
            raise cx.unsupported(f"pads a window of {width} by {amount} in ceil mode")
        amounts += [amount, min(amount + stride - 1, width - 1)]
    return tuple(amounts)


def _require_data(
    cx: MilContext,
    x: Value,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pad: tuple[int, ...],
    made: Value,
) -> None:
    """Refuse windows that contain only padding: their maximum and mean are not specified."""
    if not pad:
        return
    extents = zip(x.type.shape[2:], made.type.shape[2:], strict=True)
    for (size, count), width, stride, before, after in zip(
        extents, kernel, strides, pad[::2], pad[1::2], strict=True
    ):
        empty = before >= width
        if isinstance(size, int) and isinstance(count, int):
            empty = empty or (count - 1) * stride - before >= size
        else:
            empty = empty or after >= width
        if empty:
            raise cx.unsupported("has windows that contain only padding")
