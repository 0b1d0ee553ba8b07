"""Reshapes: ops of the shape family that keep all elements in their order."""

from dataclasses import replace

import numpy as np

from ...attributes import Axes, Dims, NewAxes
from ...batch.place import FRONT, Place, settled, units_after
from ...batch.rule import Given, RefusalError, Taken, Widened
from ...declare import attr, operand
from ...dims import Dim, Expr, bare_symbol, differs, product, substitute, symbols
from ...ssa import Op, Value
from ...types import INDEX, Array, Type


class Reshape(Op):
    """The same elements in row-major order under another shape.

    (C1) both shapes have the same number of elements.
    (C2) all dimensions but one are numbers, or follow from those of x: they are dimensions of x, or
    made of symbols that are alone in its shape. The remaining one follows from the element count.

    Example:
        %y = tensor.reshape(%x) {shape = [N, 12]} : f32[N,12]
    """

    name = "tensor.reshape"
    permuted_operands = ("x",)

    x: Value = operand()
    shape: Dims = attr()

    def infer(self) -> Type:
        before, after = product(self.x.type.shape), product(self.shape)
        self.require(
            "C1", not differs(before, after), f"can't reshape {before} elements into {after}"
        )
        unknown = self.sizes().count(-1)
        self.require("C2", unknown <= 1, f"{unknown} dimensions don't follow from {self.x.type}")
        return self.x.type.with_shape(self.shape)

    def sizes(self) -> tuple[Dim, ...]:
        """The shape with -1 for the dimension that follows from the others, if there is one."""
        return reshaped_sizes(self.x.type.shape, self.shape)

    def evaluate(self, x: Array) -> Array:
        known = dict(zip(self.x.type.shape, x.shape, strict=True))
        alone = {name: n for dim, n in known.items() if (name := bare_symbol(dim)) is not None}
        sizes = (known.get(dim, substitute(dim, alone)) for dim in self.sizes())
        return x.reshape([size for size in sizes if isinstance(size, int)])

    def fold(self) -> Value | None:
        return self.x if self.x.type.shape == self.shape else None

    def batch(self, given: Given) -> Taken:
        """Elements keep their order; where that would cut a dimension, the batch goes first."""
        (place,) = given.places
        entry = self.x.type.shape
        assert place is not None
        if 0 in (*entry, *self.shape):
            raise RefusalError("reshapes nothing, which doesn't tell how large the batch is")
        before = place.elements_before(entry)
        found = settled(place, before, self.shape)
        if found is None:
            return Taken((FRONT,), (FRONT,), {"shape": FRONT.opened(self.shape, given.size)})
        apart = found.apart(self.shape)
        if apart.opened(self.shape, given.size) == place.opened(entry, given.size):
            found = found if found.is_dimension(self.shape) else apart  # nothing to do then
        units = len(units_after(before, self.shape))
        found = replace(found, loose=place.loose or units > max(1, len(units_after(before, entry))))
        return Taken((found,), changes={"shape": found.opened(self.shape, given.size)})

    def permute(
        self, perm: tuple[int, ...], operands: tuple[Value, ...]
    ) -> tuple[Op, tuple[int, ...]] | None:
        """Split and merged dimensions move along if the permutation keeps them together."""
        groups = matching_groups(self.x.type.shape, self.shape)
        if groups is None:
            return None
        moved: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        for before, after in groups:
            sources = tuple(perm[axis] for axis in before)
            if sources != tuple(range(sources[0], sources[0] + len(sources))):
                return None
            moved.append((sources, after))
        order = sorted(moved)
        positions = [axis for _, after in order for axis in after]
        new = Reshape(operands[0], tuple(self.shape[axis] for axis in positions))
        return new, tuple(positions.index(axis) for axis in range(len(self.shape)))


