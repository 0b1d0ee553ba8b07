"""Looking elements up by what they are, instead of by where they are."""

import numpy as np

from ...batch.kinds import along_axes
from ...declare import operand
from ...ssa import Op, Value
from ...types import INDEX, Array, DType, Type

_KEYS = INDEX | {DType.STR}


class Lookup(Op):
    """The position of each element of x among keys: of the first equal one, or -1 without one.

    Strings are equal if they have the same code points.

    Example:
        %y = tensor.lookup(%x, %keys) : i32[N]
    """

    name = "tensor.lookup"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(_KEYS)
    keys: Value = operand(_KEYS, rank=1, like="x")

    def infer(self) -> Type:
        return self.x.type.with_dtype(DType.I32)

    def evaluate(self, x: Array, keys: Array) -> Array:
        positions = first_positions(keys)
        found = [positions.get(item, -1) for item in x.ravel().tolist()]
        return np.asarray(found, np.int32).reshape(x.shape)


def first_positions(keys: Array) -> dict[str | int, int]:
    """Keys without repetition, and where each is first."""
    found: dict[str | int, int] = {}
    for position, key in enumerate(keys.tolist()):
        found.setdefault(key, position)
    return found


OPS = (Lookup,)
