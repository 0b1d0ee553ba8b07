"""Shape changes: ops that move elements and compute nothing."""

from dataclasses import replace

import numpy as np

from ...attributes import Axes, Axis, Dims, NewAxis, PerAxis, Perm
from ...batch.kinds import along_axes, by_axes
from ...batch.place import FRONT, Place
from ...batch.rule import FirstEntry, Given, Taken
from ...declare import attr, operand
from ...dims import Dim, differs, is_static, merge
from ...ssa import Op, Value
from ...types import Array, DType, Tensor, Type
from .asserting import AssertShape
from .broadcasting import broadcast_shapes
from .reshaping import DynamicReshape, ExpandDims, Reshape, Squeeze
from .reshaping import reshaped_sizes as reshaped_sizes
from .slicing import DynamicPad, DynamicSlice, Pad, SliceByIndex, SliceUpdate
from .slicing import sliced_extent as sliced_extent


class Transpose(Op):
    """Dimension i of the result is dimension perm[i] of x."""

    name = "tensor.transpose"

    x: Value = operand()
    perm: Perm = attr()

    def infer(self) -> Type:
        return self.x.type.with_shape(self.x.type.shape[axis] for axis in self.perm)

    def evaluate(self, x: Array) -> Array:
        return x.transpose(self.perm)

    def fold(self) -> Value | None:
        return self.x if self.perm == tuple(range(len(self.perm))) else None

    def batch(self, given: Given) -> Taken:
        """The batch moves with its dimension; one of its own with the next, or stays in front.

        A dimension of 1 that is moved away from the front has no elements to move with it.
        """
        (place,) = given.places
        assert place is not None
        if place == Place(0) and self.x.type.shape[0] == 1 and self.perm[0] != 0:
            place = replace(FRONT, origin=0)
        if not place.own:
            return Taken((Place(self.perm.index(place.axis), place.outer),))
        axis = place.axis
        if 0 < axis < len(self.perm):
            axis = self.perm.index(axis)
        elif axis:
            axis = self.perm.index(axis - 1) + 1
        perm = [source + (source >= place.axis) for source in self.perm]
        perm.insert(axis, place.axis)
        origin = None if place.origin is None else self.perm.index(place.origin)
        found = Place(axis, own=True, origin=origin)
        return Taken((found,), (place,), {"perm": tuple(perm)})


class Concat(Op):
    """Joins tensors along one dimension.

    (C1) there is at least one, and all have the same rank and dtype.
    (C2) shapes agree except along `axis`.
    """

    name = "tensor.concat"
    permuted_operands = ("values",)

    values: tuple[Value, ...] = operand()
    axis: Axis = attr()

    def infer(self) -> Type:
        self.require("C1", bool(self.values), "has no operands, expected 1 or more")
        first = self.values[0].type
        shape = list(first.shape)
        for value in self.values[1:]:
            other = value.type
            alike = other.rank == first.rank and other.dtype == first.dtype
            self.require("C1", alike, f"can't join {first} and {other}")
            for axis, (a, b) in enumerate(zip(shape, other.shape, strict=True)):
                if axis == self.axis:
                    shape[axis] = a + b
                    continue
                self.require("C2", not differs(a, b), f"can't join {first} and {other}")
                shape[axis] = merge(a, b)
        return first.with_shape(shape)

    def evaluate(self, values: tuple[Array, ...]) -> Array:
        return np.concatenate(values, self.axis)

    def batch(self, given: Given) -> Taken:
        """Where entries are joined, the batch is a dimension of its own."""
        return by_axes(self, given, splits=True)


class Stack(Op):
    """Joins tensors of one shape along a new dimension.

    (C1) there is at least one, and all have the same shape and dtype.
    """

    name = "tensor.stack"
    permuted_operands = ("values",)
    batch = along_axes

    values: tuple[Value, ...] = operand()
    axis: NewAxis = attr()

    def infer(self) -> Type:
        self.require("C1", bool(self.values), "has no operands, expected 1 or more")
        first = self.values[0].type
        for kind in dict.fromkeys(value.type for value in self.values[1:]):
            alike = kind.dtype == first.dtype and kind.rank == first.rank
            fits = alike and not any(map(differs, first.shape, kind.shape))
            self.require("C1", fits, f"can't stack {first} and {kind}")
        shape = list(first.shape)
        shape.insert(self.axis, len(self.values))
        return first.with_shape(shape)

    def evaluate(self, values: tuple[Array, ...]) -> Array:
        return np.stack(values, self.axis)

    def permute(
        self, perm: tuple[int, ...], operands: tuple[Value, ...]
    ) -> tuple[Op, tuple[int, ...]]:
        """The new dimension stays behind the one it was behind, so both can be merged there."""
        axis = perm[self.axis - 1] + 1 if self.axis else 0
        moved = [source + (source >= axis) for source in perm]
        moved.insert(self.axis, axis)
        return Stack(operands, axis), tuple(moved)


