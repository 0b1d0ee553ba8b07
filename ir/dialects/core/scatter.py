"""Writing at computed indices. Negative ones count from the end; out of range is undefined."""

import enum

import numpy as np

from ...attributes import Axis
from ...declare import attr, operand
from ...dims import Dim, Shape, differs, merge
from ...ssa import Op, Value
from ...types import INDEX, NUMERIC, Array, Type


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


class ScatterAlongAxis(Scattering):
    """Writes single elements: the inverse of `tensor.gather_along_axis`.

    `indices` and `updates` have one shape: that of x, except along `axis`.
    """

    name = "tensor.scatter_along_axis"
    permuted_operands = ("x", "indices", "updates")

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
