"""Writing to a slice: MIL's indices as the position and the strides of what is written."""

from dataclasses import dataclass

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.control import Assert
from ....ir.dialects.core.elementwise import (
    Add,
    Cast,
    Equal,
    FloorDiv,
    Less,
    Maximum,
    Minimum,
    Mul,
    Select,
    Sub,
)
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, interval
from ....ir.ssa import Value
from ..slices import entries_of, for_all_axes, slice_axes
from ..values import integers
from .context import MilContext


@dataclass(frozen=True)
class Bounds:
    """Where a slice begins and ends, as an operation has it: one entry for each dimension of x."""

    begin: Value
    end: Value
    strides: tuple[int, ...]
    begin_masks: tuple[int, ...]
    end_masks: tuple[int, ...]
    squeezed: tuple[int, ...]


def bounds(cx: MilContext, rank: int) -> Bounds:
    """The parameters of an operation that works on a slice."""
    strides = cx.integers("stride", (1,) * rank)
    masks = [cx.flags(f"{name}_mask", rank) for name in ("begin", "end", "squeeze")]
    for name, row in zip(("begin", "end", "squeeze"), masks, strict=True):
        cx.require(len(row) == rank, f"has {len(row)} {name} masks for rank {rank}")
    if any(a and b for a, b in zip(masks[0], masks[2], strict=True)):
        raise cx.unsupported("has a begin mask and a squeeze mask for one dimension")
    begin, end, squeezed = (tuple(map(int, row)) for row in masks)
    return Bounds(cx.value("begin"), cx.value("end"), strides, begin, end, squeezed)


def updated(cx: MilContext, x: Value, update: Value, given: Bounds) -> Value:
    """x with `update` in its slice.

    A stride backwards writes the reversed update forwards. That the update has the slice's size is
    checked here if it is known, else when it runs.
    """
    rank = x.type.rank
    cx.require(
        update.type.rank == rank - sum(given.squeezed),
        f"writes {update.type} to a slice of rank {rank - sum(given.squeezed)}",
    )
    begin = for_all_axes(given.begin, given.begin_masks)
    end = for_all_axes(given.end, given.end_masks)
    for name, count in (
        ("begins", len(entries_of(cx, begin))),
        ("ends", len(entries_of(cx, end))),
        ("strides", len(given.strides)),
    ):
        cx.require(count == rank, f"has {count} {name} for rank {rank}")
    cx.require(0 not in given.strides, "has a stride of 0")
    assert isinstance(begin, Value)
    assert isinstance(end, Value)
    axes = tuple(axis for axis in range(rank) if given.squeezed[axis])
    update = core.ExpandDims(update, axes).result if axes else update
    firsts: list[Value] = []
    for axis, step in enumerate(given.strides):
        line = _Line(cx, x, update, axis, 1 if axis in axes else step)
        ends = bool(given.begin_masks[axis]), bool(given.end_masks[axis])
        first = line.moved_as_a_whole(begin, end) if not any(ends) and axis not in axes else None
        if first is None:
            first = line.first(begin, masked=ends[0])
            if axis in axes:
                line.check_inside(first)
            else:
                update = line.fitting(update, first, line.last(end, masked=ends[1]))
        firsts.append(line.lowest(first))
    steps = [1 if axis in axes else step for axis, step in enumerate(given.strides)]
    back: dict[int, tuple[int | None, int | None, int]] = {
        axis: (None, None, -1) for axis, step in enumerate(steps) if step < 0
    }
    update = slice_axes(update, back) if back else update
    strides = tuple(map(abs, steps))
    return core.SliceUpdate(x, update, _vector(firsts), strides).result