class Split(Op):
    """Cuts x into pieces of the given sizes along one dimension.

    (C1) the sizes are positive and add up to the dimension.
    """

    name = "tensor.split"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand()
    sizes: tuple[int, ...] = attr()
    axis: Axis = attr()

    def infer(self) -> tuple[Type, ...]:
        extent = self.x.type.shape[self.axis]
        fits = min(self.sizes, default=0) > 0 and not differs(extent, sum(self.sizes))
        self.require("C1", fits, f"sizes {list(self.sizes)} do not add up to {extent}")
        types: list[Type] = []
        for size in self.sizes:
            shape = list(self.x.type.shape)
            shape[self.axis] = size
            types.append(self.x.type.with_shape(shape))
        return tuple(types)

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        return tuple(np.split(x, np.cumsum(self.sizes)[:-1], self.axis))


class Tile(Op):
    """Repeats x along every dimension.

    (C1) the repetitions are positive.
    """

    name = "tensor.tile"
    permuted_operands = ("x",)

    x: Value = operand()
    reps: PerAxis = attr()

    def infer(self) -> Type:
        message = f"reps are {list(self.reps)}, expected 1 or more"
        self.require("C1", min(self.reps, default=1) > 0, message)
        shape = [dim * n for dim, n in zip(self.x.type.shape, self.reps, strict=True)]
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        return np.tile(x, self.reps)

    def batch(self, given: Given) -> Taken:
        """What is repeated around the batch is outside of it."""
        (place,) = given.places
        assert place is not None
        if place.own:
            return by_axes(self, given, fill={"reps": 1}, splits=True)
        return Taken((Place(place.axis, place.outer * self.reps[place.axis]),))


class Reverse(Op):
    """Reverses the order along `axes`."""

    name = "tensor.reverse"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand()
    axes: Axes = attr()

    def infer(self) -> Type:
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        return np.flip(x, self.axes)

    def fold(self) -> Value | None:
        return self.x if all(self.x.type.shape[axis] == 1 for axis in self.axes) else None


class BroadcastTo(Op):
    """x repeated to a fixed shape, by the rules of elementwise ops.

    (C1) x broadcasts to exactly the shape, whose extents are numbers or those that x has there.
    """

    name = "tensor.broadcast_to"

    x: Value = operand()
    shape: Dims = attr()

    def infer(self) -> Type:
        message = f"{self.x.type} does not broadcast to {list(map(str, self.shape))}"
        self.require("C1", self.x.type.rank <= len(self.shape), message)
        known = is_static(dim for dim, own in self._pairs() if dim != own)
        self.require("C1", known, message)
        both = broadcast_shapes(self, self.x.type.shape, self.shape)
        self.require("C1", both == self.shape, message)
        return self.x.type.with_shape(self.shape)

    def _pairs(self) -> list[tuple[Dim, Dim]]:
        """Each extent of the shape, and that of x, 1 where it has none."""
        added = (1,) * (len(self.shape) - self.x.type.rank)
        return list(zip(self.shape, (*added, *self.x.type.shape), strict=True))

    def evaluate(self, x: Array) -> Array:
        own = (*(1,) * (len(self.shape) - x.ndim), *x.shape)
        sizes = zip(self.shape, own, strict=True)
        return np.broadcast_to(x, [dim if isinstance(dim, int) else size for dim, size in sizes])

    def fold(self) -> Value | None:
        return self.x if self.x.type.shape == self.shape else None

    def batch(self, given: Given) -> Taken:
        """Where the batch is in a dimension that is repeated, it becomes one of its own."""
        (place,) = given.places
        entry, added = self.x.type.shape, len(self.shape) - self.x.type.rank
        assert place is not None
        if not place.own and entry[place.axis] != self.shape[place.axis + added]:
            place = place.apart(entry)
        found = place.moved(added)
        return Taken((found,), (place,), {"shape": found.opened(self.shape, given.size)})


class ShapeOf(Op):
    """The shape of x as a rank-1 tensor of i32."""

    name = "tensor.shape"

    def batch(self, given: Given) -> Taken:
        """All entries have the same extents."""
        return Taken((None,), (FirstEntry(),))

    x: Value = operand()

    def infer(self) -> Type:
        return Tensor(DType.I32, (self.x.type.rank,))

    def evaluate(self, x: Array) -> Array:
        return np.asarray(x.shape, np.int32)


OPS = (
    *(Reshape, DynamicReshape, Transpose, ExpandDims, Squeeze, Concat, Stack, Split),
    *(SliceByIndex, DynamicSlice, SliceUpdate, Pad, DynamicPad, Tile, Reverse, BroadcastTo),
    *(ShapeOf, AssertShape),
)
