"""Shape changes: adjacent ones merge, and those that only add dimensions of 1 move to the end."""

from itertools import accumulate

import numpy as np

from ...ir.dialects.builtin import Const, array_of, constant
from ...ir.dialects.core import shape as core
from ...ir.dialects.core.activation import Softmax
from ...ir.dialects.core.elementwise import Elementwise
from ...ir.dim_values import known_dims
from ...ir.dims import Dim
from ...ir.rewrite import replace
from ...ir.ssa import Op, Value
from ..patterns import Rewrite, no, pattern


def reshape_to(x: Value, target: tuple[Dim, ...]) -> Value | None:
    """A reshape in its preferred form: nothing, expand_dims, squeeze or reshape."""
    source = x.type.shape
    if source == target:
        return x
    axes = _inserted_units(source, target)
    if axes is not None:
        return core.ExpandDims(x, axes).result
    axes = _inserted_units(target, source)
    if axes is not None:
        return core.Squeeze(x, axes).result
    if core.reshaped_sizes(source, target).count(-1) > 1:
        return None
    return core.Reshape(x, target).result


def _inserted_units(small: tuple[Dim, ...], large: tuple[Dim, ...]) -> tuple[int, ...] | None:
    """Positions of the 1s that turn `small` into `large`, if that is the only difference."""
    if len(small) >= len(large):
        return None
    axes: list[int] = []
    position = 0
    for axis, dim in enumerate(large):
        left = len(large) - axis
        if position < len(small) and dim == small[position] and len(small) - position <= left:
            # Prefer keeping: a 1 of the source matches the first 1 of the target.
            position += 1
        elif dim == 1:
            axes.append(axis)
        else:
            return None
    return tuple(axes) if position == len(small) else None


@pattern(core.Reshape)
def reshape_that_adds_or_removes_units(op: core.Reshape) -> Rewrite:
    """reshape(x) that only adds (removes) extents of 1 → expand_dims(x) (squeeze(x))."""
    found = reshape_to(op.x, op.shape)
    return None if found is None or isinstance(found.op, core.Reshape) else found


@pattern(core.Reshape, core.ExpandDims, core.Squeeze)
def reshape_of_reshape(op: Op) -> Rewrite:
    """reshape(reshape(x)) → reshape(x), for any two shape changes."""
    inner = op.operands[0].op
    if not isinstance(inner, core.Reshape | core.ExpandDims | core.Squeeze):
        return None
    return reshape_to(inner.x, op.result.type.shape)


@pattern(core.Transpose)
def transpose_of_transpose(op: core.Transpose) -> Rewrite:
    """transpose(transpose(x, p), q) → transpose(x, p∘q)."""
    match op:
        case core.Transpose(Value(op=core.Transpose(x, first)), second):
            return core.Transpose(x, tuple(first[axis] for axis in second)).result
        case _:
            return None


@pattern(core.Transpose)
def transpose_of_units(op: core.Transpose) -> Rewrite:
    """transpose(x) that moves only dimensions of 1 → a shape change."""
    moved = [axis for axis in op.perm if op.x.type.shape[axis] != 1]
    if moved != sorted(moved):
        return None
    return reshape_to(op.x, op.result.type.shape)


@pattern(core.DynamicReshape)
def reshape_to_known_shape(op: core.DynamicReshape) -> Rewrite:
    """dynamic_reshape(x, known shape) → reshape(x)."""
    known = known_dims(op.shape)
    if known is None:
        return no("the shape is not known")
    if any(dim == -1 for dim in known):
        return no("the shape has placeholders")
    if core.reshaped_sizes(op.x.type.shape, known).count(-1) > 1:
        return no("two dimensions don't follow from the operand's shape")
    return core.Reshape(op.x, known).result


@pattern(core.DynamicPad)
def pad_by_known_amounts(op: core.DynamicPad) -> Rewrite:
    """dynamic_pad(x, const) → pad(x)."""
    amounts = array_of(op.pad)
    if amounts is None or not op.x.type.is_static or amounts.min(initial=0) < 0:
        return None
    return core.Pad(op.x, tuple(map(int, amounts)), value=op.value).result


@pattern(core.ShapeOf)
def shape_of_static(op: core.ShapeOf) -> Rewrite:
    """shape(x), if it is static → const."""
    if not op.x.type.is_static:
        return None
    return constant(np.asarray(op.x.type.static_shape, np.int32))


@pattern(core.Concat)
def concat_of_one(op: core.Concat) -> Rewrite:
    """concat(x) → x."""
    return op.values[0] if len(op.values) == 1 else None


@pattern(core.Concat)
def concat_with_nothing(op: core.Concat) -> Rewrite:
    """concat(x, y of size 0) → concat(x)."""
    kept = tuple(value for value in op.values if value.type.shape[op.axis] != 0)
    if len(kept) == len(op.values) or not kept:
        return None
    return core.Concat(kept, op.axis).result


