"""Recurrent networks."""

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import recurrent as core
from ....ir.resources import ViewResource
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.Lstm)
def lstm(op: core.Lstm) -> tuple[Value, ...]:
    """Weights are transposed now, not in every step."""
    fields = op.fields()
    for name in ("weight_x", "weight_h"):
        fields[name] = _transposed(fields[name])
    types = tuple(value.type for value in op.results)
    return tf.Lstm(**fields, result_types=types).results


def _transposed(weight: Value) -> Value:
    rows, columns = weight.type.static_shape
    if isinstance(weight.op, Constant):
        view = ViewResource(weight.op.value, (1, 0), (columns, rows))
        return constant(view, view.name)
    out = weight.type.with_shape((columns, rows))
    return tf.Transpose(weight, (1, 0), result_types=out).result
