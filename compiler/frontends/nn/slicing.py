"""Layers that cut and repeat: splits, slices between given or computed indices, tiles."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.elementwise import Add
from ....ir.dialects.core.index import Gather
from ....ir.dim_values import known_dims
from ....ir.dims import is_static, product
from ..rules import Result
from ..slices import nearly_even_parts, slice_axes, slice_between, tile_computed
from ..values import integers
from .context import LayerContext, LayerRules
from .reduce import at_least_rank_1

rules = LayerRules("slicing")


@rules("splitND")
def split_nd(cx: LayerContext, p: Any) -> Result:
    """Split any dimension into (nearly) equal parts, or into parts of given sizes."""
    cx.expect_inputs(1)
    x, axis = cx.input, int(p.axis)
    sizes = tuple(int(size) for size in p.splitSizes)
    if not sizes:
        cx.require(-x.type.rank <= axis < x.type.rank, f"has axis {axis} for {x.type}")
        extent, parts = x.type.shape[axis], int(p.numSplits)
        if not isinstance(extent, int):
            cx.require(parts > 0, f"can't split a dimension of {extent} into {parts}")
            return nearly_even_parts(x, axis, parts)
        cx.require(0 < parts <= extent, f"can't split a dimension of {extent} into {parts}")
        # As in Core ML, the first parts have one element more if the dimension is not a multiple.
        sizes = tuple(extent // parts + (i < extent % parts) for i in range(parts))
    return core.Split(x, sizes, axis).results


@rules("tile")
def tile(cx: LayerContext, p: Any) -> Result:
    """Repeat along the last dimensions; an input may give the repetitions."""
    cx.expect_inputs(1, 2)
    x, rank = cx.input, cx.input.type.rank
    if len(cx.inputs) == 1:
        reps = tuple(int(count) for count in p.reps)
        cx.require(0 < len(reps) <= rank, f"has {len(reps)} repetitions for rank {rank}")
        return core.Tile(x, (*(1,) * (rank - len(reps)), *reps)).result
    counts = cx.inputs[1]
    # Converters give a single number extra dimensions of 1.
    count = product(counts.type.shape)
    fits = isinstance(count, int) and 0 < count <= rank
    cx.require(fits, f"takes repetitions of type {counts.type} for {x.type}")
    assert isinstance(count, int)
    if counts.type.rank != 1:
        counts = core.Reshape(counts, (count,)).result
    if count < rank:
        ones = constant(np.ones(rank - count, counts.type.dtype.numpy))
        counts = core.Concat((ones, counts), 0).result
    known = known_dims(counts)
    if known is not None and is_static(known):
        return core.Tile(x, tuple(int(str(count)) for count in known)).result
    return tile_computed(x, counts, cx.declared_dims(counts, known))


# -- slices ----------------------------------------------------------------------------------------


@rules("sliceStatic")
def slice_static(cx: LayerContext, p: Any) -> Result:
    """Slice between given indices."""
    cx.expect_inputs(1)
    begin = tuple(int(n) for n in p.beginIds)
    return at_least_rank_1(slice_between(cx, cx.input, begin, *_parameters(p)))


@rules("sliceDynamic")
def slice_dynamic(cx: LayerContext, p: Any) -> Result:
    """Slice between indices; inputs override parameters in order, and begin is always an input."""
    cx.expect_inputs(2, 3, 4, 5, 6, 7)
    begin, *given = cx.inputs[1:]
    # Converters write five entries for any rank; Core ML uses the ones that it needs.
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
            raise cx.unsupported(f"computes its {name} at run time")
        fixed[i] = tuple(int(str(n)) for n in known)
    return at_least_rank_1(slice_between(cx, cx.input, begin, end, *fixed))


def _parameters(p: Any) -> tuple[tuple[int, ...], ...]:
    fields = (p.endIds, p.strides, p.beginMasks, p.endMasks, p.squeezeMasks)
    return tuple(tuple(int(n) for n in field) for field in fields)


@rules("sliceBySize")
def slice_by_size(cx: LayerContext, p: Any) -> Result:
    """Take a number of elements of one dimension, from the index in the second input."""
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
        cx.require(extent == size, f"can't take {size} elements from index {first} of {x.type}")
        return part
    first = core.Reshape(integers(begin), (1,)).result
    positions = Add(first, constant(np.arange(size, dtype=np.int32))).result
    return Gather(x, positions, axis).result
