"""Values as views of others: the same elements in another arrangement, whatever calls made it.

Exporters split and join dimensions, move them and cut them in many orders. A view says which
elements come out of all that, so a rule asks about elements, not about calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from ....ir.dialects.builtin import array_of
from ....ir.dims import Dim, floor_div, product
from ....ir.ssa import Op, Value
from ....ir.types import Array
from ..dialect import layers, ops
from ..lower.shape import reshaped_to
from .shape import order_of, transposed


@dataclass(frozen=True)
class Piece:
    """A part of a dimension: so many steps of so many elements of the source."""

    size: Dim
    stride: Dim


Pieces: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True)
class View:
    """A value as elements of another, times a number.

    Attributes:
        source: whose elements they are.
        dims: for each dimension its pieces, outermost first; none for a dimension of 1.
        offset: the place of the first element.
        factor: what all elements are multiplied by.
        passed: the ops between the source and the value.
    """

    source: Value
    dims: tuple[Pieces, ...]
    offset: int = 0
    factor: float = 1.0
    passed: frozenset[Op] = frozenset()


def view_of(value: Value) -> View:
    """The value as a view of the nearest value that is not a view itself."""
    op = value.op
    inner = None if op is None else _through(op, value)
    if inner is None or op is None:
        return View(value, _whole(value.type.shape))
    return replace(inner, passed=inner.passed | {op})


def _whole(shape: Sequence[Dim]) -> tuple[Pieces, ...]:
    strides = [product(shape[axis + 1 :]) for axis in range(len(shape))]
    rows = zip(shape, strides, strict=True)
    return tuple(() if size == 1 else (Piece(size, stride),) for size, stride in rows)


def _through(op: Op, value: Value) -> View | None:
    """The result of an op as a view of what its operand is a view of; None if it is none."""
    if not isinstance(op, _VIEWS):
        return None
    match op:
        case ops.Multiply(x, y):
            number = array_of(y)
            if number is None or number.ndim or x.type != value.type:
                return None
            inner = view_of(x)
            return replace(inner, factor=inner.factor * float(number))
        case ops.Split() | ops.SplitEvenly():
            return _cut(view_of(op.x), op.axis, _start(op, value), 1, value.type.shape[op.axis])
        case ops.Getitem(x, key):
            return _indexed(view_of(x), key, x.type.shape, value.type.shape)
        case ops.Unstack(x, axis):
            part = _cut(view_of(x), axis, op.results.index(value), 1, 1)
            if part is None:
                return None
            inner, dims = part, (*part.dims[:axis], *part.dims[axis + 1 :])
        case ops.Tile(x) | ops.BroadcastTo(x):
            inner = view_of(x)
            dims = _repeated(inner.dims, x.type.shape, value.type.shape)
        case layers.Permute() | ops.Transpose():
            inner = view_of(op.operands[0])
            dims = tuple(inner.dims[axis] for axis in order_of(op))
        case _:
            inner = view_of(op.operands[0])
            dims = _regrouped([p for pieces in inner.dims for p in pieces], value.type.shape)
    return None if dims is None else replace(inner, dims=dims)


_VIEWS = (
    *(layers.Reshape, layers.Flatten, layers.Permute, ops.Reshape, ops.Transpose),
    *(ops.ExpandDims, ops.Squeeze, ops.Split, ops.SplitEvenly, ops.Unstack),
    *(ops.Getitem, ops.Multiply, ops.Tile, ops.BroadcastTo),
)


def _repeated(
    dims: Sequence[Pieces], shape: Sequence[Dim], out: Sequence[Dim]
) -> tuple[Pieces, ...] | None:
    """Dimensions of 1 repeated: the same element again and again."""
    missing = len(out) - len(shape)
    rows = zip([()] * missing + [*dims], [1] * missing + [*shape], out, strict=True)
    found: list[Pieces] = []
    for pieces, own, size in rows:
        if own not in (1, size):
            return None
        found.append(pieces if own == size else (Piece(size, 0),))
    return tuple(found)


def _start(op: ops.Split | ops.SplitEvenly, value: Value) -> int:
    """Where a part begins along the dimension that is split."""
    before = op.results[: op.results.index(value)]
    sizes = [part.type.shape[op.axis] for part in before]
    return sum(size for size in sizes if isinstance(size, int))


def sliced(key: str, shape: Sequence[int]) -> list[tuple[int, int, int]]:
    """(first, last, step) of each dimension that the text between brackets leaves."""
    keys = key.split(", ")
    if keys[0] == "...":
        keys = [":"] * (len(shape) - len(keys) + 1) + keys[1:]
    keys += [":"] * (len(shape) - len(keys))
    found: list[tuple[int, int, int]] = []
    for text, extent in zip(keys, shape, strict=True):
        numbers = [int(part) if part else None for part in text.split(":")]
        found.append(slice(*numbers).indices(extent))
    return found


def _indexed(inner: View, key: str, shape: Sequence[Dim], out: Sequence[Dim]) -> View | None:
    """A slice, as `lower.shape` writes it."""
    # Open dimensions are only taken as a whole, whatever they will be.
    extents = [dim if isinstance(dim, int) else 1 for dim in shape]
    found: View | None = inner
    for axis, (first, _, step) in enumerate(sliced(key, extents)):
        if shape[axis] == out[axis]:
            continue
        if not isinstance(shape[axis], int):
            return None
        found = _cut(found, axis, first, step, out[axis])
    return found


def _cut(inner: View | None, axis: int, first: int, step: int, size: Dim) -> View | None:
    """Every nth element of a dimension, from the first on."""
    if inner is None:
        return None
    dims, axis = list(inner.dims), axis % len(inner.dims)
    joined = _joined(dims[axis])
    if len(joined) > 1 or not joined:
        return None if first or joined else inner
    stride = joined[0].stride
    if not isinstance(stride, int):
        return None
    dims[axis] = () if size == 1 else (Piece(size, stride * step),)
    offset = inner.offset + first * stride
    return replace(inner, dims=tuple(dims), offset=offset)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that follow each other without gaps as one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].stride == piece.stride * piece.size:
            piece = Piece(found.pop().size * piece.size, piece.stride)
        found.append(piece)
    return found


def _regrouped(pieces: Sequence[Piece], shape: Sequence[Dim]) -> tuple[Pieces, ...] | None:
    """The pieces distributed to dimensions of these sizes, where they have to be cut evenly."""
    rest, dims = _joined(pieces), list[Pieces]()
    for size in shape:
        taken: list[Piece] = []
        while size != 1:
            if not rest:
                return None
            piece = rest.pop(0)
            if (quotient := _quotient(size, piece.size)) is not None:
                size = quotient
            elif (inside := _quotient(piece.size, size)) is not None:
                rest.insert(0, Piece(inside, piece.stride))
                piece, size = Piece(size, piece.stride * inside), 1
            else:
                return None
            taken.append(piece)
        dims.append(tuple(taken))
    return None if rest else tuple(dims)


def _quotient(a: Dim, b: Dim) -> Dim | None:
    """a / b, if that is exact."""
    found = floor_div(a, b)
    return found if found * b == a else None


def places(pieces: Sequence[Piece], offset: int = 0) -> Array | None:
    """The places of all elements of the pieces; None if they aren't all known."""
    found = np.full((1,), offset)
    for piece in pieces:
        if not isinstance(piece.size, int) or not isinstance(piece.stride, int):
            return None
        found = (found[:, None] + piece.stride * np.arange(piece.size)).ravel()
    return found


