"""Slices, parts and repetitions by computed numbers, for both kinds of models."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...ir.dialects.builtin import constant, scalar
from ...ir.dialects.core import shape as core
from ...ir.dialects.core.elementwise import Add, Cast, FloorDiv
from ...ir.dialects.core.fill import DynamicBroadcastTo, DynamicTile
from ...ir.dialects.core.index import Gather
from ...ir.dim_values import known_dims
from ...ir.dims import Dim, floor_div, interval, is_static
from ...ir.ssa import Value
from .rules import RuleContext
from .values import integers

Positions = tuple[int, ...] | Value


def slice_axes(x: Value, parts: dict[int, tuple[int | None, int | None, int]]) -> Value:
    """Slice some axes as in numpy; None means the edge."""
    rank = x.type.rank
    rows: list[tuple[int | None, int | None, int]] = [(None, None, 1)] * rank
    for axis, part in parts.items():
        rows[axis] = part
    return core.SliceByIndex(
        x,
        begin=tuple(begin or 0 for begin, _, _ in rows),
        end=tuple(end or 0 for _, end, _ in rows),
        stride=tuple(stride for _, _, stride in rows),
        begin_mask=tuple(int(begin is None) for begin, _, _ in rows),
        end_mask=tuple(int(end is None) for _, end, _ in rows),
    ).result


def tile_computed(x: Value, counts: Value, reps: tuple[Dim, ...]) -> Value:
    """x tiled by repetitions that only running tells, or broadcast where they are those of shapes.

    Args:
        x: what to tile.
        counts: how often each of its dimensions is repeated.
        reps: the same as dimensions: known ones, and symbols.
    """
    if (found := _expanded(x, counts)) is not None:
        return found
    dims = tuple(extent * count for extent, count in zip(x.type.shape, reps, strict=True))
    return DynamicTile(x, integers(counts), dims).result


def _expanded(x: Value, counts: Value) -> Value | None:
    """x broadcast to a shape, if the repetitions are that shape divided by x's own.

    So converters write PyTorch's `expand`. Two open extents then are equal, or that of x is 1.
    """
    while isinstance(counts.op, Cast):
        counts = counts.op.x
    if not isinstance(counts.op, FloorDiv):
        return None
    target, own = counts.op.x, counts.op.y
    wanted, shape = known_dims(target), x.type.shape
    if wanted is None or known_dims(own) != shape:
        return None
    rows = list(zip(shape, wanted, strict=True))
    if not all(a in (1, b) or not (isinstance(a, int) or isinstance(b, int)) for a, b in rows):
        return None
    return DynamicBroadcastTo(x, integers(target), wanted).result


def _part(vector: Value, first: int, last: int) -> Value:
    return slice_axes(vector, {0: (first, last, 1)})


def reshape_divided(cx: RuleContext, x: Value, entries: Iterable[int | tuple[int, int]]) -> Value:
    """x in another shape, of numbers and of (axis, divisor): that dimension of x, divided.

    A remainder is an error: at compile time if the dimension is known, else at run time.
    """
    dims: list[Dim] = []
    parts: list[Value] = []
    even, sizes = True, core.ShapeOf(x).result
    for entry in entries:
        if isinstance(entry, int):
            dims.append(entry)
            parts.append(constant(np.asarray([entry], np.int32)))
            continue
        axis, divisor = entry
        extent = x.type.shape[axis]
        part = floor_div(extent, divisor)
        whole = part * divisor == extent
        message = f"can't divide a dimension of {extent} by {divisor}"
        cx.require(whole or not isinstance(extent, int), message)
        even = even and whole
        dims.append(part)
        size = _part(sizes, axis, axis + 1)
        parts.append(size if divisor == 1 else FloorDiv(size, scalar(divisor, size)).result)
    if even:
        return core.Reshape(x, tuple(dims)).result
    return core.DynamicReshape(x, core.Concat(tuple(parts), 0).result, tuple(dims)).result


def nearly_even_parts(x: Value, axis: int, count: int) -> tuple[Value, ...]:
    """Parts of a dimension known only at run time; the first ones have one more element."""
    rank = x.type.rank
    axis %= rank
    extent = x.type.shape[axis]
    size = _part(core.ShapeOf(x).result, axis, axis + 1)
    before, after = (constant(np.zeros(n, np.int32)) for n in (axis, rank - 1 - axis))
    others = tuple(int(i != axis) for i in range(rank))
    found: list[Value] = []
    first = constant(np.zeros(1, np.int32))
    for i in range(count):
        more = count - 1 - i
        part = FloorDiv(Add(size, scalar(more, size)).result, scalar(count, size)).result
        last = Add(first, part).result
        begin, end = (core.Concat((before, p, after), 0).result for p in (first, last))
        dims = list(x.type.shape)
        dims[axis] = floor_div(extent + more, count)
        ones = (1,) * rank
        found.append(core.DynamicSlice(x, begin, end, ones, others, others, tuple(dims)).result)
        first = last
    return tuple(found)


def slice_between(
    cx: RuleContext,
    x: Value,
    begin: Positions,
    end: Positions,
    strides: tuple[int, ...],
    begin_masks: tuple[int, ...],
    end_masks: tuple[int, ...],
    squeeze_masks: tuple[int, ...],
    declared: Sequence[Dim] | None = None,
) -> Value:
    """x between given or computed indices; empty masks mean none, empty strides mean 1.

    A dimension with a squeeze mask is indexed at its begin, and removed. `declared` is the shape of
    the result before that, for dimensions known only at run time. Indices of the last dimensions
    may be left out if masks ignore them, as coremltools converts x[i] of TensorFlow.
    """
    rank = x.type.rank
    strides = strides or (1,) * rank
    masks = [mask or (0,) * rank for mask in (begin_masks, end_masks, squeeze_masks)]
    begin, end = (for_all_axes(p, row) for p, row in zip((begin, end), masks, strict=False))
    starts, stops = entries_of(cx, begin), entries_of(cx, end)
    for name, row in zip(
        ("begins", "ends", "strides", "begin masks", "end masks", "squeeze masks"),
        (starts, stops, strides, *masks),
        strict=True,
    ):
        cx.require(len(row) == rank, f"has {len(row)} {name} for rank {rank}")
    cx.require(0 not in strides, "has a stride of 0")
    no_begin, no_end, squeezed = masks
    parts: dict[int, tuple[int | None, int | None, int]] = {}
    computed: dict[int, Dim | None] = {}  # axes, and how much of them is taken if that is known
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
            computed[axis] = None
        elif isinstance(first, int | None) and isinstance(last, int | None):
            parts[axis] = (first, last, strides[axis])
        else:
            computed[axis] = _taken(cx, x.type.shape[axis], first, last, strides[axis])
    if parts:
        x = slice_axes(x, parts)
    if computed:
        x = _slice_computed(cx, x, (begin, end), computed, (strides, no_begin, no_end), declared)
    axes = tuple(axis for axis in range(rank) if squeezed[axis])
    return core.Squeeze(x, axes).result if axes else x


def _taken(
    cx: RuleContext, extent: Dim, first: Dim | None, last: Dim | None, stride: int
) -> Dim | None:
    """How many elements are between two indices; None if they may be out of range."""
    first, last = first or 0, extent if last is None else last
    if stride != 1:
        return None
    for difference in (first, last - first, extent - last):
        low, _ = interval(difference, cx.limits)
        if low is None or low < 0:
            return None
    return last - first


def for_all_axes(positions: Positions, ignored: Sequence[int]) -> Positions:
    """An index for each dimension, with zeros for the last ones that masks ignore."""
    if isinstance(positions, tuple):
        missing = len(ignored) - len(positions)
    else:
        positions = _as_vector(positions)
        given = positions.type.shape[0] if positions.type.rank == 1 else None
        missing = len(ignored) - given if isinstance(given, int) else 0
    if missing <= 0 or not all(ignored[-missing:]):
        return positions
    if isinstance(positions, tuple):
        return (*positions, *(0,) * missing)
    zeros = constant(np.zeros(missing, positions.type.dtype.numpy))
    return core.Concat((positions, zeros), 0).result


def _as_vector(positions: Value) -> Value:
    """Without leading and trailing dimensions of 1: networks have no scalars, and stack vectors."""
    dims = [dim for dim in positions.type.shape if dim != 1]
    if positions.type.rank < 2 or len(dims) > 1 or not is_static(tuple(dims)):
        return positions
    return core.Reshape(positions, tuple(dims) or (1,)).result


def entries_of(cx: RuleContext, positions: Positions) -> Sequence[Dim | None]:
    """Indices, where they are known at compile time; None for others."""
    if isinstance(positions, tuple):
        return positions
    cx.require(
        positions.type.rank == 1 and is_static(positions.type.shape),
        f"takes indices of type {positions.type}",
    )
    known = known_dims(positions)
    if known is not None:
        return known
    if isinstance(positions.op, core.Concat):
        return [entry for part in positions.op.values for entry in entries_of(cx, part)]
    if isinstance(positions.op, core.Stack):
        return [(known_dims(part) or (None,))[0] for part in positions.op.values]
    return (None,) * positions.type.static_shape[0]


def _entry(positions: Value, axis: int) -> Value:
    return integers(slice_axes(positions, {0: (axis, axis + 1, 1)}))


def _slice_computed(
    cx: RuleContext,
    x: Value,
    positions: tuple[Positions, Positions],
    taken: Mapping[int, Dim | None],
    fixed: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    declared: Sequence[Dim] | None,
) -> Value:
    """Slice these axes between computed indices, and not the others."""
    rank, chosen = x.type.rank, taken.keys()
    strides, no_begin, no_end = (
        tuple(n if axis in chosen else other for axis, n in enumerate(row))
        for row, other in zip(fixed, (1, 1, 1), strict=True)
    )
    found = declared or [cx.fresh_symbol(axis) for axis in range(rank)]
    dims = tuple(
        found[axis] if (known := taken.get(axis, size)) is None else known
        for axis, size in enumerate(x.type.shape)
    )
    begin, end = (
        integers(p) if isinstance(p, Value) else constant(np.asarray(p, np.int32))
        for p in positions
    )
    return core.DynamicSlice(x, begin, end, strides, no_begin, no_end, dims).result
