"""Passes that are wrong on purpose: what finds them is tested with them."""

from dataclasses import dataclass

import numpy as np
from cmlc.ir.dialects.builtin import array_of
from cmlc.ir.dialects.core import elementwise, norm, shape
from cmlc.ir.rewrite import replace_op
from cmlc.passes.fold_batch_norm import channel_axis, scale_and_shift
from cmlc.passes.manager import Pass, PatternPass
from cmlc.passes.patterns import pattern
from cmlc.passes.sink_transposes import SinkTransposes


@pattern(norm.BatchNorm)
def batch_norm_of_another_epsilon(op):
    """batch_norm(conv(x, w, b)) → conv(x, w·s, …), but with an epsilon of its own."""
    producer = op.x.op
    if getattr(producer, "name", "") != "nn.conv" or op.axis != channel_axis(producer):
        return None
    vectors = (op.mean, op.variance, op.gamma, op.beta)
    arrays = [array_of(value) for value in vectors]
    if any(array is None for array in arrays):
        return None
    mean, variance, gamma, beta = (array.astype(np.float64) for array in arrays)
    scale = gamma / np.sqrt(variance + 1e-1)
    return scale_and_shift(producer, scale, beta - mean * scale)


@dataclass(frozen=True)
class WrongEpsilon(PatternPass):
    """Folds batch norms with a wrong epsilon."""

    name = "fold-batch-norm"
    patterns = (batch_norm_of_another_epsilon,)


@pattern(shape.Reshape)
def reshape_of_transpose(op):
    """reshape(transpose(x)) → reshape(x): the numbers are the same ones, in another order."""
    inner = op.x.op
    if not isinstance(inner, shape.Transpose):
        return None
    return shape.Reshape(inner.x, op.shape).result


@dataclass(frozen=True)
class WrongTranspose(PatternPass):
    """Sinks transposes, and loses those that a reshape follows."""

    name = "sink-transposes"
    patterns = (reshape_of_transpose, *SinkTransposes.patterns)


@dataclass(frozen=True)
class SumsAsProducts(Pass):
    """No set of patterns, and wrong: the first sum becomes a product."""

    name = "cse"

    def apply(self, module, instrumentation):
        for op in module.walk():
            if isinstance(op, elementwise.Add):
                replace_op(op, [elementwise.Mul(op.x, op.y).result], "cse")
                return True
        return False
