"""Indexing by computed indices. Negative ones count from the end; out of range is undefined."""

import numpy as np

from ...attributes import Axis, Dims, NewAxis
from ...batch.kinds import along_axes
from ...batch.place import FRONT, Place
from ...batch.rule import Given, Offset, RefusalError, Taken, refuse
from ...declare import attr, operand
from ...dims import Dim, differs, merge
from ...ssa import Op, Value
from ...types import INDEX, NUMERIC, Array, DType, Type


class Gather(Op):
    """Slices of x along `axis` at `indices`, which replace that dimension by their own.

    Negative indices count from the end, as in Core ML. Indices out of range are undefined.
    """

    name = "tensor.gather"

    x: Value = operand()
    indices: Value = operand(INDEX)
    axis: Axis = attr(default=0)

    def infer(self) -> Type:
        shape = self.x.type.shape
        picked = self.indices.type.shape
        return self.x.type.with_shape((*shape[: self.axis], *picked, *shape[self.axis + 1 :]))

    def evaluate(self, x: Array, indices: Array) -> Array:
        return np.take(x, indices, self.axis)

    def batch(self, given: Given) -> Taken:
        """Beside the axis, from a table for all entries, or from each entry by its own indices."""
        place, picked = given.places
        entry = self.x.type.shape
        if place is None:
            assert picked is not None
            return Taken((picked.moved(self.axis),))
        if picked is None and not place.own and place.axis == self.axis:
            along = place.is_dimension(entry)
            place = place if along else place.apart(entry)
        else:
            along = picked is not None
        if not along:
            return self._beside(place)
        picked = picked or FRONT
        offset = Offset(picked, extent_of_entries(entry[self.axis]))
        return Taken((picked.moved(self.axis),), (Place(self.axis), offset))

    def _beside(self, place: Place) -> Taken:
        """All entries by the same indices."""
        before = place.axis <= self.axis if place.own else place.axis < self.axis
        found = place if before else place.moved(self.indices.type.rank - 1)
        axis = self.axis + (place.own and before)
        return Taken((found,), (place, None), {"axis": axis})


def extent_of_entries(extent: Dim) -> int:
    """How many positions of one entry lie before the next entry's.

    Raises:
        RefusalError: only running tells.
    """
    if not isinstance(extent, int):
        raise RefusalError(f"picks by each entry's own indices along an open extent, {extent}")
    return extent


class GatherAlongAxis(Op):
    """Elements of x at `indices` along `axis`; numpy's take_along_axis, without broadcasting.

    (C1) x and indices have the same rank.
    (C2) their shapes agree except along `axis`.
    """

    name = "tensor.gather_along_axis"
    permuted_operands = ("x", "indices")
    batch = along_axes

    x: Value = operand()
    indices: Value = operand(INDEX)
    axis: Axis = attr(default=0)

    def infer(self) -> Type:
        ours, picked = self.x.type, self.indices.type
        self.require(
            "C1",
            ours.rank == picked.rank,
            f"indices {picked} do not fit x {ours} beside axis {self.axis}",
        )
        shape: list[Dim] = []
        for axis, (a, b) in enumerate(zip(ours.shape, picked.shape, strict=True)):
            fits = axis == self.axis or not differs(a, b)
            self.require(
                "C2", fits, f"indices {picked} do not fit x {ours} beside axis {self.axis}"
            )
            shape.append(b if axis == self.axis else merge(a, b))
        return ours.with_shape(shape)

    def evaluate(self, x: Array, indices: Array) -> Array:
        return np.take_along_axis(x, indices, self.axis)


class GatherNd(Op):
    """Slices of x at multi-indices, which are the last dimension of `indices`.

    (C1) the size of that dimension is a number, at most the rank of x.
    """

    name = "tensor.gather_nd"

    x: Value = operand()
    indices: Value = operand(INDEX, rank=(1, 2, 3, 4, 5))

    def infer(self) -> Type:
        *lead, count = self.indices.type.shape
        fits = isinstance(count, int) and count <= self.x.type.rank
        self.require("C1", fits, f"multi-indices of {count} numbers do not fit x {self.x.type}")
        assert isinstance(count, int)
        return self.x.type.with_shape((*lead, *self.x.type.shape[count:]))

    def evaluate(self, x: Array, indices: Array) -> Array:
        return x[tuple(np.moveaxis(indices, -1, 0))]

    def batch(self, given: Given) -> Taken:
        """Beside the indexed dimensions, from a table for all, or from each entry by its own."""
        place, picked = given.places
        *lead, count = self.indices.type.shape
        assert isinstance(count, int)
        if picked is None and place is not None and place.axis >= count:
            return Taken((place.moved(len(lead) - count),))
        picked = leading_place(picked, len(lead))
        if place is None:
            return Taken((picked,), (None, picked))
        if not count:
            raise RefusalError("indexes nothing")
        offset = Offset(picked, extent_of_entries(self.x.type.shape[0]), column=0)
        return Taken((picked,), (Place(0), offset))


