"""Indexing by computed positions."""

import numpy as np

from ...attributes import Axis
from ...declare import attr, operand
from ...ssa import Op, Value
from ...types import INDEX, Array, Type


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


OPS = (Gather,)
