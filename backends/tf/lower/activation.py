"""Activations. Where TensorFlow's function lacks a parameter, the formula is spelled out."""

from ....ir.dialects.builtin import scalar
from ....ir.dialects.core import activation as core
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()

lower.direct(core.Relu, tf.Relu, x="features")
lower.direct(core.Relu6, tf.Relu6, x="features")
lower.direct(core.LeakyRelu, tf.LeakyRelu, x="features")
lower.direct(core.Sigmoid, tf.Sigmoid)
lower.direct(core.Softplus, tf.Softplus, x="features")
lower.direct(core.Softsign, tf.Softsign, x="features")
lower.direct(core.Silu, tf.Silu, x="features")
lower.direct(core.Softmax, tf.Softmax, x="logits")


def multiply(x: Value, number: float) -> Value:
    """x * number, or x for 1."""
    if number == 1:
        return x
    return tf.Multiply(x, scalar(number, x), result_types=x.type).result


def add(x: Value, number: float) -> Value:
    """x + number, or x for 0."""
    return x if number == 0 else tf.Add(x, scalar(number, x), result_types=x.type).result


@lower(core.HardSwish)
def hard_swish(op: core.HardSwish) -> Value:
    """x * (relu6(x + 3) / 6)."""
    gate = tf.Relu6(add(op.x, 3.0), result_types=op.x.type).result
    return tf.Multiply(op.x, multiply(gate, 1 / 6), result_types=op.result.type).result


def clip(x: Value, low: float, high: float) -> Value:
    """x limited to [low, high]."""
    raised = tf.Maximum(x, scalar(low, x), result_types=x.type).result
    return tf.Minimum(raised, scalar(high, x), result_types=x.type).result


def where_not_negative(x: Value, positive: Value, negative: Value) -> Value:
    """`positive` where x >= 0, else `negative`."""
    test = tf.GreaterEqual(x, scalar(0.0, x), result_types=x.type.with_dtype(DType.BOOL)).result
    return tf.Where(test, positive, negative, result_types=x.type).result


def channels(vector: Value, axis: int, rank: int) -> Value:
    """A vector shaped to broadcast along `axis`; unchanged for the last axis."""
    if axis == rank - 1:
        return vector
    sizes = [1] * rank
    (sizes[axis],) = vector.type.static_shape
    shaped = vector.type.with_shape(sizes)
    return tf.Reshape(vector, shape=tuple(sizes), result_types=shaped).result


@lower(core.LinearActivation)
def linear_activation(op: core.LinearActivation) -> Value:
    """alpha * x + beta."""
    return add(multiply(op.x, op.alpha), op.beta)


@lower(core.ScaledTanh)
def scaled_tanh(op: core.ScaledTanh) -> Value:
    """alpha * tanh(beta * x)."""
    inner = tf.Tanh(multiply(op.x, op.beta), result_types=op.result.type).result
    return multiply(inner, op.alpha)


@lower(core.SigmoidHard)
def sigmoid_hard(op: core.SigmoidHard) -> Value:
    """clip(alpha * x + beta, 0, 1)."""
    return clip(add(multiply(op.x, op.alpha), op.beta), 0.0, 1.0)


@lower(core.Elu)
def elu(op: core.Elu) -> Value:
    """TensorFlow's elu for alpha = 1, else alpha times it below 0."""
    value = tf.Elu(op.x, result_types=op.result.type).result
    return value if op.alpha == 1 else where_not_negative(op.x, op.x, multiply(value, op.alpha))


@lower(core.Prelu)
def prelu(op: core.Prelu) -> Value:
    """x, or alpha * x below 0."""
    alpha = channels(op.alpha, op.axis, op.x.type.rank)
    scaled = tf.Multiply(op.x, alpha, result_types=op.x.type).result
    return where_not_negative(op.x, op.x, scaled)


@lower(core.SoftplusParametric)
def softplus_parametric(op: core.SoftplusParametric) -> Value:
    """alpha * softplus(beta * x)."""
    rank, out = op.x.type.rank, op.result.type
    alpha, beta = (channels(v, op.axis, rank) for v in (op.alpha, op.beta))
    inner = tf.Multiply(op.x, beta, result_types=out).result
    return tf.Multiply(tf.Softplus(inner, result_types=out).result, alpha, result_types=out).result


@lower(core.ThresholdedRelu)
def thresholded_relu(op: core.ThresholdedRelu) -> Value:
    """x where x >= alpha, else 0."""
    test = tf.GreaterEqual(
        op.x, scalar(op.alpha, op.x), result_types=op.x.type.with_dtype(DType.BOOL)
    ).result
    return tf.Where(test, op.x, scalar(0.0, op.x), result_types=op.x.type).result


def library_gelu(op: core.Gelu) -> Value:
    """The library's own call, of the exact or the tanh form."""
    approximate = op.mode == "tanh_approximation"
    return tf.Gelu(op.x, approximate=approximate, result_types=op.result.type).result


@lower(core.Gelu)
def gelu(op: core.Gelu) -> Value:
    """The exact form by erf; TensorFlow has the tanh form, and the sigmoid form is spelled out."""
    out = op.result.type
    if op.mode == "sigmoid_approximation":
        gate = tf.Sigmoid(multiply(op.x, 1.702), result_types=out).result
        return tf.Multiply(op.x, gate, result_types=out).result
    if op.mode == "exact" and out.dtype is DType.F32:
        return tf.ExactGelu(op.x, result_types=out).result
    return library_gelu(op)
