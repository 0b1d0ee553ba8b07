"""Tensors made from a few numbers: computed broadcasts and ranges, and bands of matrices."""

import numpy as np

from ...attributes import Axis, Dims
from ...batch.kinds import along_axes
from ...batch.rule import Given, Taken, refuse
from ...declare import attr, operand
from ...dims import differs
from ...ssa import Op, Value
from ...types import BOOL, FLOAT, NUMERIC, SIGNED, Array, Type
from .reshaping import ToComputedShape

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
        missing = len(self.dims) - self.x.type.rank
        self.require("C2", missing >= 0, message)
        rows = zip(self.x.type.shape, self.dims[missing:], strict=True)
        self.require("C2", all(a == 1 or not differs(a, b) for a, b in rows), message)
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


OPS = (DynamicBroadcastTo, Range1d, BandPart)
