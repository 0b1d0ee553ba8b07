"""Writing at computed indices: everything uses multi-indices."""

from collections.abc import Callable, Mapping
from typing import Any

from ....ir.dialects.core import scatter as core
from ....ir.dialects.core.scatter import ScatterMode
from ....ir.ssa import Op, Value
from ...lowering import Lowering
from ...refusals import require
from .. import dialect as tf
from .index import along_axis, positive, positive_nd

# The slices of x at multi-indices combined with updates; x's type stays.
Call = Callable[[Value, Value, Value], Value]


def _call(cls: type[Any]) -> Call:
    return lambda x, where, updates: cls(x, where, updates, result_types=x.type).result


def lowering(calls: Mapping[ScatterMode, Call], missing: str = "") -> Lowering:
    """The rules of the family, with these calls for the modes.

    Args:
        calls: by mode.
        missing: why other modes are refused.
    """
    lower = Lowering()

    def scattered(op: Op, mode: ScatterMode, x: Value, where: Value, updates: Value) -> Value:
        require(mode in calls, missing)
        if where.type.rank == 1:  # TensorFlow's max and min don't take a single multi-index
            where, updates = _unsqueezed(where), _unsqueezed(updates)
        return calls[mode](x, where, updates)

    @lower(core.ScatterNd)
    def scatter_nd(op: core.ScatterNd) -> Value:
        """One call."""
        return scattered(op, op.mode, op.x, positive_nd(op, op.indices), op.updates)

    @lower(core.ScatterAlongAxis)
    def scatter_along_axis(op: core.ScatterAlongAxis) -> Value:
        """Every element gets a multi-index."""
        where = along_axis(op, op.indices, op.axis)
        return scattered(op, op.mode, op.x, where, op.updates)

    @lower(core.Scatter)
    def scatter(op: core.Scatter) -> Value:
        """Rows at multi-indices; else move the axis to the front, scatter, and move it back."""
        picked = positive(op, op.indices, (op.axis,))
        before = op.x.type.shape[: op.axis]
        wide = picked.type.with_shape((*before, *picked.type.shape))
        rows = 0 < op.axis < op.x.type.rank - 1 and picked.type.rank == 1
        if rows and wide.is_static:
            picked = tf.BroadcastTo(picked, wide.static_shape, result_types=wide).result
            indices = wide.with_shape((*wide.shape, op.axis + 1))
            where = tf.AlongAxis(picked, op.axis, result_types=indices).result
            return scattered(op, op.mode, op.x, where, op.updates)
        count, rank = picked.type.rank, op.x.type.rank
        column = picked.type.with_shape((*picked.type.shape, 1))
        where = tf.ExpandDims(picked, count, result_types=column).result
        if op.axis == 0:
            return scattered(op, op.mode, op.x, where, op.updates)
        to_front = (op.axis, *range(op.axis), *range(op.axis + 1, rank))
        moved = range(op.axis, op.axis + count)
        others = tuple(i for i in range(op.updates.type.rank) if i not in moved)
        updates = _transposed(op.updates, (*moved, *others))
        result = scattered(op, op.mode, _transposed(op.x, to_front), where, updates)
        return _transposed(result, tuple(to_front.index(i) for i in range(rank)))

    return lower


def _unsqueezed(x: Value) -> Value:
    return tf.ExpandDims(x, 0, result_types=x.type.with_shape((1, *x.type.shape))).result


def _transposed(x: Value, perm: tuple[int, ...]) -> Value:
    out = x.type.with_shape(x.type.shape[axis] for axis in perm)
    return tf.Transpose(x, perm, result_types=out).result


# On CPUs, TensorFlow applies updates in order: the last one wins.
lower = lowering(
    {
        ScatterMode.UPDATE: _call(tf.TensorScatterNdUpdate),
        ScatterMode.ADD: _call(tf.TensorScatterNdAdd),
        ScatterMode.SUB: _call(tf.TensorScatterNdSub),
        ScatterMode.MUL: _call(tf.ScatterNdMul),
        ScatterMode.DIV: _call(tf.ScatterNdDiv),
        ScatterMode.MAX: _call(tf.TensorScatterNdMax),
        ScatterMode.MIN: _call(tf.TensorScatterNdMin),
    }
)
