"""Positions among keys."""

import numpy as np

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import lookup as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf
from .fill import in_shape_of


def lowering(call: type[tf.Lookup] | type[tf.FirstEqual]) -> Lowering:
    """The rules of the family, with this op for positions among some keys."""
    lower = Lowering()

    @lower(core.Lookup)
    def lookup(op: core.Lookup) -> Value:
        """Keys for a table are a constant of the op's own; those computed are compared."""
        out, keys = op.result.type, op.keys.op
        if not isinstance(keys, Constant):
            return tf.FirstEqual(op.x, op.keys, result_types=out).result
        if not keys.value.size:
            return in_shape_of(op.x, constant(np.full((), -1, np.int32)), out)
        return call(op.x, constant(keys.value), result_types=out).result

    return lower


lower = lowering(tf.Lookup)
