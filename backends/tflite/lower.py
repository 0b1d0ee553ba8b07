"""Core ops → TensorFlow ops whose meaning the TFLite converter keeps.

Everything else is lowered as for TensorFlow. The converter writes an update of slices as x plus the
sum of updates less x times their number: right for an index given once, and a number of nobody's
for one given twice. It has no operation for most other modes.
"""

from typing import Literal

from ...ir.dialects.core.scatter import ScatterMode
from ...ir.ssa import Op, Value
from ..lowering import Rule
from ..tf import dialect as tf
from ..tf.lower import LOWERING as TENSORFLOW
from ..tf.lower.scatter import Call, lowering


def _last(x: Value, where: Value, updates: Value) -> Value:
    return tf.ScatterNdLast(x, where, updates, result_types=x.type).result


def _added(x: Value, where: Value, updates: Value) -> Value:
    return tf.TensorScatterNdAdd(x, where, updates, result_types=x.type).result


def _subtracted(x: Value, where: Value, updates: Value) -> Value:
    negative = tf.Negative(updates, result_types=updates.type).result
    return _added(x, where, negative)


def _combined(combine: Literal["max", "min"]) -> Call:
    def call(x: Value, where: Value, updates: Value) -> Value:
        return tf.ScatterNdCombined(x, where, updates, combine, result_types=x.type).result

    return call


_SCATTERS = lowering(
    {
        ScatterMode.UPDATE: _last,
        ScatterMode.ADD: _added,
        ScatterMode.SUB: _subtracted,
        ScatterMode.MAX: _combined("max"),
        ScatterMode.MIN: _combined("min"),
    },
    "TFLite can't multiply or divide by several updates of one position in turn",
)

LOWERING: dict[type[Op], Rule] = {**TENSORFLOW, **_SCATTERS.rules}
