"""Ranges of numbers, and one-hot vectors over them, for both kinds of models."""

from collections.abc import Callable

import numpy as np

from ...ir.dialects.builtin import array_of, constant, scalar
from ...ir.dialects.core.elementwise import Equal, Select
from ...ir.dialects.core.fill import Range1d
from ...ir.dialects.core.shape import ExpandDims, Squeeze
from ...ir.dim_values import known_dims
from ...ir.dims import Dim, Expr, bare_symbol
from ...ir.ssa import Value
from .rules import RuleContext


def range_between(
    cx: RuleContext, start: Value, end: Value, step: Value, extent: Callable[[], Dim]
) -> Value:
    """Count from start by steps up to end, which is excluded.

    Args:
        cx: the layer or operation.
        start: a scalar.
        end: a scalar of the same dtype.
        step: a scalar of the same dtype.
        extent: makes the dimension of a result whose size is known only at run time.

    Raises:
        CompileError: the step is 0.
    """
    numbers = [_known_number(value) for value in (start, end, step)]
    cx.require(numbers[2] != 0, "has a step of 0")
    if all(isinstance(number, float) for number in numbers):
        op = Range1d(start, end, step, (cx.fresh_symbol(0),))
        dtype = start.type.dtype.numpy
        return constant(op.evaluate(*(np.asarray(number, dtype) for number in numbers)))
    count, limit = extent(), numbers[1]
    # From 0 by 1 to a dimension of the model: that dimension again.
    if numbers[0] == 0 and numbers[2] == 1 and isinstance(limit, Expr):
        count = limit if bare_symbol(limit) is not None else count
    return Range1d(start, end, step, (count,)).result


def one_hot(indices: Value, classes: Value, axis: int, on: Value, off: Value) -> Value:
    """`on` where an index is the class, `off` elsewhere, along a new axis.

    Args:
        indices: i32.
        classes: the numbers of classes, i32 of rank 1: a constant, or a computed range.
        axis: the new axis, counted from the front or from the end.
        on: a scalar.
        off: a scalar of the same dtype.
    """
    rank = indices.type.rank + 1
    others = tuple(i for i in range(rank) if i != axis % rank)
    row = ExpandDims(classes, others).result if others else classes
    here = Equal(ExpandDims(indices, (axis,)).result, row).result
    return Select(here, on, off).result


def numbers_below(count: Value, extent: Dim) -> Value:
    """0, 1, … below a computed i32 number, which is this dimension."""
    return Range1d(scalar(0, count), count, scalar(1, count), (extent,)).result


def _known_number(value: Value) -> float | Expr | None:
    """A scalar's value at compile time, or an expression over symbols; None if it is unknown."""
    source = value.op.x if isinstance(value.op, Squeeze) else value
    array = array_of(source)
    if array is not None:
        return float(array.flat[0])
    known = known_dims(value)
    if known is None:
        return None
    return float(known[0]) if isinstance(known[0], int) else known[0]