def reshaped_sizes(before: tuple[Dim, ...], after: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape of a reshape, with -1 for the only symbolic dimension, or for unknown ones."""
    if sum(isinstance(dim, Expr) for dim in after) <= 1:
        return tuple(-1 if isinstance(dim, Expr) else dim for dim in after)
    alone = {bare_symbol(dim) for dim in before}
    return tuple(dim if dim in before or symbols(dim) <= alone else -1 for dim in after)


def matching_groups(
    before: tuple[Dim, ...], after: tuple[Dim, ...]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]] | None:
    """Groups of dimensions that a reshape maps to each other, as small as possible, or None.

    [N, 6, 4] → [N, 2, 3, 4] gives (0)-(0), (1)-(1, 2), (2)-(3). Every group has both sides.
    """
    groups: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    i = j = 0
    while i < len(before) and j < len(after):
        first_i, first_j = i, j
        left, right = before[i], after[j]
        i, j = i + 1, j + 1
        while left != right:
            if not isinstance(left, int) or not isinstance(right, int):
                return None
            if left < right and i < len(before):
                left, i = left * before[i], i + 1
            elif right < left and j < len(after):
                right, j = right * after[j], j + 1
            else:
                return None
        groups.append((tuple(range(first_i, i)), tuple(range(first_j, j))))
    return groups if i == len(before) and j == len(after) else None


class ToComputedShape(Op):
    """Base of ops whose result has a shape computed at run time, which `dims` declares."""

    x: Value = operand()
    shape: Value = operand(INDEX, rank=1)
    dims: Dims = attr()

    def infer(self) -> Type:
        (count,) = self.shape.type.shape
        agree = not differs(count, len(self.dims))
        self.require("C1", agree, f"shape has {count} entries, dims {len(self.dims)}")
        return self.x.type.with_shape(self.dims)

    def place_of_x(self, given: Given) -> Place:
        """Where x has the batch, and the shape doesn't."""
        place, computed = given.places
        if computed is not None or place is None:
            raise RefusalError("gives a shape that is computed from the numbers of an entry")
        return place

    def opened_at(self, source: Place, found: Place, given: Given) -> Taken:
        """From a place in x to one in the result, where the batch has a whole dimension."""
        widened = Widened(found.axis, (None,), replaced=int(not found.own))
        return Taken((found,), (source, widened), {"dims": found.opened(self.dims, given.size)})


class DynamicReshape(ToComputedShape):
    """`tensor.reshape` to a shape computed at run time.

    `dims` declares the result's shape for the compiler: numbers where known, fresh symbols
    elsewhere. One entry of `shape` may be -1: it follows from the element count.

    (C1) shape has as many entries as dims.
    """

    name = "tensor.dynamic_reshape"

    def evaluate(self, x: Array, shape: Array) -> Array:
        return x.reshape([int(size) for size in shape])

    def batch(self, given: Given) -> Taken:
        """The batch is a dimension of its own, or one of 1: the shape has to name its extent."""
        place = self.place_of_x(given)
        before = place.elements_before(self.x.type.shape)
        found = settled(place, before, self.dims)
        if found is not None and not found.is_dimension(self.dims):
            found = found.apart(self.dims)
        if found is None or found.elements_before(self.dims) != before:
            return self.opened_at(FRONT, FRONT, given)
        return self.opened_at(place, found, given)


class ExpandDims(Op):
    """Inserts dimensions of 1; `axes` are their positions in the result."""

    name = "tensor.expand_dims"
    permuted_operands = ("x",)

    x: Value = operand()
    axes: NewAxes = attr()

    def infer(self) -> Type:
        shape: list[Dim] = list(self.x.type.shape)
        for axis in sorted(self.axes):
            shape.insert(axis, 1)
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        return np.expand_dims(x, self.axes)

    def fold(self) -> Value | None:
        return None if self.axes else self.x

    def batch(self, given: Given) -> Taken:
        """The batch becomes a new dimension that is where it is, or stays in its own."""
        (place,) = given.places
        entry, result = self.x.type.shape, self.result.type.shape
        assert place is not None
        kept = [axis for axis in range(len(result)) if axis not in self.axes]
        if place.is_dimension(entry):
            return Taken((Place(kept[place.axis]),))
        before = place.elements_before(entry)
        for axis in sorted(self.axes):
            if product(result[:axis]) == before:
                source = Place(axis - sum(other < axis for other in self.axes), own=True)
                others = tuple(other for other in self.axes if other != axis)
                return Taken((Place(axis),), (source,), {"axes": others})
        if not place.own:
            return Taken((Place(kept[place.axis], place.outer),))
        axis = kept[place.axis] if place.axis < len(entry) else len(result)
        axes = tuple(other + (other >= axis) for other in self.axes)
        return Taken((Place(axis, own=True),), changes={"axes": axes})

    def permute(
        self, perm: tuple[int, ...], operands: tuple[Value, ...]
    ) -> tuple[Op, tuple[int, ...]]:
        """The new dimensions stay where they are; the others permute around them."""
        rank = len(perm) + len(self.axes)
        others = [axis for axis in range(rank) if axis not in self.axes]
        result = list(range(rank))
        for position, source in zip(others, perm, strict=True):
            result[position] = others[source]
        return ExpandDims(operands[0], self.axes), tuple(result)


class Squeeze(Op):
    """Removes dimensions of 1.

    (C1) the dimensions at `axes` are 1.
    """

    name = "tensor.squeeze"
    permuted_operands = ("x",)

    x: Value = operand()
    axes: Axes = attr()

    def infer(self) -> Type:
        for axis in self.axes:
            dim = self.x.type.shape[axis]
            self.require("C1", not differs(dim, 1), f"dimension {dim} at axis {axis} is not 1")
        kept = [dim for axis, dim in enumerate(self.x.type.shape) if axis not in self.axes]
        return self.x.type.with_shape(kept)

    def evaluate(self, x: Array) -> Array:
        return np.squeeze(x, self.axes)

    def fold(self) -> Value | None:
        return None if self.axes else self.x

    def batch(self, given: Given) -> Taken:
        """A batch in a dimension that vanishes is one that entries don't have any more."""
        (place,) = given.places
        assert place is not None
        axis = place.axis - sum(other < place.axis for other in self.axes)
        if place.own:
            axes = tuple(other + (other >= place.axis) for other in self.axes)
            return Taken((Place(axis, own=True),), changes={"axes": axes})
        if place.axis in self.axes:
            others = tuple(other for other in self.axes if other != place.axis)
            return Taken((Place(axis, own=True),), changes={"axes": others})
        return Taken((Place(axis, place.outer),))
