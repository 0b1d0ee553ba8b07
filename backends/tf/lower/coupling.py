"""Probabilities of classes from those of pairs of them."""

from ....ir.dialects.core import coupling as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.PairwiseCoupling)
def pairwise_coupling(op: core.PairwiseCoupling) -> Value:
    """A composite: a loop that ends when all rows have."""
    return tf.PairwiseCoupling(op.x, result_types=op.result.type).result
