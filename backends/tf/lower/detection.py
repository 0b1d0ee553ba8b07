"""Selection among boxes."""

from ....ir.dialects.core import detection as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.NonMaximumSuppression)
def non_maximum_suppression(op: core.NonMaximumSuppression) -> tuple[Value, ...]:
    """A composite: TensorFlow's own op takes corners for boxes, and has no batch and no classes."""
    fields = {name: value for name, value in op.fields().items() if name != "dims"}
    types = tuple(value.type for value in op.results)
    return tf.NonMaxSuppression(**fields, result_types=types).results
