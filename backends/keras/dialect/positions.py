"""Functions of `keras.ops` that take or return indices: gathers, scatters, sorting."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from ....ir.types import DType
from .base import KerasOp
from .math import Unary


class Take(KerasOp, call="keras.ops.take"):
    """Slices along a dimension."""

    x: Value = operand()
    indices: Value = operand()
    axis: int = attr()


class TakeAlongAxis(KerasOp, call="keras.ops.take_along_axis"):
    """Elements along a dimension, at indices that broadcast along the others."""

    x: Value = operand()
    indices: Value = operand()
    axis: int = attr()


class OneHot(Unary, call="keras.ops.one_hot"):
    """1 where the position along a new dimension equals the index, 0 elsewhere."""

    num_classes: int = attr()
    axis: int = attr(default=-1)
    dtype: DType | None = attr(default=None)


class ScatterUpdate(KerasOp, call="keras.ops.scatter_update"):
    """Writes slices at multi-indices [n, k], or combines them with the old ones."""

    inputs: Value = operand()
    indices: Value = operand()
    updates: Value = operand()
    reduction: str | None = attr(default=None)


class Slice(KerasOp, call="keras.ops.slice"):
    """A block of the given shape from computed indices on."""

    inputs: Value = operand()
    start_indices: Value = operand()
    shape: tuple[int, ...] = attr()


class SliceUpdate(KerasOp, call="keras.ops.slice_update"):
    """Writes a block from computed indices on."""

    inputs: Value = operand()
    start_indices: Value = operand()
    updates: Value = operand()


class Argsort(Unary, call="keras.ops.argsort"):
    """The indices that sort a dimension in ascending order, the lower first among equals."""

    axis: int = attr(default=-1)


class TopK(Unary, call="keras.ops.top_k"):
    """The largest elements of the last dimension in order, and their indices."""

    k: int = attr()


class Cumsum(Unary, call="keras.ops.cumsum"):
    """Sums of all elements up to each one."""

    axis: int = attr()


class Tril(Unary, call="keras.ops.tril"):
    """Matrices up to their k-th diagonal, 0 above."""

    k: int = attr(default=0)


class Triu(Unary, call="keras.ops.triu"):
    """Matrices from their k-th diagonal on, 0 below."""

    k: int = attr(default=0)


class Full(KerasOp, call="keras.ops.full"):
    """One number everywhere."""

    shape: tuple[int, ...] = attr()
    fill_value: float = attr()
    dtype: DType = attr()


class SegmentSum(KerasOp, call="keras.ops.segment_sum"):
    """Sums of rows, each for the segment that it belongs to."""

    data: Value = operand()
    segment_ids: Value = operand()
    num_segments: int = attr()


class WalkTrees(KerasOp, call="walk_trees"):
    """What leaves add that rows reach in trees, [B, T, W]; the generated code defines it."""

    x: Value = operand()
    starts: Value = operand()
    columns: Value = operand()
    thresholds: Value = operand()
    children: Value = operand()
    values: Value = operand()
    depth: int = attr()


OPS = (
    *(Take, TakeAlongAxis, OneHot, ScatterUpdate, Slice, SliceUpdate),
    *(Argsort, TopK, Cumsum, Tril, Triu, Full, SegmentSum, WalkTrees),
)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
