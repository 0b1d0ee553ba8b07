"""Sorting and running sums."""

from ....ir.dialects.core import sort as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()

lower.direct(core.Topk, tf.TopK, x="input")
lower.direct(core.Cumsum, tf.Cumsum)
lower.direct(core.DynamicCumsum, tf.CumsumDynamic)


@lower(core.DynamicTopk)
def dynamic_topk(op: core.DynamicTopk) -> tuple[Value, ...]:
    """k is checked at run time."""
    types = tuple(value.type for value in op.results)
    return tf.TopKDynamic(op.x, op.k, op.axis, op.ascending, result_types=types).results


@lower(core.Argsort)
def argsort(op: core.Argsort) -> Value:
    """TensorFlow names the direction."""
    direction = "ASCENDING" if op.ascending else "DESCENDING"
    return tf.Argsort(op.x, op.axis, direction, result_types=op.result.type).result
