"""Shapes and slices: layers where the batch stays, else functions."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape as core
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers, ops
from .weights import is_weight

lower = Lowering()

_ZEROS = {3: layers.ZeroPadding1D, 4: layers.ZeroPadding2D, 5: layers.ZeroPadding3D}

lower.direct(core.Stack, ops.Stack, values="x")
lower.direct(core.Tile, ops.Tile, reps="repeats")
lower.direct(core.Reverse, ops.Flip, axes="axis")


@lower(core.Reshape)
def reshape(op: core.Reshape) -> Value:
    """A layer if the batch stays; at most one extent may be open."""
    sizes, out = op.result.type.shape, op.result.type
    keeps = op.x.type.rank > 1 and out.rank > 1 and op.x.type.shape[0] == sizes[0]
    if keeps and _open(sizes[1:]) <= 1:
        known = is_static(op.x.type.shape[1:])
        if out.rank == 2 and op.x.type.rank > 2 and known:
            return layers.Flatten(op.x, result_types=out).result
        return layers.Reshape(op.x, _numbers(sizes[1:]), result_types=out).result
    op.require("", _open(sizes) <= 1, "Keras code can't reshape to several open extents")
    return ops.Reshape(op.x, _numbers(sizes), result_types=out).result


def _open(sizes: tuple[Dim, ...]) -> int:
    return sum(not isinstance(size, int) for size in sizes)


def _numbers(sizes: tuple[Dim, ...]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in sizes)


@lower(core.Transpose)
def transpose(op: core.Transpose) -> Value:
    """A layer if the batch stays; it counts dimensions from 1."""
    if op.perm[0] == 0 and len(op.perm) > 1:
        return layers.Permute(op.x, op.perm[1:], result_types=op.result.type).result
    return ops.Transpose(op.x, op.perm, result_types=op.result.type).result


@lower(core.ExpandDims)
def expand_dims(op: core.ExpandDims) -> Value:
    """All new extents at once."""
    return ops.ExpandDims(op.x, op.axes, result_types=op.result.type).result


@lower(core.Squeeze)
def squeeze(op: core.Squeeze) -> Value:
    """All extents at once; none is meant by none."""
    if not op.axes:
        return op.x
    return ops.Squeeze(op.x, op.axes, result_types=op.result.type).result


@lower(core.Concat)
def concat(op: core.Concat) -> Value:
    """A layer, for floats and dimensions other than the batch."""
    out = op.result.type
    if len(op.values) == 1:
        return op.values[0]
    layered = op.axis > 0 and out.dtype.is_float and not any(map(is_weight, op.values))
    if not layered:
        return ops.Concatenate(op.values, axis=op.axis, result_types=out).result
    axis = -1 if op.axis == out.rank - 1 else op.axis
    return layers.Concatenate(op.values, axis=axis, result_types=out).result


@lower(core.Split)
def split(op: core.Split) -> tuple[Value, ...]:
    """Into so many equal parts, or before positions."""
    types = tuple(value.type for value in op.results)
    if len(op.sizes) == 1:
        return (op.x,)
    if len(set(op.sizes)) == 1:
        return ops.SplitEvenly(op.x, len(op.sizes), op.axis, result_types=types).results
    cuts = tuple(int(cut) for cut in np.cumsum(op.sizes)[:-1])
    return ops.Split(op.x, cuts, op.axis, result_types=types).results


@lower(core.SliceByIndex)
def slice_by_index(op: core.SliceByIndex) -> Value:
    """As people write slices."""
    rank = op.x.type.rank
    rows = zip(
        op.begin,
        op.end,
        op.stride or (1,) * rank,
        op.begin_mask or (False,) * rank,
        op.end_mask or (False,) * rank,
        strict=True,
    )
    parts = [
        _slice(None if open_begin else begin, None if open_end else end, stride)
        for begin, end, stride, open_begin, open_end in rows
    ]
    if all(part.endswith("::-1") or part == ":" for part in parts):
        axes = tuple(axis for axis, part in enumerate(parts) if part != ":")
        return ops.Flip(op.x, axes, result_types=op.result.type).result if axes else op.x
    backwards = any(stride < 0 for stride in op.stride or ())
    op.require("", not backwards, "Keras code can't slice backwards between positions")
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    leading = next(i for i, part in enumerate([*parts, ""]) if part != ":")
    if leading > 1 and len(parts) == rank:
        parts = ["...", *parts[leading:]]
    return ops.GetItem(op.x, ", ".join(parts), result_types=op.result.type).result


def _slice(begin: int | None, end: int | None, stride: int) -> str:
    first = "" if begin in (None, 0) and stride > 0 else str(begin) if begin is not None else ""
    last = "" if end is None else str(end)
    return f"{first}:{last}" + (f":{stride}" if stride != 1 else "")


@lower(core.Pad)
def pad(op: core.Pad) -> Value:
    """A layer for zeros around pixels; the edge is repeated by taking positions."""
    pairs, out, rank = op.pairs(), op.result.type, op.x.type.rank
    if not any(op.pad):
        return op.x
    if op.mode == "replicate":
        return _replicate(op)
    if op.mode == "reflect":
        return ops.Pad(op.x, pairs, mode="reflect", result_types=out).result
    around = not any(pairs[0]) and not any(pairs[-1])
    if op.value == 0 and rank in _ZEROS and around:
        return _ZEROS[rank](op.x, pairs[1:-1], result_types=out).result
    number = op.value or None
    return ops.Pad(op.x, pairs, constant_values=number, result_types=out).result


def _replicate(op: core.Pad) -> Value:
    value = op.x
    for axis, (low, high) in enumerate(op.pairs()):
        if not low and not high:
            continue
        size = value.type.shape[axis]
        op.require("", isinstance(size, int), "Keras code needs fixed extents for this mode")
        assert isinstance(size, int)
        positions = np.clip(np.arange(-low, size + high), 0, size - 1).astype(np.int32)
        shape = list(value.type.shape)
        shape[axis] = size + low + high
        out = value.type.with_shape(shape)
        value = ops.Take(value, constant(positions), axis, result_types=out).result
    return value


@lower(core.BroadcastTo)
def broadcast_to(op: core.BroadcastTo) -> Value:
    """To numbers only."""
    out = op.result.type
    op.require("", out.is_static, "Keras code can't broadcast to open extents")
    return ops.BroadcastTo(op.x, out.static_shape, result_types=out).result


@lower(core.AssertShape)
def assert_shape(op: core.AssertShape) -> Value:
    """Keras's inputs have open extents, but no ranges: nothing checks them."""
    return op.x
