"""Decision trees."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from .base import TfOp


class CompleteTrees(TfOp, call="kernels.complete_trees"):
    """Sums of the leaves that rows reach in complete trees."""

    x: Value = operand()
    columns: Value = operand()
    thresholds: Value = operand()
    values: Value = operand()
    trees: int = attr()
    depth: int = attr()
    size: int = attr()
    step: int = attr()
    leaves: Value | None = operand(default=None)
    segments: Value | None = operand(default=None)


class LinkedTrees(TfOp, call="kernels.linked_trees"):
    """The same for trees whose nodes name their children."""

    x: Value = operand()
    columns: Value = operand()
    thresholds: Value = operand()
    children: Value = operand()
    starts: Value = operand()
    values: Value = operand()
    count: int = attr()
    size: int = attr()
    step: int = attr()
    segments: Value | None = operand(default=None)


OPS = (CompleteTrees, LinkedTrees)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
