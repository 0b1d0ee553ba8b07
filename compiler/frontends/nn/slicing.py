"""Layers that cut and repeat: splits, slices between given or computed positions, tiles."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.elementwise import Add, Mul
from ....ir.dialects.core.fill import DynamicBroadcastTo
from ....ir.dialects.core.index import Gather
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, is_static, product
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, integers, layer_rules
from .reduce import at_least_rank_1
from .shape import slice_axes

rules = layer_rules("slicing")


@rules("splitND")
def split_nd(cx: LayerContext, p: Any) -> Result:
    """(Nearly) equal parts of any dimension, or parts of given sizes."""
    cx.expect_inputs(1)
    x, axis = cx.input, int(p.axis)
    sizes = tuple(int(size) for size in p.splitSizes)
    if not sizes:
        cx.require(-x.type.rank <= axis < x.type.rank, f"has axis {axis} for {x.type}")
        extent, parts = x.type.shape[axis], int(p.numSplits)
        cx.require(isinstance(extent, int), f"splits an extent of {extent}")
        assert isinstance(extent, int)
        cx.require(0 < parts <= extent, f"splits an extent of {extent} into {parts}")
        # As Core ML does: the first parts have one more where the extent is not a multiple.
        sizes = tuple(extent // parts + (i < extent % parts) for i in range(parts))
    return core.Split(x, sizes, axis).results


@rules("tile")
def tile(cx: LayerContext, p: Any) -> Result:
    """Repetitions along the last dimensions; an input may give them, for all."""
    cx.expect_inputs(1, 2)
    x, rank = cx.input, cx.input.type.rank
    if len(cx.inputs) == 1:
        reps = tuple(int(count) for count in p.reps)
        cx.require(0 < len(reps) <= rank, f"has {len(reps)} repetitions for rank {rank}")
        return core.Tile(x, (*(1,) * (rank - len(reps)), *reps)).result
    counts = cx.inputs[1]
    # Converters give a single number extra dimensions of 1.
    fits = product(counts.type.shape) == rank
    cx.require(fits, f"takes repetitions of type {counts.type} for {x.type}")
    if counts.type.rank != 1:
        counts = core.Reshape(counts, (rank,)).result
    known = known_dims(counts)
    if known is not None and is_static(known):
        return core.Tile(x, tuple(int(str(count)) for count in known)).result
    return _tile_computed(x, integers(counts), cx.declared_dims(counts, known))


def _tile_computed(x: Value, counts: Value, reps: tuple[Dim, ...]) -> Value:
    """[A, B] → [r, A, B] → [r * A, B], one dimension at a time: targets broadcast only a few."""
    for axis, count in enumerate(reps):
        if count == 1:
            continue
        dims, sizes = x.type.shape, core.ShapeOf(x).result
        times, extent = _part(counts, axis, axis + 1), _part(sizes, axis, axis + 1)
        before = (_part(sizes, 0, axis),) if axis else ()
        after = (_part(sizes, axis + 1, len(dims)),) if axis + 1 < len(dims) else ()
        apart = core.ExpandDims(x, (axis,)).result
        shape = core.Concat((*before, times, extent, *after), 0).result
        wide = DynamicBroadcastTo(apart, shape, (*dims[:axis], count, *dims[axis:])).result
        merged = core.Concat((*before, Mul(times, extent).result, *after), 0).result
        joined = (*dims[:axis], count * dims[axis], *dims[axis + 1 :])
        x = core.DynamicReshape(wide, merged, joined).result
    return x


def _part(vector: Value, first: int, last: int) -> Value:
    return slice_axes(vector, {0: (first, last, 1)})


# -- slices ----------------------------------------------------------------------------------------


@rules("sliceStatic")
def slice_static(cx: LayerContext, p: Any) -> Result:
    """Between given positions."""
    cx.expect_inputs(1)
    return _slice(cx, tuple(int(n) for n in p.beginIds), *_parameters(p))


@rules("sliceDynamic")
def slice_dynamic(cx: LayerContext, p: Any) -> Result:
    """Inputs take the place of parameters, in the order of these; begin is always one."""
    cx.expect_inputs(2, 3, 4, 5, 6, 7)
    begin, *given = cx.inputs[1:]
    # Converters write five entries for any rank; Core ML takes those that it needs.
    rank = cx.input.type.rank
    end, strides, begin_masks, end_masks, squeeze_masks = (row[:rank] for row in _parameters(p))
    if given:
        end = given[0]
    fixed = [strides, begin_masks, end_masks, squeeze_masks]
    for i, (name, value) in enumerate(
        zip(("strides", "begin masks", "end masks", "squeeze masks"), given[1:], strict=False)
    ):
        known = known_dims(value)
        if known is None or not is_static(known):
            raise cx.unsupported(f"computes its {name} while it runs")
        fixed[i] = tuple(int(str(n)) for n in known)
    return _slice(cx, begin, end, *fixed)


Positions = tuple[int, ...] | Value


def _parameters(p: Any) -> tuple[tuple[int, ...], ...]:
    fields = (p.endIds, p.strides, p.beginMasks, p.endMasks, p.squeezeMasks)
    return tuple(tuple(int(n) for n in field) for field in fields)


def _slice(
    cx: LayerContext,
    begin: Positions,
    end: Positions,
    strides: tuple[int, ...],
    begin_masks: tuple[int, ...],
    end_masks: tuple[int, ...],
    squeeze_masks: tuple[int, ...],
) -> Value:
    """What both layers do; empty masks mean none, empty strides mean 1."""
    x, rank = cx.input, cx.input.type.rank
    strides = strides or (1,) * rank
    masks = [mask or (0,) * rank for mask in (begin_masks, end_masks, squeeze_masks)]
    starts, stops = _entries(cx, begin), _entries(cx, end)
    for name, row in zip(
        ("begins", "ends", "strides", "begin masks", "end masks", "squeeze masks"),
        (starts, stops, strides, *masks),
        strict=True,
    ):
        cx.require(len(row) == rank, f"has {len(row)} {name} for rank {rank}")
    cx.require(0 not in strides, "has a stride of 0")
    no_begin, no_end, squeezed = masks
    parts: dict[int, tuple[int | None, int | None, int]] = {}
    computed: list[int] = []
    for axis in range(rank):
        first, last = starts[axis], stops[axis]
        if squeezed[axis]:
            if isinstance(first, int):
                parts[axis] = (first, first + 1 or None, 1)
            else:
                assert isinstance(begin, Value)
                x = Gather(x, _entry(begin, axis), axis).result
            continue
        first = None if no_begin[axis] else first
        last = None if no_end[axis] else last
        if (first is None and not no_begin[axis]) or (last is None and not no_end[axis]):
            computed.append(axis)
        elif isinstance(first, int | None) and isinstance(last, int | None):
            parts[axis] = (first, last, strides[axis])
        else:
            computed.append(axis)
    if parts:
        x = slice_axes(x, parts)
    if computed:
        x = _slice_computed(cx, x, (begin, end), computed, (strides, no_begin, no_end))
    axes = tuple(axis for axis in range(rank) if squeezed[axis])
    return at_least_rank_1(core.Squeeze(x, axes).result) if axes else x


def _entries(cx: LayerContext, positions: Positions) -> Sequence[Dim | None]:
    """Positions where they are known when compiling."""
    if isinstance(positions, tuple):
        return positions
    cx.require(
        positions.type.rank == 1 and is_static(positions.type.shape),
        f"takes positions of type {positions.type}",
    )
    known = known_dims(positions)
    if known is not None:
        return known
    if isinstance(positions.op, core.Concat):
        return [entry for part in positions.op.values for entry in _entries(cx, part)]
    return (None,) * positions.type.static_shape[0]


def _entry(positions: Value, axis: int) -> Value:
    return integers(slice_axes(positions, {0: (axis, axis + 1, 1)}))


def _slice_computed(
    cx: LayerContext,
    x: Value,
    positions: tuple[Positions, Positions],
    axes: Iterable[int],
    fixed: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
) -> Value:
    """Slice these axes between positions that are computed, the others not at all."""
    rank, chosen = x.type.rank, set(axes)
    strides, no_begin, no_end = (
        tuple(n if axis in chosen else other for axis, n in enumerate(row))
        for row, other in zip(fixed, (1, 1, 1), strict=True)
    )
    dims = tuple(
        cx.fresh_symbol(axis) if axis in chosen else x.type.shape[axis] for axis in range(rank)
    )
    begin, end = (
        integers(p) if isinstance(p, Value) else constant(np.asarray(p, np.int32))
        for p in positions
    )
    return core.DynamicSlice(x, begin, end, strides, no_begin, no_end, dims).result


@rules("sliceBySize")
def slice_by_size(cx: LayerContext, p: Any) -> Result:
    """So many positions of one dimension, from where the second input says."""
    cx.expect_inputs(2)
    x, begin = cx.inputs
    axis, size = int(p.axis), int(p.size)
    cx.require(size > 0, f"has a size of {size}")
    cx.require(product(begin.type.shape) == 1, f"takes a position of type {begin.type}")
    known = known_dims(begin)
    if known is not None and isinstance(known[0], int):
        first = known[0]
        part = slice_axes(x, {axis: (first, first + size or None, 1)})
        extent = part.type.shape[axis]
        cx.require(extent == size, f"finds no {size} positions from {first} in {x.type}")
        return part
    first = core.Reshape(integers(begin), (1,)).result
    positions = Add(first, constant(np.arange(size, dtype=np.int32))).result
    return Gather(x, positions, axis).result