class _Line:
    """One dimension that is written to. Positions are scalars, i32, counted from the start."""

    def __init__(self, cx: MilContext, x: Value, update: Value, axis: int, step: int) -> None:
        self._cx, self._axis, self._step = cx, axis, step
        self._extent, self._count = _extent(x, axis), _extent(update, axis)

    def moved_as_a_whole(self, begin: Value, end: Value) -> Value | None:
        """The first element if the slice certainly has the update's size, wherever it begins.

        Then both ends count from the end of x, or neither; a begin that alone does is outside.
        """
        first, last = _entry(begin, self._axis), _entry(end, self._axis)
        count, known = _known(self._count), _known(last)
        if self._step != 1 or isinstance(_known(first), int) or _distance(first, last) != count:
            return None
        low = None if known is None else interval(known, self._cx.limits)[0]
        if low is not None and low >= 0:
            return first
        behind = Add(first, self._extent).result
        return Select(Less(last, _number(0)).result, behind, first).result

    def first(self, begin: Value, *, masked: bool) -> Value:
        """The slice's first element."""
        if not masked:
            return self._from_the_start(_entry(begin, self._axis))
        return _number(0) if self._step > 0 else _plus(self._extent, -1)

    def last(self, end: Value, *, masked: bool) -> Value:
        """Where the slice ends: behind its last element in the direction of the stride."""
        if not masked:
            return self._from_the_start(_entry(end, self._axis))
        return self._extent if self._step > 0 else _number(-1)

    def _from_the_start(self, position: Value) -> Value:
        known = _known(position)
        low = None if known is None else interval(known, self._cx.limits)[0]
        if low is not None and low >= 0:
            return position
        behind, extent = Add(position, self._extent).result, _known(self._extent)
        if isinstance(known, int) and isinstance(extent, int):
            return _number(max(known + extent, -1))  # slices end there at the latest
        return Select(Less(position, _number(0)).result, behind, position).result

    def check_inside(self, first: Value) -> None:
        """Refuse a single position outside of x, if both are known."""
        position, extent = _known(first), _known(self._extent)
        if isinstance(position, int) and isinstance(extent, int):
            message = f"writes to position {position} of a dimension of {extent}"
            self._cx.require(0 <= position < extent, message)

    def fitting(self, update: Value, first: Value, last: Value) -> Value:
        """The update, if it has as many elements as the slice; else an error, or a check."""
        step, count = self._step, _known(self._count)
        rows = [_known(value) for value in (first, last, self._extent)]
        start, stop, extent = rows
        if isinstance(start, int) and isinstance(stop, int) and isinstance(extent, int):
            size = len(range(start, min(stop, extent), step))
            fits = size == count or not isinstance(count, int)
            fits = fits and (not size or 0 <= start < extent)
            message = f"writes {update.type} to a slice of {size} elements along axis {self._axis}"
            self._cx.require(fits, message)
        else:
            size = _distance(first, last) if step == 1 else None
        if size is not None and size == count:
            return update
        low, high = (first, Minimum(last, self._extent).result) if step > 0 else (last, first)
        span = Sub(high, low).result
        if abs(step) != 1:
            span = FloorDiv(_plus(span, abs(step) - 1), _number(abs(step))).result
        same = Equal(Maximum(span, _number(0)).result, self._count).result
        text = "slice_update writes another number of elements than its slice has"
        return Assert(same, (update,), text).results[0]

    def lowest(self, first: Value) -> Value:
        """The least position that is written to."""
        if self._step > 0:
            return first
        behind = Mul(_plus(self._count, -1), _number(self._step)).result
        return Add(first, behind).result


def _distance(first: Value, last: Value) -> Dim | None:
    """How far one position is behind another, where that is certain."""
    start, stop = _known(first), _known(last)
    if start is not None and stop is not None:
        return stop - start
    if isinstance(last.op, Add):
        for base, more in (last.op.operands, last.op.operands[::-1]):
            if _same(base, first):
                return _known(more)
    return None


def _same(a: Value, b: Value) -> bool:
    """Whether two positions are taken from one vector at one place."""
    if a is b:
        return True
    match a.op, b.op:
        case (core.Squeeze(x), core.Squeeze(y)) | (Cast(x), Cast(y)):
            return _same(x, y)
        case core.SliceByIndex(x) as ours, core.SliceByIndex(y) as theirs:
            return x is y and ours.attributes == theirs.attributes
        case _:
            return False


def _entry(positions: Value, axis: int) -> Value:
    """One of several positions as a scalar: the one that they were joined from, if possible."""
    joined = positions.op
    if isinstance(joined, Cast):
        joined = joined.x.op
    if isinstance(joined, core.Stack) and positions.type.rank == 1:
        return integers(joined.values[axis])
    if isinstance(joined, core.Concat):
        before = 0
        for part in joined.values:
            (count,) = part.type.static_shape
            if axis < before + count:
                return _element(part, axis - before)
            before += count
    return _element(positions, axis)


def _element(vector: Value, index: int) -> Value:
    match vector.op:
        case core.ExpandDims(x) if x.type.rank == 0:
            return integers(x)
        case Add(x, y) if vector.type.shape == (1,) and x.type.shape == y.type.shape:
            return Add(_element(x, 0), _element(y, 0)).result
        case _:
            one = slice_axes(vector, {0: (index, index + 1, 1)})
            return integers(core.Squeeze(one, (0,)).result)


def _vector(positions: list[Value]) -> Value:
    known = [_known(position) for position in positions]
    if all(isinstance(position, int) for position in known):
        return constant(np.asarray(known, np.int32))
    return core.Stack(tuple(positions), 0).result


def _known(position: Value) -> Dim | None:
    found = known_dims(position)
    return None if found is None else found[0]


def _number(number: int) -> Value:
    return constant(np.asarray(number, np.int32))


def _plus(value: Value, number: int) -> Value:
    known = _known(value)
    return _number(known + number) if isinstance(known, int) else Add(value, _number(number)).result


def _extent(value: Value, axis: int) -> Value:
    extent = value.type.shape[axis]
    if isinstance(extent, int):
        return _number(extent)
    return _element(core.ShapeOf(value).result, axis)
