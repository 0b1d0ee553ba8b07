"""Padding and cropping."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import elementwise, unary
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.fill import Range1d
from ....ir.dialects.core.index import Gather
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ..rules import Result
from .context import MilContext, MilRules
from .index import OUT_OF_RANGE
from .sampling import add, extent, least, most, sub

rules = MilRules("padding")


@rules("pad")
def pad(cx: MilContext) -> Result:
    """Pad the last dimensions of x by (before, after); computed padding is for all of them."""
    x, amounts, rank = cx.value("x"), cx.value("pad"), cx.value("x").type.rank
    mode, number = cx.text("mode", "constant"), cx.number("constant_val", 0.0)
    whole = amounts.type.rank == 1 and is_static(amounts.type.shape)
    cx.require(whole, f"has padding of type {amounts.type}")
    (count,) = amounts.type.static_shape
    cx.require(count % 2 == 0 and count <= 2 * rank, f"has {count} numbers of padding for {x.type}")
    known = cx.extents("pad")
    if known is not None and all(isinstance(n, int) for n in known):
        found = tuple(n for n in known if isinstance(n, int))
        return core.Pad(x, (0,) * (2 * rank - count) + found, mode, number).result
    first = rank - count // 2
    dims = _padded_dims(cx, x, first, known or (None,) * count)
    if mode == "constant":
        return core.DynamicPad(x, _all_amounts(amounts, 2 * first), dims, number).result
    cx.require(mode in ("reflect", "replicate"), f"has the unknown mode '{mode}'")
    for axis in range(first, rank):
        low, high = (_entry(amounts, 2 * (axis - first) + end) for end in (0, 1))
        x = Gather(x, _mirrored(x, axis, low, high, dims[axis], mode), axis).result
    return x


def _padded_dims(
    cx: MilContext, x: Value, first: int, amounts: tuple[Dim | None, ...]
) -> tuple[Dim, ...]:
    """The shape with (before, after) added to the dimensions from `first` on."""
    dims = list(x.type.shape)
    for axis, low, high in zip(range(first, len(dims)), amounts[::2], amounts[1::2], strict=True):
        if low is None or high is None:
            dims[axis] = cx.fresh_symbol(axis)
        else:
            dims[axis] = dims[axis] + low + high
    return tuple(dims)


def _entry(values: Value, at: int) -> Value:
    return Gather(values, constant(np.asarray(at, np.int32)), 0).result


def _mirrored(x: Value, axis: int, low: Value, high: Value, dim: Dim, mode: str) -> Value:
    """The source index of each element of a padded dimension; "reflect" applies only once."""
    size, one = extent(x, axis), constant(np.asarray(1, np.int32))
    places = Range1d(sub(constant(np.asarray(0, np.int32)), low), add(size, high), one, (dim,))
    last = sub(size, 1)
    if mode == "replicate":
        return least(most(places.result, 0), last)
    found = sub(last, unary.Abs(sub(last, unary.Abs(places.result).result)).result)
    outside = elementwise.Less(found, scalar(0, found)).result
    return elementwise.Select(outside, scalar(OUT_OF_RANGE, found), found).result


def _all_amounts(amounts: Value, missing: int) -> Value:
    if not missing:
        return amounts
    zeros = constant(np.zeros(missing, amounts.type.dtype.numpy))
    return core.Concat((zeros, amounts), 0).result


@rules("crop")
def crop(cx: MilContext) -> Result:
    """Crop (before, after) from the last two dimensions."""
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
        cx.require(fits, f"can't crop {low} and {high} from a dimension of {extent}")
        begin[axis], end[axis], open_end[axis] = low, -high, int(not high)
    ones, zeros = (1,) * rank, (0,) * rank
    return core.SliceByIndex(x, tuple(begin), tuple(end), ones, zeros, tuple(open_end)).result
