"""Tensors made from a few numbers, and bands of matrices."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import fill as core
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ...lowering import Lowering
from ...refusals import require_fixed
from ..dialect import ops
from .linear import transposed
from .shape import DYNAMIC

lower = Lowering()


@lower(core.BandPart)
def band_part(op: core.BandPart) -> Value:
    """The part that is neither above the upper diagonal nor below the lower one."""
    rank = op.x.type.rank
    last = (rank - 2, rank - 1)
    if {op.rows, op.columns} == set(last):
        return _band(op, op.x, turned=op.rows > op.columns)
    others = tuple(axis for axis in range(rank) if axis not in (op.rows, op.columns))
    order = (*others, op.rows, op.columns)
    back = tuple(order.index(axis) for axis in range(rank))
    return transposed(_band(op, transposed(op.x, order), turned=False), back)


def _band(op: core.BandPart, x: Value, *, turned: bool) -> Value:
    """`turned` if rows are the last dimension."""
    below, above = (op.upper, op.lower) if turned else (op.lower, op.upper)
    rows, columns = x.type.shape[-2:]
    if _removes(above, columns):
        x = ops.Tril(x, _within(above, rows), result_types=x.type).result
    if _removes(below, rows):
        x = ops.Triu(x, -_within(below, columns), result_types=x.type).result
    return x


def _removes(distance: int, extent: Dim) -> bool:
    """Whether anything is farther from the diagonal, on the side of this dimension."""
    return distance < core.NO_LIMIT and not (isinstance(extent, int) and distance >= extent - 1)


def _within(distance: int, extent: Dim) -> int:
    """The distance, clipped: a negative one beyond the other side removes nothing more."""
    return max(distance, -extent) if isinstance(extent, int) else distance


@lower(core.Range1d)
def range_1d(op: core.Range1d) -> Value:
    """start + step * (0, 1, …), if the number of elements is known."""
    out = op.result.type
    require_fixed(is_static(op.dims), "a Keras model's input can't determine the length of a range")
    positions = constant(np.arange(out.static_shape[0]).astype(out.dtype.numpy))
    steps = ops.Multiply(op.step, positions, result_types=out).result
    return ops.Add(op.start, steps, result_types=out).result


@lower(core.DynamicBroadcastTo)
def dynamic_broadcast_to(op: core.DynamicBroadcastTo) -> Value:
    """The shape has only numbers."""
    out = op.result.type
    require_fixed(out.is_static, DYNAMIC)
    return ops.BroadcastTo(op.x, out.static_shape, result_types=out).result
