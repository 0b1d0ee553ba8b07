"""Gates before their activations: sums of products with weights, and weights joined from rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...ir.dialects.builtin import Constant, constant
from ...ir.dialects.core import elementwise, linear, shape
from ...ir.ssa import Value
from ...ir.types import Array, DType, Tensor
from ...ir.weights.resources import LazyResource, Origin, Resource, ViewResource


@dataclass(frozen=True)
class Rows:
    """A range of the first dimension of a weight."""

    weight: Resource
    start: int
    stop: int

    @property
    def key(self) -> tuple[object, int, int]:
        """Equal for the same rows of the same weight."""
        return (self.weight.origin or self.weight.digest, self.start, self.stop)


@dataclass(frozen=True)
class Product:
    """factor @ weight^T + bias."""

    factor: Value
    weight: Rows
    bias: Rows | None


@dataclass
class Affine:
    """The sum of products, of vectors of numbers, and of parts of other values' last dimension."""

    products: list[Product] = field(default_factory=list[Product])
    vectors: list[Rows] = field(default_factory=list[Rows])
    others: list[tuple[Value, range]] = field(default_factory=list[tuple[Value, range]])


def affine(value: Value) -> Affine:
    """A value, whose last dimension is known, as a sum."""
    width = value.type.shape[-1]
    assert isinstance(width, int)
    found = Affine()
    _add(found, value, range(width))
    return found


def _add(found: Affine, value: Value, part: range) -> None:
    """Add a part of the last dimension of a value."""
    match value.op:
        case elementwise.Add(x, y) if x.type == y.type == value.type:
            _add(found, x, part)
            _add(found, y, part)
        case elementwise.Add(x, y) if x.type == value.type and (vector := _vector(y, value)):
            found.vectors.append(_rows(vector, part))
            _add(found, x, part)
        case linear.Linear(x, Value(op=Constant(weight)), None):
            found.products.append(Product(x, _rows(weight, part), None))
        case linear.Linear(x, Value(op=Constant(weight)), Value(op=Constant(bias))):
            found.products.append(Product(x, _rows(weight, part), _rows(bias, part)))
        case shape.Split(x, sizes, axis) if axis == value.type.rank - 1:
            _add(found, x, _moved(part, sum(sizes[: value.index])))
        case shape.SliceByIndex(x) as cut if (begin := _begin(cut)) is not None:
            _add(found, x, _moved(part, begin))
        case _:
            found.others.append((value, part))


def _rows(weight: Resource, part: range) -> Rows:
    return Rows(weight, part.start, part.stop)


def _moved(part: range, by: int) -> range:
    return range(part.start + by, part.stop + by)


def _vector(value: Value, total: Value) -> Resource | None:
    """A constant with one number for each entry of the last dimension of a sum."""
    width = total.type.shape[-1]
    if not isinstance(value.op, Constant) or value.type.shape[-1:] != (width,):
        return None
    resource = value.op.value
    if resource.size != width:
        return None
    return ViewResource(resource, tuple(range(value.type.rank)), (resource.size,))


def _begin(op: shape.SliceByIndex) -> int | None:
    """Where a slice begins in the last dimension, if it takes all of the others."""
    *others, size = op.x.type.shape
    if op.result.type.shape[:-1] != tuple(others) or set(op.stride) != {1}:
        return None
    return range(size)[op.slices()[-1]].start if isinstance(size, int) else None


def joined(parts: Sequence[Rows], name: str) -> Value:
    """Rows of weights, one after the other, as one weight; itself, if they are all of one."""
    first = parts[0].weight
    ends = [0, *(part.stop for part in parts)]
    follow = all(part.start == end for part, end in zip(parts, ends, strict=False))
    if follow and len({id(part.weight) for part in parts}) == 1 and ends[-1] == first.type.shape[0]:
        return constant(first, first.name)
    return _made(parts, [[part] for part in parts], name)


def summed(gates: Sequence[Sequence[Rows]], like: Rows, name: str) -> Value | None:
    """The sums of the vectors of each gate, one gate after the other; None if all are zero.

    Args:
        gates: vectors of each gate; none for zeros.
        like: rows of a weight for each gate: as many, of the same dtype.
        name: what the sum is called.
    """
    parts = [part for gate in gates for part in gate]
    if not any(part.weight.array()[part.start : part.stop].any() for part in parts):
        return None
    if all(len(gate) == 1 for gate in gates):
        return joined(parts, name)
    zero = Rows(_zeros(like), 0, like.stop - like.start)
    return _made(parts, [gate or [zero] for gate in gates], name)


def _zeros(like: Rows) -> Resource:
    count = like.stop - like.start
    return LazyResource(
        Tensor(like.weight.type.dtype, (count,)),
        lambda: np.zeros(count, like.weight.type.dtype.numpy),
    )


def _made(parts: Sequence[Rows], gates: Sequence[Sequence[Rows]], name: str) -> Value:
    """The sums of the rows of each gate, rounded once, computed when they are read."""
    first = gates[0][0].weight.type
    rows = sum(gate[0].stop - gate[0].start for gate in gates)
    kind = first.with_shape((rows, *first.shape[1:]))

    def load() -> Array:
        sums = [_sum(gate, first.dtype) for gate in gates]
        for part in parts:
            part.weight.release()
        return np.concatenate(sums)

    known = any(part.weight.origin for part in parts)
    origin = Origin(("gates", *(tuple(p.key for p in gate) for gate in gates))) if known else None
    return constant(LazyResource(kind, load, name, origin), name)


def _sum(parts: Sequence[Rows], dtype: DType) -> Array:
    arrays = [part.weight.array()[part.start : part.stop] for part in parts]
    if len(arrays) == 1:
        return arrays[0]
    return np.sum([array.astype(np.float64) for array in arrays], axis=0).astype(dtype.numpy)