def leading_place(place: Place | None, count: int) -> Place:
    """Where multi-indices have the batch, so that it isn't among their numbers."""
    if place is None or place.axis >= count + place.own:
        return FRONT
    return place


class OneHot(Op):
    """`on_value` where the position along the new dimension equals the index, else `off_value`.

    Indices outside 0 … size - 1, including negative ones, match nowhere.

    (C1) the size is positive.
    (C2) the dtype is numeric.
    """

    name = "tensor.one_hot"
    batch = along_axes

    indices: Value = operand(INDEX)
    size: int = attr()
    axis: NewAxis = attr(default=-1)
    on_value: float = attr(default=1.0)
    off_value: float = attr(default=0.0)
    dtype: DType = attr(default=DType.F32)

    def infer(self) -> Type:
        self.require("C1", self.size > 0, f"size is {self.size}, expected 1 or more")
        numeric = self.dtype in NUMERIC
        self.require("C2", numeric, f"dtype is {self.dtype.value}, expected a numeric one")
        shape = list(self.indices.type.shape)
        shape.insert(self.axis, self.size)
        return self.indices.type.with_shape(shape).with_dtype(self.dtype)

    def numbers(self) -> tuple[Array, Array]:
        """`on_value` and `off_value` in the result's dtype."""
        dtype = self.dtype.numpy
        return np.asarray(self.on_value).astype(dtype), np.asarray(self.off_value).astype(dtype)

    def evaluate(self, indices: Array) -> Array:
        positions = np.arange(self.size).reshape(-1, *(1,) * (indices.ndim - self.axis))
        return np.where(np.expand_dims(indices, self.axis) == positions, *self.numbers())


class ReverseSequence(Op):
    """The first `lengths[i]` elements along `seq_axis` in reverse, for entry i along `batch_axis`.

    Lengths beyond the size of the dimension are undefined.

    (C1) there is one length for each entry along batch_axis.
    (C2) the axes are different.
    """

    name = "tensor.reverse_sequence"
    permuted_operands = ("x",)

    x: Value = operand()
    lengths: Value = operand(INDEX, rank=1)
    seq_axis: Axis = attr()
    batch_axis: Axis = attr(default=0)

    def infer(self) -> Type:
        (count,) = self.lengths.type.shape
        shape = list(self.x.type.shape)
        batch = shape[self.batch_axis]
        self.require("C1", not differs(count, batch), f"{count} lengths for a batch of {batch}")
        differ = self.seq_axis != self.batch_axis
        self.require("C2", differ, f"axis {self.seq_axis} is both sequence and batch")
        shape[self.batch_axis] = merge(batch, count)
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array, lengths: Array) -> Array:
        extent: int = x.shape[self.seq_axis]
        positions = _along(np.arange(extent), self.seq_axis, x.ndim)
        ends = _along(lengths, self.batch_axis, x.ndim)
        picked: Array = np.where(positions < ends, ends - 1 - positions, positions)
        return np.take_along_axis(x, picked, self.seq_axis)

    def batch(self, given: Given) -> Taken:
        """Along its own batch axis with the lengths, or any other dimension but the sequence's."""
        place, lengths = given.places
        if place is not None and lengths is None and (place.own or place.axis != self.batch_axis):
            return along_axes(self, given)
        outer = 1 if place is None or place.own or place.axis != self.batch_axis else place.outer
        found = Place(self.batch_axis, outer)
        return Taken((found,), (found, Place(0, outer)))


def _along(values: Array, axis: int, rank: int) -> Array:
    """Numbers reshaped to broadcast along one dimension."""
    return values.reshape([-1 if i == axis else 1 for i in range(rank)])


class NonZero(Op):
    """The multi-indices of all elements that are not 0 (or are true), in row-major order.

    `dims` declares the result's shape for the compiler: the number of rows, usually a fresh symbol,
    and the rank of x.

    (C1) dims has two entries, the second of which is the rank of x.

    Example:
        %y = tensor.non_zero(%x) {dims = [K, 2]} : i32[K,2]
    """

    name = "tensor.non_zero"
    batch = refuse("finds another number of elements in each entry")

    x: Value = operand(NUMERIC | {DType.BOOL})
    dims: Dims = attr()

    def infer(self) -> Type:
        rank = self.x.type.rank
        fits = len(self.dims) == 2 and self.dims[1] == rank
        self.require(
            "C1", fits, f"dims is {list(map(str, self.dims))} for rank {rank}, expected [K, {rank}]"
        )
        return self.x.type.with_shape(self.dims).with_dtype(DType.I32)

    def evaluate(self, x: Array) -> Array:
        return np.argwhere(x).astype(np.int32)


OPS = (Gather, GatherAlongAxis, GatherNd, OneHot, ReverseSequence, NonZero)
