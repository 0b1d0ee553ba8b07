"""Broadcasts and tiles: to known shapes, after elementwise ops, and not where those do it."""

from collections.abc import Iterator
from typing import TypeAlias

from ...ir.dialects.core import fill as core
from ...ir.dialects.core import shape
from ...ir.dialects.core.elementwise import Cast, Elementwise, Mul
from ...ir.dim_values import known_dims
from ...ir.dims import Shape, is_static
from ...ir.rewrite import replace
from ...ir.ssa import Op, Value
from ..patterns import Rewrite, no, pattern

Broadcast: TypeAlias = shape.BroadcastTo | core.DynamicBroadcastTo | core.BroadcastLike
_SEARCHED = 64  # ops of a computed shape: real ones have a dozen


@pattern(core.DynamicTile)
def tile_by_known_counts(op: core.DynamicTile) -> Rewrite:
    """dynamic_tile(x, known) → tile(x)."""
    counts = known_dims(op.reps)
    if counts is None or not is_static(counts):
        return no("the repetitions are not known")
    numbers = tuple(count for count in counts if isinstance(count, int))
    if min(numbers, default=1) < 1:
        return no("something is repeated less than once")
    return shape.Tile(op.x, numbers).result


@pattern(core.DynamicTile)
def tile_of_units(op: core.DynamicTile) -> Rewrite:
    """dynamic_tile(x, r) that repeats only extents of 1 → dynamic_broadcast_to(x, r * shape(x))."""
    extents = op.x.type.shape
    if not _is_certain(extents, op.dims):
        return no("an extent other than 1 is maybe repeated")
    wanted = op.reps
    if any(extent != 1 for extent in extents):
        own = shape.ShapeOf(op.x).result
        own = own if own.type.dtype is wanted.type.dtype else Cast(own, wanted.type.dtype).result
        wanted = Mul(wanted, own).result
    return core.DynamicBroadcastTo(op.x, wanted, op.dims).result


@pattern(core.DynamicBroadcastTo)
def broadcast_to_known_shape(op: core.DynamicBroadcastTo) -> Rewrite:
    """dynamic_broadcast_to(x, s) → broadcast_to(x), or broadcast_like(x, y), if y has the shape."""
    known = known_dims(op.shape)
    if known is None:
        return no("the shape to broadcast to is not known")
    if any(isinstance(dim, int) and dim < 0 for dim in known):
        return no("an extent is negative")
    own = _aligned(op.x.type.shape, known)
    if all(isinstance(dim, int) or dim == extent for extent, dim in zip(own, known, strict=True)):
        return shape.BroadcastTo(op.x, known).result
    like = _tensor_of_shape(op.shape, known)
    if like is None:
        return no("the shape is computed of none that has it")
    return core.BroadcastLike(op.x, like).result


def _tensor_of_shape(vector: Value, wanted: Shape) -> Value | None:
    """A tensor of this shape among those whose shapes the vector is computed of."""
    return next((value for value in measured(vector) if value.type.shape == wanted), None)


def measured(vector: Value) -> Iterator[Value]:
    """The tensors whose shapes a value is computed of."""
    work, seen = [vector], set[Value]()
    while work and len(seen) < _SEARCHED:
        value = work.pop(0)
        if value in seen or value.op is None or value.op.regions:
            continue
        seen.add(value)
        if isinstance(value.op, shape.ShapeOf):
            yield value.op.x
        else:
            work += value.op.operands


@pattern(Elementwise)
def repeated_anyway(op: Elementwise) -> Rewrite:
    """f(broadcast_to(x), y) → f(x, y), where y alone gives the result its shape."""
    for item, value in zip(op.spec.operands, op.operands, strict=True):
        if (x := _repeated(value)) is None:
            continue
        made: Op = replace(op, **{item.name: x})
        if made.result.type != op.result.type:
            continue
        if not _is_certain(x.type.shape, value.type.shape):
            return no("an open extent is maybe repeated")
        shape_made = op.result.type.shape[op.result.type.rank - value.type.rank :]
        if any(a not in (1, b) for a, b in zip(value.type.shape, shape_made, strict=True)):
            return no("whether the extents fit shows when it runs")
        return made.result
    return None


def _repeated(value: Value) -> Value | None:
    """What a broadcast repeats, or a tile of extents of 1."""
    match value.op:
        case shape.BroadcastTo(x) | core.DynamicBroadcastTo(x) | core.BroadcastLike(x):
            return x
        case shape.Tile(x) if _is_certain(x.type.shape, value.type.shape):
            return x
        case _:
            return None


@pattern(Elementwise)
def broadcast_after_elementwise(op: Elementwise) -> Rewrite:
    """f(broadcast_to(x), numbers) → broadcast_to(f(x, numbers)), of one tensor and scalars."""
    tensors = [
        (item.name, value)
        for item, value in zip(op.spec.operands, op.operands, strict=True)
        if value.type.rank
    ]
    if len(tensors) != 1:
        return None
    ((name, value),) = tensors
    if not isinstance(value.op, Broadcast):
        return None
    if not value.has_one_use:
        return no("the broadcast value has another user")
    return replace(value.op, x=replace(op, **{name: value.op.x}).result).result


def _is_certain(small: Shape, large: Shape) -> bool:
    """Whether every extent is 1, or provably stays what it is."""
    return all(a in (1, b) for a, b in zip(_aligned(small, large), large, strict=True))


def _aligned(small: Shape, large: Shape) -> Shape:
    """The shape with extents of 1 for the dimensions that it lacks."""
    return (*(1,) * (len(large) - len(small)), *small)


PATTERNS = (
    tile_by_known_counts,
    tile_of_units,
    broadcast_to_known_shape,
    repeated_anyway,
    broadcast_after_elementwise,
)
