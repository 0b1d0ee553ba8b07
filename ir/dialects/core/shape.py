"""Shape changes: ops that move elements and compute nothing."""

import numpy as np

from ...attributes import Axes, Axis, Dims, NewAxes, NewAxis, PerAxis, Perm
from ...declare import attr, operand
from ...dims import (
    Dim,
    Expr,
    bare_symbol,
    differs,
    is_static,
    merge,
    product,
    substitute,
    symbols,
)
from ...ssa import Op, Value
from ...types import INDEX, Array, DType, Tensor, Type
from .asserting import AssertShape
from .broadcasting import broadcast_shapes
from .slicing import DynamicPad, DynamicSlice, Pad, SliceByIndex
from .slicing import sliced_extent as sliced_extent


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


class DynamicReshape(ToComputedShape):
    """`tensor.reshape` to a shape computed at run time.

    `dims` declares the result's shape for the compiler: numbers where known, fresh symbols
    elsewhere. One entry of `shape` may be -1: it follows from the element count.

    (C1) shape has as many entries as dims.
    """

    name = "tensor.dynamic_reshape"

    def evaluate(self, x: Array, shape: Array) -> Array:
        return x.reshape([int(size) for size in shape])


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


class Stack(Op):
    """Joins tensors of one shape along a new dimension.

    (C1) there is at least one, and all have the same shape and dtype.
    """

    name = "tensor.stack"

    values: tuple[Value, ...] = operand()
    axis: NewAxis = attr()

    def infer(self) -> Type:
        self.require("C1", bool(self.values), "has no operands, expected 1 or more")
        first = self.values[0].type
        for value in self.values[1:]:
            alike = value.type.dtype == first.dtype and value.type.rank == first.rank
            self.require("C1", alike, f"can't stack {first} and {value.type}")
            for a, b in zip(first.shape, value.type.shape, strict=True):
                self.require("C1", not differs(a, b), f"can't stack {first} and {value.type}")
        shape = list(first.shape)
        shape.insert(self.axis, len(self.values))
        return first.with_shape(shape)

    def evaluate(self, values: tuple[Array, ...]) -> Array:
        return np.stack(values, self.axis)


class Split(Op):
    """Cuts x into pieces of the given sizes along one dimension.

    (C1) the sizes are positive and add up to the dimension.
    """

    name = "tensor.split"
    permuted_operands = ("x",)

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


class Reverse(Op):
    """Reverses the order along `axes`."""

    name = "tensor.reverse"
    permuted_operands = ("x",)

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

    (C1) the shape has only numbers, and x broadcasts to exactly it.
    """

    name = "tensor.broadcast_to"

    x: Value = operand()
    shape: Dims = attr()

    def infer(self) -> Type:
        fits = is_static(self.shape) and self.x.type.rank <= len(self.shape)
        self.require("C1", fits, f"{self.x.type} does not broadcast to {self.shape}")
        both = broadcast_shapes(self, self.x.type.shape, self.shape)
        self.require("C1", both == self.shape, f"{self.x.type} does not broadcast to {self.shape}")
        return self.x.type.with_shape(self.shape)

    def evaluate(self, x: Array) -> Array:
        return np.broadcast_to(x, tuple(dim for dim in self.shape if isinstance(dim, int)))

    def fold(self) -> Value | None:
        return self.x if self.x.type.shape == self.shape else None


class ShapeOf(Op):
    """The shape of x as a rank-1 tensor of i32."""

    name = "tensor.shape"

    x: Value = operand()

    def infer(self) -> Type:
        return Tensor(DType.I32, (self.x.type.rank,))

    def evaluate(self, x: Array) -> Array:
        return np.asarray(x.shape, np.int32)


OPS = (
    *(Reshape, DynamicReshape, Transpose, ExpandDims, Squeeze, Concat, Stack, Split),
    *(SliceByIndex, DynamicSlice, Pad, DynamicPad, Tile, Reverse, BroadcastTo, ShapeOf),
    AssertShape,
)
