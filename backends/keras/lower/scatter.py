"""Writing at computed indices."""

from math import prod

import numpy as np

from ....ir.dialects.builtin import array_of, constant
from ....ir.dialects.core import scatter as core
from ....ir.dialects.core.scatter import ScatterMode
from ....ir.dims import Dim, is_static, product
from ....ir.ssa import Value
from ...lowering import Lowering
from ...refusals import require, require_fixed
from ..dialect import ops
from .index import counted_from_the_start
from .linear import transposed
from .shape import reshaped_to

lower = Lowering()

_REDUCTIONS = {
    ScatterMode.UPDATE: None,
    ScatterMode.ADD: "add",
    ScatterMode.SUB: "add",
    ScatterMode.MUL: "mul",
    ScatterMode.MAX: "max",
    ScatterMode.MIN: "min",
}


def _written(op: core.Scattering, x: Value, indices: Value, updates: Value) -> Value:
    """x after updates [n, …] at indices [n, k]."""
    mode: ScatterMode = op.attributes["mode"]
    require(mode in _REDUCTIONS, "Keras has no scatter that divides")
    if mode is ScatterMode.SUB:
        updates = ops.Negative(updates, result_types=updates.type).result
    reduction = _REDUCTIONS[mode]
    return ops.ScatterUpdate(x, indices, updates, reduction, result_types=x.type).result


def _numbers(sizes: tuple[Dim, ...]) -> tuple[int, ...]:
    require_fixed(is_static(sizes), "Keras code needs fixed dimensions for writing")
    return tuple(int(str(size)) for size in sizes)


@lower(core.Scatter)
def scatter(op: core.Scatter) -> Value:
    """The axis is moved to the front, and indices are rows of one number."""
    rank, axis, picked = op.x.type.rank, op.axis, op.indices.type.rank
    indices = counted_from_the_start(op.indices, _numbers((op.x.type.shape[axis],)))
    count = product(op.indices.type.shape)
    others = (*range(axis), *range(axis + 1, rank))
    order = (axis, *others)
    first = tuple(range(axis, axis + picked))
    behind = tuple(i for i in range(op.updates.type.rank) if i not in first)
    updates = transposed(op.updates, (*first, *behind)) if axis else op.updates
    rest = tuple(op.x.type.shape[i] for i in others)
    updates = reshaped_to(updates, (count, *rest))
    x = transposed(op.x, order) if axis else op.x
    y = _written(op, x, reshaped_to(indices, (count, 1)), updates)
    return transposed(y, tuple(order.index(i) for i in range(rank))) if axis else y


@lower(core.ScatterNd)
def scatter_nd(op: core.ScatterNd) -> Value:
    """Multi-indices in rows."""
    *lead, depth = op.indices.type.shape
    assert isinstance(depth, int)
    sizes = _numbers(op.x.type.shape[:depth])
    count = product(lead)
    indices = counted_from_the_start(op.indices, sizes)
    updates = reshaped_to(op.updates, (count, *op.x.type.shape[depth:]))
    return _written(op, op.x, reshaped_to(indices, (count, depth)), updates)


@lower(core.ScatterAlongAxis)
def scatter_along_axis(op: core.ScatterAlongAxis) -> Value:
    """Elements of x as one row, at their indices in it."""
    rank, axis = op.x.type.rank, op.axis
    order = (*range(axis), *range(axis + 1, rank), axis)
    back = tuple(order.index(i) for i in range(rank))
    x, indices, updates = (
        value if axis == rank - 1 else transposed(value, order)
        for value in (op.x, op.indices, op.updates)
    )
    *others, extent = _numbers(x.type.shape)
    *_, picked = _numbers(indices.type.shape)
    rows = prod(others)
    kind = indices.type.with_shape((rows, picked))
    flat = counted_from_the_start(reshaped_to(indices, (rows, picked)), (extent,))
    starts = (np.arange(rows) * extent).astype(kind.dtype.numpy)[:, None]
    known = array_of(flat)
    if known is not None:
        flat = constant(known + starts)
    elif rows > 1:
        flat = ops.Add(flat, constant(starts), result_types=kind).result
    y = _written(
        op,
        reshaped_to(x, (rows * extent,)),
        reshaped_to(flat, (rows * picked, 1)),
        reshaped_to(updates, (rows * picked,)),
    )
    y = reshaped_to(y, x.type.shape)
    return y if axis == rank - 1 else transposed(y, back)
