"""Shapes and slices: layers where the batch stays, else functions."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import shape as core
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from ...padding import replicated
from ...refusals import require, require_fixed
from ..dialect import layers, ops
from .weights import is_weight, reshaped

lower = Lowering()

# The reason of all that computes shapes.
DYNAMIC = "a functional model can't compute with dynamic dimensions"
_ZEROS = {3: layers.ZeroPadding1D, 4: layers.ZeroPadding2D, 5: layers.ZeroPadding3D}

RESHAPES = (layers.Reshape, layers.Flatten, ops.Reshape, ops.ExpandDims, ops.Squeeze)

lower.direct(core.Stack, ops.Stack, values="x")
lower.direct(core.Tile, ops.Tile, reps="repeats")
lower.direct(core.Reverse, ops.Flip, axes="axis")


def layers_keep(x: Value) -> bool:
    """Whether a layer leaves the dtype of x: it makes other floats float32."""
    return x.type.dtype not in (DType.F16, DType.F64)


@lower(core.Reshape)
def reshape(op: core.Reshape) -> Value:
    """A layer if the batch stays; at most one dimension may be dynamic."""
    return reshaped_to(op.x, op.result.type.shape)


def reshaped_to(x: Value, sizes: tuple[Dim, ...]) -> Value:
    """The same elements in another shape.

    Raises:
        RefusedError: too many dimensions are dynamic.
    """
    while isinstance(x.op, RESHAPES):
        x = x.op.operands[0]
    out = x.type.with_shape(sizes)
    if out.shape == x.type.shape:
        return x
    if is_weight(x):
        return reshaped(x, out.static_shape)
    keeps = x.type.rank > 1 and out.rank > 1 and x.type.shape[0] == sizes[0]
    if keeps and layers_keep(x) and _open(sizes[1:]) <= 1:
        known = is_static(x.type.shape[1:])
        if out.rank == 2 and x.type.rank > 2 and known:
            return layers.Flatten(x, result_types=out).result
        return layers.Reshape(x, _numbers(sizes[1:]), result_types=out).result
    require_fixed(_open(sizes) <= 1, "Keras code can't reshape to several dynamic dimensions")
    return ops.Reshape(x, _numbers(sizes), result_types=out).result


def _open(sizes: tuple[Dim, ...]) -> int:
    return sum(not isinstance(size, int) for size in sizes)


def _numbers(sizes: tuple[Dim, ...]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in sizes)


@lower(core.Transpose)
def transpose(op: core.Transpose) -> Value:
    """A layer if the batch stays; it counts dimensions from 1."""
    if op.perm[0] == 0 and len(op.perm) > 1 and layers_keep(op.x):
        return layers.Permute(op.x, op.perm[1:], result_types=op.result.type).result
    return ops.Transpose(op.x, op.perm, result_types=op.result.type).result


@lower(core.ExpandDims)
def expand_dims(op: core.ExpandDims) -> Value:
    """Insert all new dimensions at once."""
    return ops.ExpandDims(op.x, op.axes, result_types=op.result.type).result


@lower(core.Squeeze)
def squeeze(op: core.Squeeze) -> Value:
    """Remove all dimensions at once; without axes, nothing."""
    if not op.axes:
        return op.x
    return ops.Squeeze(op.x, op.axes, result_types=op.result.type).result


@lower(core.Concat)
def concat(op: core.Concat) -> Value:
    """A layer, for floats and dimensions other than the batch."""
    out = op.result.type
    if len(op.values) == 1:
        return op.values[0]
    layered = op.axis > 0 and out.dtype.is_float and layers_keep(op.result)
    layered = layered and not any(map(is_weight, op.values))
    if not layered:
        return ops.Concatenate(op.values, axis=op.axis, result_types=out).result
    axis = -1 if op.axis == out.rank - 1 else op.axis
    return layers.Concatenate(op.values, axis=axis, result_types=out).result


@lower(core.Split)
def split(op: core.Split) -> tuple[Value, ...]:
    """Split into equal parts, or before indices."""
    types = tuple(value.type for value in op.results)
    if len(op.sizes) == 1:
        return (op.x,)
    if len(set(op.sizes)) == 1:
        return ops.SplitEvenly(op.x, len(op.sizes), op.axis, result_types=types).results
    cuts = tuple(int(cut) for cut in np.cumsum(op.sizes)[:-1])
    return ops.Split(op.x, cuts, op.axis, result_types=types).results


@lower(core.SliceByIndex)
def slice_by_index(op: core.SliceByIndex) -> Value:
    """A plain slice; backwards, a slice of the flipped value."""
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
        slice(None if open_begin else begin, None if open_end else end, stride)
        for begin, end, stride, open_begin, open_end in rows
    ]
    x, backwards = op.x, tuple(i for i, part in enumerate(parts) if part.step < 0)
    if backwards:
        x = ops.Flip(x, backwards, result_types=x.type).result
    for axis in backwards:
        parts[axis] = _flipped(op, parts[axis], x.type.shape[axis])
    keys = [_slice(part.start, part.stop, part.step) for part in parts]
    if set(keys) == {":"}:
        return x
    while len(keys) > 1 and keys[-1] == ":":
        keys.pop()
    leading = next(i for i, key in enumerate([*keys, ""]) if key != ":")
    if leading > 1 and len(keys) == rank:
        keys = ["...", *keys[leading:]]
    return ops.Getitem(x, ", ".join(keys), result_types=op.result.type).result


def _flipped(op: core.SliceByIndex, part: slice, extent: Dim) -> slice:
    """The slice of the same elements in the reversed dimension."""
    if part.start is part.stop is None:
        return slice(None, None, -part.step)
    require_fixed(isinstance(extent, int), "Keras code needs a fixed dimension to slice backwards")
    assert isinstance(extent, int)
    first, last, step = part.indices(extent)
    return slice(extent - 1 - first, extent - 1 - last, -step)


def _slice(begin: int | None, end: int | None, stride: int) -> str:
    first = "" if begin in (None, 0) and stride > 0 else str(begin) if begin is not None else ""
    last = "" if end is None else str(end)
    return f"{first}:{last}" + (f":{stride}" if stride != 1 else "")


@lower(core.DynamicReshape)
def dynamic_reshape(op: core.DynamicReshape) -> Value:
    """Reshape to a known shape, however it is computed."""
    return reshaped_to(op.x, op.result.type.shape)


@lower(core.DynamicSlice)
def dynamic_slice(op: core.DynamicSlice) -> Value:
    """A known number of elements, from computed indices on."""
    x, out = op.x, op.result.type
    known = out.is_static and x.type.is_static
    require_fixed(known, "Keras code needs to know how many elements a slice has")
    require(set(op.stride) <= {1}, "Keras can't slice from computed positions with strides")
    begin = _from_the_start(op, x.type.static_shape)
    return ops.Slice(x, begin, out.static_shape, result_types=out).result


def _from_the_start(op: core.DynamicSlice, sizes: tuple[int, ...]) -> Value:
    """The begin of each dimension's slice; negative indices count from the end."""
    kind = op.begin.type
    number = kind.dtype.numpy
    extents, zero = constant(np.asarray(sizes, number)), scalar(0, op.begin)
    behind = ops.Add(op.begin, extents, result_types=kind).result
    behind = ops.Maximum(behind, zero, result_types=kind).result
    negative = ops.Less(op.begin, zero, result_types=kind.with_dtype(DType.BOOL)).result
    begin = ops.Where(negative, behind, op.begin, result_types=kind).result
    if not any(op.begin_mask):
        return begin
    counts = constant(np.asarray([not masked for masked in op.begin_mask], number))
    return ops.Multiply(begin, counts, result_types=kind).result


