"""Positions among keys."""

from ....ir.declare import operand
from ....ir.ssa import Value
from .base import TfOp


class Lookup(TfOp, call="kernels.lookup"):
    """Positions in a table, which the executable makes of the keys: see `tables`."""

    x: Value = operand()
    keys: Value = operand(doc="a constant")


class FirstEqual(TfOp, call="kernels.first_equal"):
    """Positions among keys that are a tensor."""

    x: Value = operand()
    keys: Value = operand()


OPS = (Lookup, FirstEqual)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
