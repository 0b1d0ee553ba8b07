"""Borders added to tensors, and cut off."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape as core
from ....ir.dims import is_static
from ....ir.ssa import Value
from ..rules import Result
from .context import MilContext, MilRules

rules = MilRules("padding")


@rules("pad")
def pad(cx: MilContext) -> Result:
    """Amounts (before, after) for the last dimensions of x; computed ones for all."""
    x, amounts, rank = cx.value("x"), cx.value("pad"), cx.value("x").type.rank
    mode, number = cx.text("mode", "constant"), cx.number("constant_val", 0.0)
    whole = amounts.type.rank == 1 and is_static(amounts.type.shape)
    cx.require(whole, f"has amounts of type {amounts.type}")
    (count,) = amounts.type.static_shape
    cx.require(count % 2 == 0 and count <= 2 * rank, f"has {count} amounts for {x.type}")
    known = cx.extents("pad")
    if known is not None and all(isinstance(n, int) for n in known):
        found = tuple(n for n in known if isinstance(n, int))
        return core.Pad(x, (0,) * (2 * rank - count) + found, mode, number).result
    if mode != "constant":
        raise cx.unsupported(f"computes the amounts of '{mode}' padding while it runs")
    added = _all_amounts(amounts, 2 * rank - count)
    dims = list(x.type.shape)
    for axis in range(rank - count // 2, rank):
        at = 2 * axis - (2 * rank - count)
        low, high = (known[at], known[at + 1]) if known is not None else (None, None)
        if low is None or high is None:
            dims[axis] = cx.fresh_symbol(axis)
        else:
            dims[axis] = dims[axis] + low + high
    return core.DynamicPad(x, added, tuple(dims), number).result


def _all_amounts(amounts: Value, missing: int) -> Value:
    if not missing:
        return amounts
    zeros = constant(np.zeros(missing, amounts.type.dtype.numpy))
    return core.Concat((zeros, amounts), 0).result


@rules("crop")
def crop(cx: MilContext) -> Result:
    """Rows and columns cut off the last two dimensions, as many as (before, after) say."""
    x = cx.value("x")
    cx.require(x.type.rank >= 3, f"takes at least three dimensions, got {x.type}")
    amounts = (cx.integers("crop_height"), cx.integers("crop_width"))
    for name, pair in zip(("crop_height", "crop_width"), amounts, strict=True):
        cx.require(len(pair) == 2 and min(pair) >= 0, f"has {name} {list(pair)}")
    return cut(cx, x, (*amounts[0], *amounts[1]))


def cut(cx: MilContext, x: Value, amounts: tuple[int, ...]) -> Value:
    """x without (top, bottom, left, right) of its last two dimensions."""
    rank = x.type.rank
    begin, end, open_end = [0] * rank, [0] * rank, [1] * rank
    for axis, low, high in zip((rank - 2, rank - 1), amounts[::2], amounts[1::2], strict=True):
        extent = x.type.shape[axis]
        fits = not isinstance(extent, int) or low + high < extent
        cx.require(fits, f"cuts {low} and {high} off an extent of {extent}")
        begin[axis], end[axis], open_end[axis] = low, -high, int(not high)
    ones, zeros = (1,) * rank, (0,) * rank
    return core.SliceByIndex(x, tuple(begin), tuple(end), ones, zeros, tuple(open_end)).result
