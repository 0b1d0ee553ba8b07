"""Orders and running sums along one dimension."""

import numpy as np

from ...attributes import Axis
from ...declare import attr, operand
from ...ssa import Op, Value
from ...types import NUMERIC, Array, DType, Type


def _order(x: Array, axis: int, ascending: bool) -> Array:
    """Positions in order; the lower one first among equals, in both directions."""
    if ascending:
        return np.argsort(x, axis, kind="stable").astype(np.int32)
    backwards = np.argsort(np.flip(x, axis), axis, kind="stable")
    return (x.shape[axis] - 1 - np.flip(backwards, axis)).astype(np.int32)


class Argsort(Op):
    """The positions that put x in order along one dimension; the lower first among equals."""

    name = "tensor.argsort"
    permuted_operands = ("x",)

    x: Value = operand(NUMERIC)
    axis: Axis = attr(default=-1)
    ascending: bool = attr(default=False)

    def infer(self) -> Type:
        return self.x.type.with_dtype(DType.I32)

    def evaluate(self, x: Array) -> Array:
        return _order(x, self.axis, self.ascending)


class Topk(Op):
    """The k largest (or smallest) elements along one dimension in order, and their positions.

    The lower position comes first among equals.

    (C1) k is at least 1, and at most the extent.
    """

    name = "tensor.topk"

    x: Value = operand(NUMERIC)
    k: int = attr()
    axis: Axis = attr(default=-1)
    ascending: bool = attr(default=False)

    def infer(self) -> tuple[Type, Type]:
        shape = list(self.x.type.shape)
        extent = shape[self.axis]
        fits = self.k >= 1 and (not isinstance(extent, int) or self.k <= extent)
        self.require("C1", fits, f"takes {self.k} of {extent}")
        shape[self.axis] = self.k
        values = self.x.type.with_shape(shape)
        return values, values.with_dtype(DType.I32)

    def evaluate(self, x: Array) -> tuple[Array, Array]:
        picked = np.take(_order(x, self.axis, self.ascending), np.arange(self.k), self.axis)
        return np.take_along_axis(x, picked, self.axis), picked


class Cumsum(Op):
    """Sums of all elements up to each one along a dimension, without it if `exclusive`.

    `reverse` sums from the end.
    """

    name = "tensor.cumsum"
    permuted_operands = ("x",)

    x: Value = operand(NUMERIC)
    axis: Axis = attr(default=0)
    exclusive: bool = attr(default=False)
    reverse: bool = attr(default=False)

    def infer(self) -> Type:
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        # Half precision is summed in single, as in reductions.
        wide = x.astype(np.float32) if x.dtype == np.float16 else x
        ordered = np.moveaxis(wide, self.axis, 0)
        ordered = ordered[::-1] if self.reverse else ordered
        if self.exclusive:
            ordered = np.concatenate([np.zeros_like(ordered[:1]), ordered[:-1]])
        total = np.cumsum(ordered, 0, dtype=ordered.dtype)
        total = total[::-1] if self.reverse else total
        return np.moveaxis(total, 0, self.axis).astype(x.dtype)


OPS = (Argsort, Topk, Cumsum)
