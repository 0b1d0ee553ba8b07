"""Writing at computed indices. Negative ones count from the end; out of range is undefined."""

import enum

import numpy as np

from ...attributes import Axis
from ...batch.kinds import along_axes
from ...batch.place import FRONT, Place
from ...batch.rule import Given, Offset, Taken
from ...declare import attr, operand
from ...dims import Dim, Shape, differs, merge
from ...ssa import Op, Value
from ...types import INDEX, NUMERIC, Array, Type
from .index import extent_of_entries, leading_place


class ScatterMode(enum.Enum):
    """How an update is combined with the old element; MIL's `mode`."""

    UPDATE = "update"
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    MAX = "max"
    MIN = "min"


_COMBINE = {
    ScatterMode.ADD: np.add,
    ScatterMode.SUB: np.subtract,
    ScatterMode.MUL: np.multiply,
    ScatterMode.DIV: np.true_divide,
    ScatterMode.MAX: np.maximum,
    ScatterMode.MIN: np.minimum,
}


class Scattering(Op):
    """Base: x after `updates` at `indices`, in row-major order of the indices.

    Several updates of one element are combined one after the other; in the mode `update` the last
    one wins.

    (C1) mode div is for floating point.
    (C2) the shapes of indices and updates fit x.
    """

    x: Value = operand(NUMERIC)
    indices: Value = operand(INDEX)
    updates: Value = operand(NUMERIC, like="x")

    def expected(self) -> Shape | None:
        """The shape that updates must have; None if the indices don't fit x."""
        raise NotImplementedError

    def infer(self) -> Type:
        mode: ScatterMode = self.attributes["mode"]
        divides = mode is ScatterMode.DIV
        fits = not divides or self.x.type.dtype.is_float
        self.require("C1", fits, f"mode div takes floats, x is {self.x.type}")
        given, wanted = self.updates.type.shape, self.expected()
        fits = wanted is not None and len(wanted) == len(given)
        fits = fits and not any(map(differs, wanted or (), given))
        message = f"updates {self.updates.type} do not fit x {self.x.type} at {self.indices.type}"
        self.require("C2", fits, message)
        return self.x.type

    def scatter(self, x: Array, position: tuple[Array, ...], updates: Array) -> Array:
        """x after combining `x[position]` with the updates."""
        mode: ScatterMode = self.attributes["mode"]
        result = x.copy()
        if mode is ScatterMode.UPDATE:
            result[position] = updates
        else:
            _COMBINE[mode].at(result, position, updates)
        return result


class Scatter(Scattering):
    """Writes slices along `axis`: the inverse of `tensor.gather`.

    `updates` has the shape of x with the indices' dimensions in place of `axis`.
    """

    name = "tensor.scatter"

    axis: Axis = attr(default=0)
    mode: ScatterMode = attr(default=ScatterMode.ADD)

    def expected(self) -> Shape:
        shape = self.x.type.shape
        return (*shape[: self.axis], *self.indices.type.shape, *shape[self.axis + 1 :])

    def evaluate(self, x: Array, indices: Array, updates: Array) -> Array:
        count, first = indices.ndim, self.axis
        moved = np.moveaxis(updates, range(first, first + count), range(count))
        written = self.scatter(np.moveaxis(x, first, 0), (indices,), moved)
        return np.moveaxis(written, 0, first)

    def batch(self, given: Given) -> Taken:
        """Beside the axis by shared indices, or into each entry by its own."""
        place, picked, updates = given.places
        if picked is None:
            place = place or self._in_x(updates)
            if place is not None and not place.own and place.axis == self.axis:
                entry = self.x.type.shape
                place = None if place.is_dimension(entry) else place.apart(entry)
            if place is not None:
                return self._beside(place)
        picked = picked or FRONT
        offset = Offset(picked, extent_of_entries(self.x.type.shape[self.axis]))
        return Taken((Place(self.axis),), (Place(self.axis), offset, picked.moved(self.axis)))

    def _in_x(self, updates: Place | None) -> Place | None:
        """Where x has what the updates have; None if that is among the indices' dimensions."""
        count = self.indices.type.rank
        if updates is None or updates.axis >= self.axis + count:
            return None if updates is None else updates.moved(1 - count)
        return updates if updates.axis < self.axis + updates.own else None

    def _beside(self, place: Place) -> Taken:
        """All entries by the same indices."""
        before = place.axis <= self.axis if place.own else place.axis < self.axis
        there = place if before else place.moved(self.indices.type.rank - 1)
        axis = self.axis + (place.own and before)
        return Taken((place,), (place, None, there), {"axis": axis})


class ScatterNd(Scattering):
    """Writes slices at multi-indices, the last dimension of `indices`: inverts `tensor.gather_nd`.

    `updates` has the other dimensions of the indices, then those of x that they leave open.
    """

    name = "tensor.scatter_nd"

    indices: Value = operand(INDEX, rank=(1, 2, 3, 4, 5))
    mode: ScatterMode = attr(default=ScatterMode.ADD)

    def expected(self) -> Shape | None:
        *lead, count = self.indices.type.shape
        if not isinstance(count, int) or count > self.x.type.rank:
            return None
        return (*lead, *self.x.type.shape[count:])

    def evaluate(self, x: Array, indices: Array, updates: Array) -> Array:
        return self.scatter(x, tuple(np.moveaxis(indices, -1, 0)), updates)

    def batch(self, given: Given) -> Taken:
        """Beside the indexed dimensions, or into each entry by its own indices."""
        place, picked, updates = given.places
        *lead, count = self.indices.type.shape
        assert isinstance(count, int)
        left = len(lead) - count  # what the updates have more of than x
        if picked is None:
            if place is None and updates is not None and updates.axis >= len(lead):
                place = updates.moved(-left)
            if place is not None and place.axis >= count:
                return Taken((place,), (place, None, place.moved(left)))
        picked = leading_place(picked, len(lead))
        offset = Offset(picked, extent_of_entries(self.x.type.shape[0]), column=0)
        return Taken((Place(0),), (Place(0), offset, picked))


class ScatterAlongAxis(Scattering):
    """Writes single elements: the inverse of `tensor.gather_along_axis`.

    `indices` and `updates` have one shape: that of x, except along `axis`.
    """

    name = "tensor.scatter_along_axis"
    permuted_operands = ("x", "indices", "updates")
    batch = along_axes

    axis: Axis = attr(default=0)
    mode: ScatterMode = attr(default=ScatterMode.ADD)

    def expected(self) -> Shape | None:
        ours, picked = self.x.type.shape, self.indices.type.shape
        if len(ours) != len(picked):
            return None
        pairs = list(enumerate(zip(ours, picked, strict=True)))
        if any(differs(a, b) for axis, (a, b) in pairs if axis != self.axis):
            return None
        shape: list[Dim] = [b if axis == self.axis else merge(a, b) for axis, (a, b) in pairs]
        return tuple(shape)

    def evaluate(self, x: Array, indices: Array, updates: Array) -> Array:
        grid: Array = np.indices(indices.shape)
        position = (*grid[: self.axis], indices, *grid[self.axis + 1 :])
        return self.scatter(x, position, updates)


OPS = (Scatter, ScatterNd, ScatterAlongAxis)
