"""Samples of images at computed positions, composed of arithmetic and gathers.

Positions are f32, in pixels from the centre of the first one.
"""

from typing import TypeAlias

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import elementwise, shape, unary
from ....ir.dialects.core.fill import Range1d
from ....ir.dialects.core.index import Gather
from ....ir.dims import Dim, product
from ....ir.ssa import Op, Value
from ....ir.types import DType
from ..values import cast

# A size as a scalar of i32, and as a dimension.
Computed: TypeAlias = tuple[Value, Dim]


def number(value: float) -> Value:
    """A scalar of f32."""
    return constant(np.asarray(value, np.float32))


def add(x: Value, y: Value | float) -> Value:
    """x + y."""
    return _binary(elementwise.Add, x, y)


def sub(x: Value, y: Value | float) -> Value:
    """x - y."""
    return _binary(elementwise.Sub, x, y)


def mul(x: Value, y: Value | float) -> Value:
    """x * y."""
    return _binary(elementwise.Mul, x, y)


def div(x: Value, y: Value | float) -> Value:
    """x / y."""
    return _binary(elementwise.RealDiv, x, y)


def least(x: Value, y: Value | float) -> Value:
    """The smaller one."""
    return _binary(elementwise.Minimum, x, y)


def most(x: Value, y: Value | float) -> Value:
    """The larger one."""
    return _binary(elementwise.Maximum, x, y)


def floor(x: Value) -> Value:
    """The whole number not above x."""
    return unary.Floor(x).result


def _binary(op: type[Op], x: Value, y: Value | float) -> Value:
    return op(x, y if isinstance(y, Value) else scalar(y, x)).result


def extent(x: Value, axis: int) -> Value:
    """A dimension as a scalar of i32."""
    size = x.type.shape[axis]
    if isinstance(size, int):
        return constant(np.asarray(size, np.int32))
    return Gather(shape.ShapeOf(x).result, constant(np.asarray(axis, np.int32)), 0).result


def scaled(x: Value, axis: int, factor: float) -> Value:
    """floor(size * factor), in f32 as `upsampled_size`."""
    return cast(floor(mul(cast(extent(x, axis), DType.F32), factor)), DType.I32)


def entry_or_extent(sizes: Value, at: int, x: Value, axis: int) -> Value:
    """An entry of a vector of i32, or the dimension of x if the entry is 0."""
    entry = Gather(sizes, constant(np.asarray(at, np.int32)), 0).result
    unset = elementwise.Equal(entry, scalar(0, entry)).result
    return elementwise.Select(unset, extent(x, axis), entry).result


# -- along one dimension ---------------------------------------------------------------------------


def resample_axis(x: Value, axis: int, size: int | Computed, mode: str, coordinates: str) -> Value:
    """One dimension sampled at the points of `reference.resize.grid`, by sizes at run time."""
    count, dim = (constant(np.asarray(size, np.int32)), size) if isinstance(size, int) else size
    last = cast(sub(extent(x, axis), 1), DType.F32)
    points = _grid(last, cast(count, DType.F32), dim, coordinates)
    if mode == "nearest":
        rounded = floor(points if coordinates == "default" else add(points, 0.5))
        return Gather(x, cast(least(rounded, last), DType.I32), axis).result
    low = floor(points)
    share = cast(sub(points, low), x.type.dtype)
    behind = x.type.rank - 1 - axis
    if behind:
        share = shape.ExpandDims(share, tuple(range(1, behind + 1))).result
    parts = [
        Gather(x, cast(positions, DType.I32), axis).result
        for positions in (low, least(add(low, 1), last))
    ]
    rest = elementwise.Sub(scalar(1, share), share).result
    return add(mul(parts[0], rest), mul(parts[1], share))