@lower(core.SliceUpdate)
def slice_update(op: core.SliceUpdate) -> Value:
    """One call; with strides, elements at known multi-indices."""
    out, rank = op.result.type, op.x.type.rank
    if set(op.stride) <= {1}:
        return ops.SliceUpdate(op.x, op.begin, op.update, result_types=out).result
    known = array_of(op.begin)
    require(known is not None, "Keras can't write from computed positions with strides")
    fixed = op.update.type.is_static
    require_fixed(fixed, "Keras code needs to know how many elements a slice has")
    assert known is not None
    steps = np.indices(op.update.type.static_shape).reshape(rank, -1).T
    where = constant((known + steps * np.asarray(op.stride)).astype(np.int32))
    updates = reshaped_to(op.update, (len(steps),))
    return ops.ScatterUpdate(op.x, where, updates, None, result_types=out).result


@lower(core.DynamicPad)
def dynamic_pad(op: core.DynamicPad) -> Value:
    """Write x into a known shape at computed indices."""
    out, kind = op.result.type, op.pad.type
    known = out.is_static and op.x.type.is_static
    require_fixed(known, "Keras code needs to know the shape after padding")
    if not out.rank:
        return op.x
    begin = ops.Getitem(op.pad, "::2", result_types=kind.with_shape((out.rank,))).result
    border = ops.Full(out.static_shape, op.value, out.dtype, result_types=out).result
    return ops.SliceUpdate(border, begin, op.x, result_types=out).result


@lower(core.Pad)
def pad(op: core.Pad) -> Value:
    """A layer for zeros around pixels; the edge is repeated by taking indices."""
    pairs, out, rank = op.pairs(), op.result.type, op.x.type.rank
    if not any(op.pad):
        return op.x
    if op.mode == "replicate":
        return replicated(op, "Keras code", _gathered)
    if op.mode == "reflect":
        return ops.Pad(op.x, pairs, mode="reflect", result_types=out).result
    around = not any(pairs[0]) and not any(pairs[-1])
    if op.value == 0 and rank in _ZEROS and around:
        return _ZEROS[rank](op.x, pairs[1:-1], result_types=out).result
    number = op.value or None
    return ops.Pad(op.x, pairs, constant_values=number, result_types=out).result


def _gathered(value: Value, positions: Value, axis: int, out: Tensor) -> Value:
    return ops.Take(value, positions, axis, result_types=out).result


@lower(core.BroadcastTo)
def broadcast_to(op: core.BroadcastTo) -> Value:
    """Beside open extents, which stay, what is 1 is repeated."""
    x, out = op.x, op.result.type
    if out.is_static:
        return ops.BroadcastTo(x, out.static_shape, result_types=out).result
    added = tuple(range(out.rank - x.type.rank))
    if added:
        kind = out.with_shape((*(1,) * len(added), *x.type.shape))
        x = ops.ExpandDims(x, added, result_types=kind).result
    pairs = zip(x.type.shape, op.shape, strict=True)
    repeats = tuple(1 if own == dim or not isinstance(dim, int) else dim for own, dim in pairs)
    return ops.Tile(x, repeats, result_types=out).result


@lower(core.AssertShape)
def assert_shape(op: core.AssertShape) -> Value:
    """Nothing: Keras's inputs have dynamic dimensions, but no ranges to check."""
    return op.x
