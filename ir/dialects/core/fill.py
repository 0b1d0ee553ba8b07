"""Tensors made from a few numbers: computed broadcasts, tiles and ranges, and bands of matrices."""

import numpy as np

from ...attributes import Axis, Dims
from ...batch.kinds import along_axes, broadcasting
from ...batch.rule import Given, RefusalError, Taken, Widened, refuse
from ...declare import attr, operand
from ...dims import Dim, differs
from ...ssa import Op, Value
from ...types import BOOL, FLOAT, INDEX, NUMERIC, SIGNED, Array, Type
from ..builtin import splat_of
from .elementwise import Cast
from .reshaping import ExpandDims, Reshape, Squeeze, ToComputedShape
from .shape import BroadcastTo, Transpose
from .slicing import SliceByIndex

NO_LIMIT = 2**31 - 1


class DynamicBroadcastTo(ToComputedShape):
    """`tensor.broadcast_to` to a shape computed at run time.

    `dims` declares the result's shape for the compiler: numbers where known, fresh symbols
    elsewhere. With a scalar for x this makes a tensor of one number.

    (C1) shape has as many entries as dims.
    (C2) x can broadcast to dims: it has no more dimensions, and only dimensions of 1 differ.

    Example:
        %y = tensor.dynamic_broadcast_to(%x, %shape) {dims = [A, 3]} : f32[A,3]
    """

    name = "tensor.dynamic_broadcast_to"

    def infer(self) -> Type:
        declared = super().infer()
        message = f"{self.x.type} does not broadcast to {list(map(str, self.dims))}"
        self.require("C2", _may_broadcast(self.x.type.shape, self.dims), message)
        return declared

    def evaluate(self, x: Array, shape: Array) -> Array:
        return np.broadcast_to(x, [int(size) for size in shape])

    def batch(self, given: Given) -> Taken:
        """The batch is a dimension of its own, or one of 1 that isn't repeated."""
        place, entry = self.place_of_x(given), self.x.type.shape
        added = len(self.dims) - len(entry)
        stays = place.is_dimension(entry) and self.dims[place.axis + added] == 1
        place = place if stays else place.apart(entry)
        return self.opened_at(place, place.moved(added), given)


class BroadcastLike(Op):
    """`tensor.broadcast_to` to the shape that `like` has at run time.

    An extent of x is 1 or that of `like`; any other is an error of the run.

    (C1) x can broadcast to the shape of like: it has no more dimensions, and only dimensions of 1
    differ.

    Example:
        %y = tensor.broadcast_like(%x, %like) : f32[N,3]
    """

    name = "tensor.broadcast_like"

    x: Value = operand()
    like: Value = operand()

    def infer(self) -> Type:
        fits = _may_broadcast(self.x.type.shape, self.like.type.shape)
        self.require("C1", fits, f"{self.x.type} does not broadcast to {self.like.type}")
        return self.x.type.with_shape(self.like.type.shape)

    def evaluate(self, x: Array, like: Array) -> Array:
        return np.broadcast_to(x, like.shape)

    def fold(self) -> Value | None:
        return self.x if self.x.type.shape == self.like.type.shape else None

    def batch(self, given: Given) -> Taken:
        """As for elementwise ops, but `like` has the batch in any case: it says how large it is."""
        taken = broadcasting(self, given, 0)
        x, _ = taken.operands or given.places
        return Taken(taken.results, (x, taken.results[0]))


class DynamicTile(Op):
    """`tensor.tile` by repetitions computed at run time.

    `dims` declares the result's shape for the compiler: numbers where known, symbols elsewhere.
    Nothing is left of a dimension that is repeated 0 times; negative repetitions are undefined.

    (C1) reps and dims have as many entries as x has dimensions.
    (C2) known dimensions are multiples of those of x.

    Example:
        %y = tensor.dynamic_tile(%x, %reps) {dims = [A, 3]} : f32[A,3]
    """

    name = "tensor.dynamic_tile"

    x: Value = operand()
    reps: Value = operand(INDEX, rank=1)
    dims: Dims = attr()

    def infer(self) -> Type:
        (count,) = self.reps.type.shape
        rank = self.x.type.rank
        fits = len(self.dims) == rank and not differs(count, rank)
        message = f"reps has {count} entries, dims {len(self.dims)}, x is {self.x.type}"
        self.require("C1", fits, message)
        rows = zip(self.x.type.shape, self.dims, strict=True)
        message = f"{self.x.type} does not tile to {list(map(str, self.dims))}"
        self.require("C2", all(_may_be_multiple(dim, own) for own, dim in rows), message)
        return self.x.type.with_shape(self.dims)

    def evaluate(self, x: Array, reps: Array) -> Array:
        return np.tile(x, [int(count) for count in reps])

    def batch(self, given: Given) -> Taken:
        """The batch is a dimension of its own, or one of 1 that isn't repeated."""
        place, computed = given.places
        if computed is not None or place is None:
            raise RefusalError("repeats as often as the numbers of an entry say")
        entry = self.x.type.shape
        if place.is_dimension(entry) and self.dims[place.axis] == 1:
            return Taken((place,), changes={"dims": place.opened(self.dims, given.size)})
        place = place.apart(entry)
        changes = {"dims": place.opened(self.dims, given.size)}
        return Taken((place,), (place, Widened(place.axis, (1,))), changes)


