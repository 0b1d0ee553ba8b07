"""Reading and writing at computed indices."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import index as core
from ....ir.dialects.core import scatter
from ....ir.dialects.core.elementwise import Less, Select
from ....ir.dialects.core.fill import DynamicBroadcastTo, Range1d
from ....ir.dialects.core.scatter import ScatterMode
from ....ir.dialects.core.shape import (
    BroadcastTo,
    Concat,
    ExpandDims,
    Reshape,
    ShapeOf,
    Transpose,
)
from ....ir.dim_values import known_dims
from ....ir.dims import is_static
from ....ir.ssa import Value
from .. import ranges
from ..rules import Result
from ..values import integers
from .context import MilContext, MilRules
from .shape import declared_dims, declared_type

rules = MilRules("index")

OUT_OF_RANGE = -(2**31)  # for any dimension: reading there is a run-time error


def _indices(cx: MilContext, x: Value, axes: tuple[int, ...]) -> Value:
    """Indices along axes of x; for several axes, they are the last dimension.

    Negative ones count from the end; since iOS 17 they are undefined, and errors with
    `validate_indices`. In that case they become indices that are out of range in any tensor.
    """
    indices = integers(cx.value("indices"))
    if not cx.flag("validate_indices", False):
        return indices
    known = array_of(cx.value("indices"))
    if known is None:
        none = scalar(OUT_OF_RANGE, indices)
        return Select(Less(indices, scalar(0, indices)).result, none, indices).result
    dims = [x.type.shape[axis] for axis in axes]
    limits = np.array([dim if isinstance(dim, int) else 2**31 for dim in dims], np.int64)
    limits = limits if len(limits) != 1 else limits[0]
    fits = bool(((known >= 0) & (known.astype(np.int64) < limits)).all())
    cx.require(fits, f"has indices out of range for {x.type}")
    return indices


def _axis(cx: MilContext, x: Value, default: int = 0) -> int:
    axis, rank = cx.integer("axis", default), x.type.rank
    cx.require(-rank <= axis < rank, f"has axis {axis} for {x.type}")
    return axis % rank


# -- gather ----------------------------------------------------------------------------------------


@rules("gather")
def gather(cx: MilContext) -> Result:
    """Gather slices along an axis; each entry of the batch has its own indices."""
    x = cx.value("x")
    axis, batch = _axis(cx, x), cx.integer("batch_dims", 0)
    indices = _indices(cx, x, (axis,))
    if batch == 0:
        return core.Gather(x, indices, axis=axis).result
    batch = _batch_dims(cx, x, batch, indices.type.rank)
    cx.require(axis >= batch, f"has axis {axis}, which is one of {batch} batch dimensions")
    # x [B…, M…, A, P…] → [B…, A, M…, P…] → [B…, K…, M…, P…] → [B…, M…, K…, P…]
    between, rank = axis - batch, x.type.rank
    perm = (*range(batch), axis, *range(batch, axis), *range(axis + 1, rank))
    moved = Transpose(x, perm).result if between else x
    rows = ExpandDims(indices, (indices.type.rank,)).result
    found = core.GatherNd(moved, _with_batch(rows, batch)).result
    if not between:
        return found
    first, last = batch, indices.type.rank
    back = (*range(first), *range(last, last + between), *range(first, last))
    return Transpose(found, (*back, *range(last + between, found.type.rank))).result


@rules("gather_nd")
def gather_nd(cx: MilContext) -> Result:
    """Gather slices at multi-indices; each entry of the batch has its own indices."""
    x, batch = cx.value("x"), cx.integer("batch_dims", 0)
    given = cx.value("indices").type
    cx.require(given.rank > 0, f"takes indices of type {given}")
    batch = _batch_dims(cx, x, batch, given.rank - 1) if batch else 0
    depth = given.shape[-1]
    fits = isinstance(depth, int) and batch + depth <= x.type.rank
    cx.require(fits, f"takes indices of type {given} for {x.type}")
    assert isinstance(depth, int)
    indices = _indices(cx, x, tuple(range(batch, batch + depth)))
    return core.GatherNd(x, _with_batch(indices, batch)).result


def _batch_dims(cx: MilContext, x: Value, batch: int, most: int) -> int:
    fits = 0 <= batch < x.type.rank and batch <= most
    cx.require(fits, f"has {batch} batch dimensions for {x.type}")
    return batch


def _with_batch(indices: Value, batch: int) -> Value:
    """Multi-indices with their own positions along the first dimensions prepended."""
    if batch == 0:
        return indices
    shape = (*indices.type.shape[:-1], 1)
    if is_static(shape):
        extents = None
    else:
        sizes = core.Gather(ShapeOf(indices).result, _numbers(range(len(shape) - 1)), 0).result
        extents = Concat((sizes, _numbers([1])), 0).result
    parts: list[Value] = []
    for axis in range(batch):
        row = _counting(indices, axis)
        row = Reshape(row, tuple(shape[axis] if i == axis else 1 for i in range(len(shape)))).result
        wide = (
            BroadcastTo(row, shape) if extents is None else DynamicBroadcastTo(row, extents, shape)
        )
        parts.append(wide.result)
    return Concat((*parts, indices), -1).result


def _counting(x: Value, axis: int) -> Value:
    """0, 1, … below the size of an axis."""
    extent = x.type.shape[axis]
    if isinstance(extent, int):
        return _numbers(range(extent))
    end = core.Gather(ShapeOf(x).result, constant(np.asarray(axis, np.int32)), 0).result
    return Range1d(scalar(0, end), end, scalar(1, end), (extent,)).result


def _numbers(numbers: Any) -> Value:
    return constant(np.asarray(list(numbers), np.int32))


@rules("gather_along_axis")
def gather_along_axis(cx: MilContext) -> Result:
    """Gather elements along an axis."""
    x = cx.value("x")
    axis = _axis(cx, x)
    return core.GatherAlongAxis(x, _indices(cx, x, (axis,)), axis=axis).result


# -- scatter ---------------------------------------------------------------------------------------


def _mode(cx: MilContext) -> ScatterMode:
    name = cx.text("mode", "add")
    modes = {mode.value: mode for mode in ScatterMode}
    if name not in modes:
        raise cx.unsupported(f"has the unknown mode '{name}'")
    return modes[name]


def _scatter(make: Callable[..., Any]) -> Callable[[MilContext], Result]:
    def rule(cx: MilContext) -> Result:
        data = cx.value("data")
        axis = _axis(cx, data)
        indices = _indices(cx, data, (axis,))
        return make(data, indices, cx.value("updates"), axis=axis, mode=_mode(cx)).result

    rule.__doc__ = make.__doc__
    return rule


rules("scatter")(_scatter(scatter.Scatter))
rules("scatter_along_axis")(_scatter(scatter.ScatterAlongAxis))


@rules("scatter_nd")
def scatter_nd(cx: MilContext) -> Result:
    """Write slices at multi-indices."""
    data, given = cx.value("data"), cx.value("indices").type
    depth = given.shape[-1] if given.rank else None
    fits = isinstance(depth, int) and depth <= data.type.rank
    cx.require(fits, f"takes indices of type {given} for {data.type}")
    assert isinstance(depth, int)
    indices = _indices(cx, data, tuple(range(depth)))
    return scatter.ScatterNd(data, indices, cx.value("updates"), mode=_mode(cx)).result


# -- others ----------------------------------------------------------------------------------------


@rules("one_hot")
def one_hot(cx: MilContext) -> Result:
    """One-hot vectors along a new axis, with given numbers for hot and cold."""
    indices, axis = integers(cx.value("indices")), cx.integer("axis", -1)
    rank = indices.type.rank
    cx.require(-rank - 1 <= axis <= rank, f"has axis {axis} for {indices.type}")
    dtype = cx.dtype(declared_type(cx).dtype)
    on, off = (
        constant(np.asarray(cx.scalar(name, default), dtype.numpy))
        for name, default in (("on_value", 1), ("off_value", 0))
    )
    return ranges.one_hot(indices, _classes(cx, axis % (rank + 1)), axis, on, off)


def _classes(cx: MilContext, axis: int) -> Value:
    """0, 1, … below the size of the vectors, which may be computed."""
    size = cx.value("one_hot_vector_size")
    known = known_dims(size)
    cx.require(size.type.is_static and size.type.shape in ((), (1,)), f"has a size of {size.type}")
    if known is not None and isinstance(known[0], int):
        cx.require(known[0] >= 0, f"has a size of {known[0]}")
        return _numbers(range(known[0]))
    size = integers(size)
    size = Reshape(size, ()).result if size.type.rank else size
    extent = declared_type(cx).shape[axis] if known is None else known[0]
    return ranges.numbers_below(size, extent)


@rules("non_zero")
def non_zero(cx: MilContext) -> Result:
    """The multi-indices of elements that are not 0, one per row; their number is dynamic."""
    x = cx.value("x")
    return core.NonZero(x, (declared_dims(cx, count=2)[0], x.type.rank)).result


@rules("reverse_sequence")
def reverse_sequence(cx: MilContext) -> Result:
    """Reverse each sequence up to its length."""
    axes = {name: cx.integer(name, 0) for name in ("seq_axis", "batch_axis")}
    return core.ReverseSequence(cx.value("x"), integers(cx.value("lengths")), **axes).result
