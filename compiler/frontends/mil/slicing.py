"""Slices, splits, windows, tiles; and writing to a slice."""

from itertools import accumulate

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.elementwise import Add, Less, Select
from ....ir.dialects.core.index import Gather
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ..rules import Result
from ..slices import reshape_divided, slice_axes, slice_between, tile_computed
from ..values import integers
from .context import MilContext, MilRules
from .shape import declared_type
from .slice_update import bounds, updated

rules = MilRules("slicing")


# -- slices ----------------------------------------------------------------------------------------


def _between(cx: MilContext, x: Value, squeezed: tuple[bool, ...], dims: tuple[Dim, ...]) -> Value:
    """The part of x given by the parameters of an operation; `dims` is declared for it."""
    given = bounds(cx, x.type.rank)
    cx.require(
        len(dims) == x.type.rank - sum(squeezed),
        f"makes rank {x.type.rank - sum(squeezed)}, but declares rank {len(dims)}",
    )
    rest = iter(dims)
    return slice_between(
        cx,
        x,
        given.begin,
        given.end,
        given.strides,
        given.begin_masks,
        given.end_masks,
        given.squeezed,
        tuple(1 if mask else next(rest) for mask in squeezed),
    )


@rules("slice_by_index")
def slice_by_index(cx: MilContext) -> Result:
    """Slice between indices as in numpy; a squeeze mask indexes at the begin instead."""
    x = cx.value("x")
    squeezed = cx.flags("squeeze_mask", x.type.rank)
    return _between(cx, x, squeezed, declared_type(cx).shape)


@rules("slice_update")
def slice_update(cx: MilContext) -> Result:
    """x with other elements in a slice."""
    return updated(cx, cx.value("x"), cx.value("update"), bounds(cx, cx.value("x").type.rank))


@rules("slice_by_size")
def slice_by_size(cx: MilContext) -> Result:
    """Take a number of elements from an index on; a size of -1 takes the rest."""
    x, begin, size = cx.value("x"), cx.value("begin"), cx.value("size")
    rank = x.type.rank
    for name, value in (("begin", begin), ("size", size)):
        cx.require(value.type.shape == (rank,), f"takes a {name} of type {value.type} for {x.type}")
    starts, sizes = known_dims(cx.value("begin")), cx.extents("size")
    rows: dict[int, tuple[int | None, int | None, int]] = {}
    if starts is not None and sizes is not None:
        for axis, (first, count) in enumerate(zip(starts, sizes, strict=True)):
            if isinstance(first, int) and isinstance(count, int):
                rows[axis] = (first, None if count < 0 else (first + count) or None, 1)
    if len(rows) == rank:
        made = slice_axes(x, rows)
        fits = all(
            count in (-1, dim) or not isinstance(dim, int)
            for count, dim in zip(sizes or (), made.type.shape, strict=True)
        )
        cx.require(fits, f"can't take a part of size {list(sizes or ())} from {x.type}")
        return made
    begin, size = integers(begin), integers(size)
    extents, zero = core.ShapeOf(x).result, scalar(0, begin)
    first = Select(Less(begin, zero).result, Add(begin, extents).result, begin).result
    last = Select(Less(size, zero).result, extents, Add(first, size).result).result
    declared = declared_type(cx).shape
    cx.require(len(declared) == rank, f"makes rank {rank}, but declares rank {len(declared)}")
    dims = tuple(
        known if known is not None and known != -1 else other
        for known, other in zip(sizes or (None,) * rank, declared, strict=True)
    )
    masks = (0,) * rank
    return core.DynamicSlice(x, first, last, (1,) * rank, masks, masks, dims).result


# -- parts and repetitions -------------------------------------------------------------------------


@rules("split")
def split(cx: MilContext) -> Result:
    """Split into parts of given sizes, or equal ones."""
    x, axis = cx.value("x"), cx.integer("axis")
    rank = x.type.rank
    cx.require(-rank <= axis < rank, f"has axis {axis} for {x.type}")
    count = cx.integer("num_splits") if cx.has("num_splits") else None
    if cx.has("split_sizes"):
        sizes = cx.integers("split_sizes")
        cx.require(count in (None, len(sizes)), f"has {len(sizes)} sizes for {count} parts")
        return _split(cx, x, sizes, axis)
    cx.require(count is not None, "lacks 'num_splits' and 'split_sizes'")
    assert count is not None
    extent = x.type.shape[axis]
    if isinstance(extent, int):
        fits = count > 0 and extent % count == 0
        cx.require(fits, f"can't split a dimension of {extent} into {count} equal parts")
        return core.Split(x, (extent // count,) * count, axis).results
    cx.require(count > 0, f"can't split a dimension of {extent} into {count} equal parts")
    axis %= rank
    entries = [(i, 1) for i in range(rank)]
    apart = reshape_divided(cx, x, (*entries[:axis], count, (axis, count), *entries[axis + 1 :]))
    parts = core.Split(apart, (1,) * count, axis).results
    return tuple(core.Squeeze(part, (axis,)).result for part in parts)


def _split(cx: MilContext, x: Value, sizes: tuple[int, ...], axis: int) -> Result:
    """Parts of these sizes; some may be empty."""
    if 0 not in sizes:
        return core.Split(x, sizes, axis).results
    ends = tuple(accumulate(sizes))
    extent = x.type.shape[axis]
    fits = min(sizes) >= 0 and ends[-1] == extent
    cx.require(fits, f"has sizes {list(sizes)} for a dimension of {extent}")
    starts = (0, *ends[:-1])
    return tuple(
        slice_axes(x, {axis: (first, last, 1)}) for first, last in zip(starts, ends, strict=True)
    )


@rules("sliding_windows")
def sliding_windows(cx: MilContext) -> Result:
    """All windows along an axis, gathered at indices that are known at compile time."""
    x, axis = cx.value("x"), cx.integer("axis")
    size, step = cx.integer("size"), cx.integer("stride", 1)
    rank = x.type.rank
    cx.require(-rank <= axis < rank, f"has axis {axis} for {x.type}")
    extent = x.type.shape[axis]
    if not isinstance(extent, int):
        raise cx.unsupported(f"takes windows along a flexible dimension of {x.type}")
    fits = 1 <= size <= extent and step >= 1
    cx.require(fits, f"can't take windows of {size} every {step} elements from {extent}")
    starts = np.arange(0, extent - size + 1, step, dtype=np.int32)
    positions = starts[:, np.newaxis] + np.arange(size, dtype=np.int32)
    return Gather(x, constant(positions), axis=axis).result


@rules("tile")
def tile(cx: MilContext) -> Result:
    """Repeat along every dimension."""
    x, reps = cx.value("x"), cx.value("reps")
    rank = x.type.rank
    cx.require(reps.type.shape == (rank,), f"takes repetitions of type {reps.type} for {x.type}")
    known = known_dims(cx.value("reps"))
    if known is not None and is_static(known):
        return core.Tile(x, tuple(int(str(count)) for count in known)).result
    return tile_computed(x, reps, known or tuple(map(cx.fresh_symbol, range(rank))))
