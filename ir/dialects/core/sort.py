"""Sorting and running sums along one dimension."""

import numpy as np

from ...attributes import Axis, Dims
from ...batch.kinds import along_axes
from ...batch.rule import refuse
from ...declare import attr, operand
from ...dims import Dim
from ...ssa import Op, Value
from ...types import INDEX, NUMERIC, Array, DType, Type


def _order(x: Array, axis: int, ascending: bool) -> Array:
    """Indices in sorted order; the lower one first among equals, in both directions."""
    if ascending:
        return np.argsort(x, axis, kind="stable").astype(np.int32)
    backwards = np.argsort(np.flip(x, axis), axis, kind="stable")
    return (x.shape[axis] - 1 - np.flip(backwards, axis)).astype(np.int32)


class Argsort(Op):
    """The indices that sort x along one dimension; the lower one first among equals."""

    name = "tensor.argsort"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(NUMERIC)
    axis: Axis = attr(default=-1)
    ascending: bool = attr(default=False)

    def infer(self) -> Type:
        return self.x.type.with_dtype(DType.I32)

    def evaluate(self, x: Array) -> Array:
        return _order(x, self.axis, self.ascending)


class Topk(Op):
    """The k largest (or smallest) elements along one dimension in order, and their indices.

    The lower index comes first among equals.

    (C1) k is at least 1, and at most the size of the dimension.
    """

    name = "tensor.topk"
    batch = along_axes

    x: Value = operand(NUMERIC)
    k: int = attr()
    axis: Axis = attr(default=-1)
    ascending: bool = attr(default=False)

    def infer(self) -> tuple[Type, Type]:
        extent = self.x.type.shape[self.axis]
        fits = self.k >= 1 and (not isinstance(extent, int) or self.k <= extent)
        self.require("C1", fits, f"takes {self.k} of {extent} elements")
        return _picked_types(self.x.type, self.axis, self.k)

    def evaluate(self, x: Array) -> tuple[Array, Array]:
        return _picked(x, self.k, self.axis, self.ascending)


class DynamicTopk(Op):
    """`tensor.topk` with a k that is computed at run time.

    `dims` declares the only dimension that depends on it: a number if known, or a symbol. A k below
    1 or above the size of the dimension is a run-time error.

    (C1) dims has one entry.

    Example:
        %values, %found = tensor.dynamic_topk(%x, %k) {dims = [K]} : f32[2,K], i32[2,K]
    """

    name = "tensor.dynamic_topk"
    batch = along_axes

    x: Value = operand(NUMERIC)
    k: Value = operand(INDEX, rank=0)
    dims: Dims = attr()
    axis: Axis = attr(default=-1)
    ascending: bool = attr(default=False)

    def infer(self) -> tuple[Type, Type]:
        self.require("C1", len(self.dims) == 1, f"dims has {len(self.dims)} entries, expected 1")
        return _picked_types(self.x.type, self.axis, self.dims[0])

    def evaluate(self, x: Array, k: Array) -> tuple[Array, Array]:
        return _picked(x, int(k), self.axis, self.ascending)


def _picked_types(x: Type, axis: int, count: Dim) -> tuple[Type, Type]:
    values = x.with_shape((*x.shape[:axis], count, *x.shape[axis + 1 :]))
    return values, values.with_dtype(DType.I32)


def _picked(x: Array, k: int, axis: int, ascending: bool) -> tuple[Array, Array]:
    if not 1 <= k <= x.shape[axis]:
        raise ValueError(f"takes {k} of {x.shape[axis]} elements")
    picked = np.take(_order(x, axis, ascending), np.arange(k), axis)
    return np.take_along_axis(x, picked, axis), picked


class Cumsum(Op):
    """Sums of all elements up to each one along a dimension, without it if `exclusive`.

    `reverse` sums from the end.
    """

    name = "tensor.cumsum"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(NUMERIC)
    axis: Axis = attr(default=0)
    exclusive: bool = attr(default=False)
    reverse: bool = attr(default=False)

    def infer(self) -> Type:
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        return _running_sums(x, self.axis, self.exclusive, self.reverse)


class DynamicCumsum(Op):
    """`tensor.cumsum` along a dimension that is computed at run time.

    A negative axis counts from the end; one that x doesn't have is a run-time error.

    (C1) x has a dimension.

    Example:
        %y = tensor.dynamic_cumsum(%x, %axis) {reverse = true} : f32[2,3]
    """

    name = "tensor.dynamic_cumsum"
    batch = refuse("works along a dimension that is computed, maybe the batch")

    x: Value = operand(NUMERIC)
    axis: Value = operand(INDEX, rank=0)
    exclusive: bool = attr(default=False)
    reverse: bool = attr(default=False)

    def infer(self) -> Type:
        self.require("C1", self.x.type.rank > 0, f"x is {self.x.type}, expected rank 1 or more")
        return self.x.type

    def evaluate(self, x: Array, axis: Array) -> Array:
        return _running_sums(x, int(axis), self.exclusive, self.reverse)


def _running_sums(x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    # Half precision is summed in single precision, as in reductions.
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    ordered = np.moveaxis(wide, axis, 0)
    ordered = ordered[::-1] if reverse else ordered
    if exclusive:
        ordered = np.concatenate([np.zeros_like(ordered[:1]), ordered[:-1]])
    total = np.cumsum(ordered, 0, dtype=ordered.dtype)
    total = total[::-1] if reverse else total
    return np.moveaxis(total, 0, axis).astype(x.dtype)


OPS = (Argsort, Topk, DynamicTopk, Cumsum, DynamicCumsum)
