"""Activations: layers, or names of activations in other layers (`fuse`)."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import activation as core
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from ...refusals import require
from ..dialect import layers, ops
from .weights import require_weights, reshaped

lower = Lowering()


def _named(name: str) -> Any:
    def rule(op: Any) -> Value:
        return layers.Activation(op.x, activation=name, result_types=op.result.type).result

    return rule


for _core, _name in {
    core.Sigmoid: "sigmoid",
    core.Softplus: "softplus",
    core.Softsign: "softsign",
    core.Silu: "silu",
    core.HardSwish: "hard_silu",
}.items():
    lower(_core)(_named(_name))


@lower(core.Relu)
def relu(op: core.Relu) -> Value:
    """A layer of its own name."""
    return layers.ReLU(op.x, result_types=op.result.type).result


@lower(core.Relu6)
def relu6(op: core.Relu6) -> Value:
    """ReLU up to 6."""
    return layers.ReLU(op.x, max_value=6.0, result_types=op.result.type).result


@lower(core.ThresholdedRelu)
def thresholded_relu(op: core.ThresholdedRelu) -> Value:
    """x where it is not below alpha, else 0: Keras's threshold excludes alpha itself."""
    out = op.result.type
    kind = op.x.type.with_dtype(DType.BOOL)
    above = ops.GreaterEqual(op.x, scalar(op.alpha, op.x), result_types=kind).result
    return ops.Where(above, op.x, scalar(0.0, op.x), result_types=out).result


@lower(core.LeakyRelu)
def leaky_relu(op: core.LeakyRelu) -> Value:
    """Keras takes only slopes of 0 and more."""
    if op.alpha >= 0:
        return layers.LeakyReLU(op.x, negative_slope=op.alpha, result_types=op.result.type).result
    return _below_zero(op.x, multiplied(op.x, op.alpha))


def _below_zero(x: Value, other: Value) -> Value:
    """x, or the other value where x is below 0."""
    kind = x.type.with_dtype(DType.BOOL)
    positive = ops.GreaterEqual(x, scalar(0.0, x), result_types=kind).result
    return ops.Where(positive, x, other, result_types=x.type).result


@lower(core.Prelu)
def prelu(op: core.Prelu) -> Value:
    """A layer with one slope for each channel."""
    require_weights(op.alpha)
    rank = op.x.type.rank
    axis = op.axis % rank
    require(axis > 0, "Keras has no slopes along the batch")
    sizes = tuple(op.alpha.type.static_shape[0] if i == axis else 1 for i in range(1, rank))
    shared = tuple(i for i in range(1, rank) if i != axis)
    alpha = reshaped(op.alpha, sizes)
    out = op.result.type
    return layers.PReLU(op.x, alpha, shared_axes=shared or None, result_types=out).result


@lower(core.Elu)
def elu(op: core.Elu) -> Value:
    """A layer of its own name."""
    return layers.ELU(op.x, alpha=op.alpha, result_types=op.result.type).result


@lower(core.SigmoidHard)
def sigmoid_hard(op: core.SigmoidHard) -> Value:
    """Keras's own function has the line x / 6 + 0.5."""
    if float(np.float32(op.alpha)) == float(np.float32(1 / 6)) and op.beta == 0.5:
        return _named("hard_sigmoid")(op)
    line = added(multiplied(op.x, op.alpha), op.beta)
    return ops.Clip(line, 0.0, 1.0, result_types=op.result.type).result


@lower(core.ScaledTanh)
def scaled_tanh(op: core.ScaledTanh) -> Value:
    """alpha * tanh(beta * x)."""
    inner = ops.Tanh(multiplied(op.x, op.beta), result_types=op.x.type).result
    return multiplied(inner, op.alpha)


@lower(core.LinearActivation)
def linear_activation(op: core.LinearActivation) -> Value:
    """alpha * x + beta."""
    return added(multiplied(op.x, op.alpha), op.beta)


@lower(core.SoftplusParametric)
def softplus_parametric(op: core.SoftplusParametric) -> Value:
    """alpha * softplus(beta * x), along one dimension."""
    alpha, beta = array_of(op.alpha), array_of(op.beta)
    require(alpha is not None and beta is not None, "Keras code needs constants here")
    assert alpha is not None
    assert beta is not None
    sizes = tuple(-1 if i == op.axis % op.x.type.rank else 1 for i in range(op.x.type.rank))
    inner = ops.Multiply(op.x, constant(beta.reshape(sizes)), result_types=op.x.type).result
    value = layers.Activation(inner, activation="softplus", result_types=op.x.type).result
    return ops.Multiply(value, constant(alpha.reshape(sizes)), result_types=op.x.type).result


@lower(core.Gelu)
def gelu(op: core.Gelu) -> Value:
    """Exact by its name; x * sigmoid(1.702 x) is a function that the code defines."""
    if op.mode == "exact":
        return _named("gelu")(op)
    if op.mode == "tanh_approximation":
        return ops.Gelu(op.x, approximate=True, result_types=op.result.type).result
    return _named("quick_gelu")(op)


@lower(core.Softmax)
def softmax(op: core.Softmax) -> Value:
    """A layer, which is over the last dimension by default."""
    rank = op.x.type.rank
    axis = -1 if op.axis % rank == rank - 1 else op.axis
    return layers.Softmax(op.x, axis=axis, result_types=op.result.type).result


def multiplied(x: Value, number: float) -> Value:
    """x * number."""
    return x if number == 1 else ops.Multiply(x, scalar(number, x), result_types=x.type).result


def added(x: Value, number: float) -> Value:
    """x + number."""
    return x if number == 0 else ops.Add(x, scalar(number, x), result_types=x.type).result