@pattern(core.SliceByIndex)
def slice_of_concat(op: core.SliceByIndex) -> Rewrite:
    """slice(concat(x, y, …)) → concat of those that it takes whole, or slice of one of them."""
    joined = op.x.op
    if not isinstance(joined, core.Concat):
        return None
    extent, part = op.x.type.shape[joined.axis], op.slices()[joined.axis]
    kept = [a == b for a, b in zip(op.x.type.shape, op.result.type.shape, strict=True)]
    kept[joined.axis] = True
    if not all(kept) or set(op.stride) != {1}:
        return None
    ends = list(accumulate((v.type.shape[joined.axis] for v in joined.values), initial=0))
    start, stop = (_place(index, extent) for index in (part.start or 0, part.stop))
    if start in ends and stop in ends:
        taken = joined.values[ends.index(start) : ends.index(stop)]
        if len(taken) < 2:
            return taken[0] if taken else None
        return core.Concat(taken, joined.axis).result
    for value, first, last in zip(joined.values, ends, ends[1:], strict=False):
        before, after = start - first, last - stop
        if isinstance(before, int) and isinstance(after, int) and min(before, after) >= 0:
            return _within(op, value, joined.axis, before, after)
    return no("it is not known to take a part of only one of them")


def _within(op: core.SliceByIndex, x: Value, axis: int, before: int, after: int) -> Value:
    """A slice of x without some elements at the beginning and at the end of a dimension."""

    def changed(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
        return (*numbers[:axis], number, *numbers[axis + 1 :])

    return replace(
        op,
        x=x,
        begin=changed(op.begin, before),
        begin_mask=changed(op.begin_mask, 0),
        end=changed(op.end, -after),
        end_mask=changed(op.end_mask, int(after == 0)),
    ).result


def _place(index: int | None, extent: Dim) -> Dim:
    """Where a slice begins or ends."""
    if index is None:
        return extent
    if isinstance(extent, int):
        return min(max(index + extent if index < 0 else index, 0), extent)
    return index + extent if index < 0 else index


@pattern(core.Split)
def split_into_one(op: core.Split) -> Rewrite:
    """split(x) into one piece → x."""
    return (op.x,) if len(op.sizes) == 1 else None


@pattern(core.Tile)
def tile_once(op: core.Tile) -> Rewrite:
    """tile(x) by ones → x."""
    return op.x if all(n == 1 for n in op.reps) else None


@pattern(Elementwise)
def units_after_elementwise(op: Elementwise) -> Rewrite:
    """f(expand_dims(x)) → expand_dims(f(x)), where all operands are expanded alike or scalars."""
    added: tuple[int, ...] | None = None
    for value in op.operands:
        if isinstance(value.op, core.ExpandDims):
            if added not in (None, value.op.axes) or not value.has_one_use:
                return None
            added = value.op.axes
    if added is None:
        return None
    rank = op.result.type.rank
    changes: list[Value] = []
    for value in op.operands:
        inner = _without_units(value, added, rank)
        if inner is None:
            return no("an operand has no dimensions of 1 there")
        changes.append(inner)
    names = [item.name for item in op.spec.operands]
    bare = replace(op, **dict(zip(names, changes, strict=True)))
    return core.ExpandDims(bare.result, added).result


def _without_units(value: Value, axes: tuple[int, ...], rank: int) -> Value | None:
    if isinstance(value.op, core.ExpandDims) and value.op.axes == axes and value.type.rank == rank:
        return value.op.x
    if value.type.rank == 0:
        return value
    offset = rank - value.type.rank
    there = [axis - offset for axis in axes if axis >= offset]
    if not isinstance(value, Const) or any(value.type.shape[axis] != 1 for axis in there):
        return None
    return core.Squeeze(value, tuple(there)).result if there else value


@pattern(Elementwise)
def moved_units_after_elementwise(op: Elementwise) -> Rewrite:
    """f(reshape(x)) → reshape(f(x)), where the reshape moves dimensions of 1 and no numbers.

    What transposes of a single pixel become meets its inverse then.
    """
    moved = [value for value in op.operands if isinstance(value.op, core.Reshape)]
    others = [value for value in op.operands if value.type.rank]
    if len(moved) != 1 or others != moved or not moved[0].has_one_use:
        return None
    (value,) = moved
    assert isinstance(value.op, core.Reshape)
    x = value.op.x
    kept, sizes = ([dim for dim in v.type.shape if dim != 1] for v in (x, value))
    if x.type.rank != value.type.rank or kept != sizes:
        return None
    names = [item.name for item in op.spec.operands]
    given = (x if operand is value else operand for operand in op.operands)
    bare = replace(op, **dict(zip(names, given, strict=True)))
    return core.Reshape(bare.result, value.type.shape).result


@pattern(Softmax)
def units_after_softmax(op: Softmax) -> Rewrite:
    """softmax(expand_dims(x)) → expand_dims(softmax(x)), unless along a new axis."""
    match op:
        case Softmax(Value(op=core.ExpandDims(x, axes)) as inner, axis):
            if not inner.has_one_use:
                return no("the expanded value has another user")
            if axis in axes:
                return no("it normalizes along the new axis")
            before = axis - sum(new < axis for new in axes)
            return core.ExpandDims(Softmax(x, axis=before).result, axes).result
        case _:
            return None


PATTERNS = (
    reshape_that_adds_or_removes_units,
    reshape_of_reshape,
    transpose_of_transpose,
    transpose_of_units,
    reshape_to_known_shape,
    pad_by_known_amounts,
    shape_of_static,
    concat_of_one,
    concat_with_nothing,
    slice_of_concat,
    split_into_one,
    tile_once,
    units_after_elementwise,
    moved_units_after_elementwise,
    units_after_softmax,
)