def is_zero(value: Value) -> bool:
    """Whether a value is known to be zero everywhere, whatever its shape."""
    match value.op:
        case BroadcastTo(x) | DynamicBroadcastTo(x) | BroadcastLike(x):
            return is_zero(x)
        case ExpandDims(x) | Squeeze(x) | Reshape(x) | Transpose(x) | Cast(x) | SliceByIndex(x):
            return is_zero(x)
        case _:
            return splat_of(value) == 0


def _may_broadcast(shape: tuple[Dim, ...], wanted: tuple[Dim, ...]) -> bool:
    """Whether nothing proves that a shape doesn't broadcast to another."""
    missing = len(wanted) - len(shape)
    rows = zip(shape, wanted[max(missing, 0) :], strict=False)
    return missing >= 0 and all(a == 1 or not differs(a, b) for a, b in rows)


def _may_be_multiple(dim: Dim, factor: Dim) -> bool:
    """Whether nothing proves that a dimension is not a multiple of another."""
    if not isinstance(dim, int) or not isinstance(factor, int):
        return True
    return dim % factor == 0 if factor else dim == 0


class Range1d(Op):
    """start, start + step, … until `end`, which is excluded.

    That is start + i * step for every i from 0 below (end - start) / step, computed in the dtype.
    A range in the wrong direction is empty; a step of 0 is undefined. `dims` declares the result's
    only dimension: a number if known, or a symbol.

    (C1) dims has one entry.

    Example:
        %y = tensor.range_1d(%start, %end, %step) {dims = [A]} : f32[A]
    """

    name = "tensor.range_1d"
    batch = refuse("gives as many numbers as an entry says")

    start: Value = operand(FLOAT | SIGNED, rank=0)
    end: Value = operand(FLOAT | SIGNED, rank=0, like="start")
    step: Value = operand(FLOAT | SIGNED, rank=0, like="start")
    dims: Dims = attr()

    def infer(self) -> Type:
        self.require("C1", len(self.dims) == 1, f"dims has {len(self.dims)} entries, expected 1")
        return self.start.type.with_shape(self.dims)

    def evaluate(self, start: Array, end: Array, step: Array) -> Array:
        if start.dtype.kind == "f":
            steps = np.ceil((end - start) / step)
        else:
            steps = -((start - end) // step)
        positions = np.arange(max(int(steps), 0))
        return np.asarray(positions.astype(start.dtype) * step + start, start.dtype)


class BandPart(Op):
    """x near the diagonal of its matrices, 0 elsewhere.

    An entry in row m and column n is kept if m - n <= lower and n - m <= upper. A negative limit
    removes the diagonal too; without one of the limits, its side is kept entirely.

    (C1) rows and columns are two dimensions.

    Example:
        %y = tensor.band_part(%x) {upper = 0} : f32[3,3]
    """

    name = "tensor.band_part"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(NUMERIC | BOOL)
    lower: int = attr(default=NO_LIMIT)
    upper: int = attr(default=NO_LIMIT)
    rows: Axis = attr(default=-2)
    columns: Axis = attr(default=-1)

    def infer(self) -> Type:
        message = f"rows and columns are both dimension {self.rows}"
        self.require("C1", self.rows != self.columns, message)
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        above = _positions(x, self.columns) - _positions(x, self.rows)
        return np.where((above <= self.upper) & (-above <= self.lower), x, x.dtype.type(0))


def _positions(x: Array, axis: int) -> Array:
    """0, 1, … along one dimension, with dimensions of 1 around it."""
    others = [i for i in range(x.ndim) if i != axis]
    return np.expand_dims(np.arange(x.shape[axis], dtype=np.int64), others)


OPS = (DynamicBroadcastTo, BroadcastLike, DynamicTile, Range1d, BandPart)