def _grid(last: Value, count: Value, dim: Dim, coordinates: str) -> Value:
    """Positions from 0 to `last`. Products come before quotients, to be as exact as they are."""
    i = Range1d(number(0), count, number(1), (dim,)).result
    extent = add(last, 1)
    match coordinates:
        case "default":
            points = div(mul(i, extent), count)
        case "unalign_corners":
            points = sub(div(mul(add(i, 0.5), extent), count), 0.5)
        case "offset_corners":
            points = div(mul(add(i, 0.5), most(last, 1)), count)
        case _:
            points = div(mul(i, last), most(sub(count, 1), 1))
            if coordinates == "align_corners":
                single = elementwise.Less(count, number(2)).result
                middle = elementwise.Select(single, mul(last, 0.5), number(0)).result
                points = add(points, middle)
    return least(most(points, 0), last)


# -- in two dimensions -----------------------------------------------------------------------------


def sample(x: Value, columns: Value, rows: Value, mode: str, outside: float | None) -> Value:
    """x [N, C, H, W] at positions [N, h, w]: [N, C, h, w].

    With `outside`, each pixel outside x is that number, also each of the four pixels of a bilinear
    sample. Without it, positions must be inside.
    """
    if mode == "nearest":
        # Halves go to the even pixel.
        return _pixels(x, unary.Round(columns).result, unary.Round(rows).result, outside)
    left, top = floor(columns), floor(rows)
    right_share, bottom_share = sub(columns, left), sub(rows, top)
    total: Value | None = None
    for row, down in ((top, _rest(bottom_share)), (add(top, 1), bottom_share)):
        for column, across in ((left, _rest(right_share)), (add(left, 1), right_share)):
            share = shape.ExpandDims(mul(down, across), (1,)).result
            part = mul(_pixels(x, column, row, outside), cast(share, x.type.dtype))
            total = part if total is None else add(total, part)
    assert total is not None
    return total


def _rest(share: Value) -> Value:
    return elementwise.Sub(number(1), share).result


def _pixels(x: Value, columns: Value, rows: Value, outside: float | None) -> Value:
    """The pixels at whole positions, clipped to the nearest pixel of x."""
    batch, channels, height, width = x.type.shape
    last_row, last_column = (cast(sub(extent(x, axis), 1), DType.F32) for axis in (2, 3))
    row, column = (
        cast(least(most(whole, 0), last), DType.I32)
        for whole, last in ((rows, last_row), (columns, last_column))
    )
    image = Range1d(number(0), cast(extent(x, 0), DType.F32), number(1), (batch,)).result
    image = shape.ExpandDims(cast(image, DType.I32), (1, 2)).result
    place = add(mul(add(mul(image, extent(x, 2)), row), extent(x, 3)), column)
    pixels = shape.Transpose(x, (0, 2, 3, 1)).result
    flat = shape.Reshape(pixels, (product((batch, height, width)), channels)).result
    found = shape.Transpose(Gather(flat, place, 0).result, (0, 3, 1, 2)).result
    if outside is None:
        return found
    inside = elementwise.LogicalAnd(_within(rows, last_row), _within(columns, last_column)).result
    mask = shape.ExpandDims(inside, (1,)).result
    return elementwise.Select(mask, found, scalar(outside, found)).result


def _within(positions: Value, last: Value) -> Value:
    after = elementwise.GreaterEqual(positions, number(0)).result
    return elementwise.LogicalAnd(after, elementwise.LessEqual(positions, last).result).result


def folded(positions: Value, last: Value, mode: str) -> Value:
    """Positions moved inside: "border", or mirrored at the last pixels' centres or edges."""
    if mode == "border":
        return least(most(positions, 0), last)
    if mode == "reflection":
        # An image of one pixel has only that pixel.
        size, low = most(last, 1), 0.0
    else:
        size, low = add(last, 1), -0.5
    away = unary.Abs(sub(positions, low)).result
    turns = floor(div(away, size))
    rest = sub(away, mul(turns, size))
    even = elementwise.Equal(sub(turns, mul(floor(mul(turns, 0.5)), 2)), number(0)).result
    mirrored = elementwise.Select(even, rest, sub(size, rest)).result
    return least(most(add(mirrored, low), 0), last)
