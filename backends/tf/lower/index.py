"""Indexing by computed positions."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant
from ....ir.dialects.core import index as core
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.Gather)
def gather(op: core.Gather) -> Value:
    """Negative positions, which TensorFlow doesn't know, are made positive."""
    indices = _positive(op)
    return tf.Gather(op.x, indices, op.axis, result_types=op.result.type).result


def _positive(op: core.Gather) -> Value:
    indices, size = op.indices, op.x.type.shape[op.axis]
    known = array_of(indices)
    if isinstance(indices.op, tf.ArgMax | tf.ArgMin) or (known is not None and (known >= 0).all()):
        return indices
    op.require("", isinstance(size, int), "TensorFlow needs a fixed extent to count from its end")
    assert isinstance(size, int)
    if known is not None:
        return constant(np.where(known < 0, known + size, known).astype(known.dtype))
    number = indices.type.dtype.numpy
    test = tf.Less(
        indices, constant(np.zeros((), number)), result_types=indices.type.with_dtype(DType.BOOL)
    ).result
    moved = tf.Add(indices, constant(np.asarray(size, number)), result_types=indices.type).result
    return tf.Where(test, moved, indices, result_types=indices.type).result
