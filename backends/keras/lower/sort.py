"""Sorting and running sums along one dimension."""

from ....ir.dialects.builtin import scalar
from ....ir.dialects.core import sort as core
from ....ir.dims import is_static
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from ...refusals import require_fixed
from ..dialect import ops
from .linear import transposed

lower = Lowering()


@lower(core.Argsort)
def argsort(op: core.Argsort) -> Value:
    """Keras only sorts in ascending order."""
    x = op.x if op.ascending else _falling(op.x)
    return ops.Argsort(x, _axis(op.x, op.axis), result_types=op.result.type).result


def _falling(x: Value) -> Value:
    """Numbers in the opposite order: -1 - x exists for each whole number, -x does not."""
    if x.type.dtype.is_float:
        return ops.Negative(x, result_types=x.type).result
    return ops.Subtract(scalar(-1, x), x, result_types=x.type).result


def _axis(x: Value, axis: int) -> int:
    return -1 if axis == x.type.rank - 1 else axis


@lower(core.Topk)
def topk(op: core.Topk) -> tuple[Value, ...]:
    """The function for the largest of the last dimension, else by sorting all."""
    return _picked(op, op.k)


@lower(core.DynamicTopk)
def dynamic_topk(op: core.DynamicTopk) -> tuple[Value, ...]:
    """Only if the number of elements is known."""
    require_fixed(is_static(op.dims), "Keras code needs to know the number of elements")
    return _picked(op, int(str(op.dims[0])))


def _picked(op: core.Topk | core.DynamicTopk, k: int) -> tuple[Value, ...]:
    values, found = (value.type for value in op.results)
    rank = op.x.type.rank
    if op.ascending:
        kind = op.x.type.with_dtype(DType.I32)
        order = ops.Argsort(op.x, _axis(op.x, op.axis), result_types=kind).result
        key = ", ".join((*(":",) * op.axis, f":{k}"))
        positions = ops.Getitem(order, key, result_types=found).result
        taken = ops.TakeAlongAxis(op.x, positions, op.axis, result_types=values).result
        return taken, positions
    if op.axis == rank - 1:
        return ops.TopK(op.x, k, result_types=(values, found)).results
    swap = list(range(rank))
    swap[op.axis], swap[-1] = swap[-1], swap[op.axis]
    order = tuple(swap)
    types = tuple(t.with_shape(tuple(t.shape[axis] for axis in order)) for t in (values, found))
    results = ops.TopK(transposed(op.x, order), k, result_types=types).results
    return tuple(transposed(value, order) for value in results)


@lower(core.Cumsum)
def cumsum(op: core.Cumsum) -> Value:
    """Keras sums from the beginning, including each element."""
    x = op.x
    turn = (op.axis,)
    if op.reverse:
        x = ops.Flip(x, turn, result_types=x.type).result
    whole = op.x.type.dtype.is_integer  # without rounding, an element can be taken away again
    if op.exclusive and not whole:
        x = _later(x, op.axis)
    y = ops.Cumsum(x, op.axis, result_types=x.type).result
    if op.exclusive and whole:
        y = ops.Subtract(y, x, result_types=x.type).result
    return ops.Flip(y, turn, result_types=x.type).result if op.reverse else y


def _later(x: Value, axis: int) -> Value:
    """0, then all elements but the last."""
    shape = list(x.type.shape)
    shape[axis] = shape[axis] - 1
    key = ", ".join((*(":",) * axis, ":-1"))
    most = ops.Getitem(x, key, result_types=x.type.with_shape(shape)).result
    pairs = tuple((int(i == axis), 0) for i in range(x.type.rank))
    return ops.Pad(most, pairs, result_types=x.type).result
