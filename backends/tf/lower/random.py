"""Random tensors: one algorithm, keyed by the seed or by a fresh random number."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant
from ....ir.dialects.core import random as core
from ....ir.reference.random import FRESH, key_of
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()

_COUNTER = np.zeros(2, np.uint64)  # streams begin at their beginning


def _key(seed: int) -> Value:
    if seed == FRESH:
        return tf.FreshKey(result_types=Tensor(DType.U64, (1,))).result
    return constant(np.asarray([key_of(seed)], np.uint64))


def _shape(op: core.RandomTensor) -> Value:
    """The computed shape, hidden from shape inference as in `dynamic_reshape`."""
    if array_of(op.shape) is not None:
        return op.shape
    return tf.Identity(op.shape, result_types=op.shape.type).result


def _number(value: float | np.float32) -> Value:
    return constant(np.asarray(value, np.float32))


def _uniform(op: core.RandomTensor) -> Value:
    key, counter = _key(op.seed), constant(_COUNTER)
    return tf.StatelessRandomUniformV2(_shape(op), key, counter, result_types=op.result.type).result


@lower(core.RandomUniform)
def random_uniform(op: core.RandomUniform) -> Value:
    """Scaled, moved, and kept below the upper end."""
    out = op.result.type
    low, high, last = op.numbers()
    scaled = tf.Multiply(_uniform(op), _number(high - low), result_types=out).result
    moved = tf.Add(scaled, _number(low), result_types=out).result
    return tf.Minimum(moved, _number(last), result_types=out).result


@lower(core.RandomNormal)
def random_normal(op: core.RandomNormal) -> Value:
    """Scaled and moved."""
    out = op.result.type
    key, counter = _key(op.seed), constant(_COUNTER)
    drawn = tf.StatelessRandomNormalV2(_shape(op), key, counter, result_types=out).result
    scaled = tf.Multiply(drawn, _number(op.stddev), result_types=out).result
    return tf.Add(scaled, _number(op.mean), result_types=out).result


@lower(core.RandomBernoulli)
def random_bernoulli(op: core.RandomBernoulli) -> Value:
    """A comparison."""
    out = op.result.type
    bits = out.with_dtype(DType.BOOL)
    test = tf.Less(_uniform(op), _number(op.prob), result_types=bits).result
    return tf.Cast(test, out.dtype, result_types=out).result


@lower(core.RandomCategorical)
def random_categorical(op: core.RandomCategorical) -> Value:
    """One composite."""
    return tf.RandomCategorical(op.x, _key(op.seed), op.size, result_types=op.result.type).result