def rows_of(dims: Sequence[Pieces], width: Dim) -> list[Pieces] | None:
    """Pieces counted in rows of `width` elements; None if they aren't whole rows."""
    found: list[Pieces] = []
    for pieces in dims:
        strides = [_quotient(piece.stride, width) for piece in pieces]
        if None in strides:
            return None
        rows = zip(pieces, strides, strict=True)
        found.append(tuple(Piece(p.size, stride) for p, stride in rows if stride is not None))
    return found


def rearranged(x: Value, rows: Sequence[Pieces]) -> Value | None:
    """x [rows…, C] with its rows arranged in these dimensions; None if they aren't all its rows."""
    width = x.type.shape[-1]
    wide = [tuple(Piece(p.size, p.stride * width) for p in pieces) for pieces in rows]
    return arranged(x, [*wide, () if width == 1 else (Piece(width, 1),)])


def arranged(x: Value, dims: Sequence[Pieces]) -> Value | None:
    """x with its elements arranged in these dimensions; None if they aren't all, each once."""
    pieces = [piece for some in dims for piece in some]
    order = _from_the_outside(pieces, product(x.type.shape))
    if order is None:
        return None
    if order != list(range(len(pieces))):
        x = reshaped_to(x, tuple(pieces[i].size for i in order))
        x = transposed(x, tuple(order.index(i) for i in range(len(pieces))))
    return reshaped_to(x, tuple(product(p.size for p in some) for some in dims))


def _from_the_outside(pieces: Sequence[Piece], count: Dim) -> list[int] | None:
    """The order of the pieces in memory, if they are all `count` elements, each once."""
    left, order = count, list[int]()
    for _ in pieces:
        left_over = [i for i in range(len(pieces)) if i not in order]
        found = (i for i in left_over if pieces[i].stride * pieces[i].size == left)
        outer = next(found, None)
        if outer is None:
            return None
        left = pieces[outer].stride
        order.append(outer)
    return order if left == 1 else None
