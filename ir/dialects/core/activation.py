"""Activation functions; MIL's names and parameters."""

import numpy as np

from ...attributes import Axis
from ...batch.kinds import along_axes
from ...declare import attr, operand
from ...dims import differs
from ...reference import normalize, recurrent, special
from ...ssa import Op, Value
from ...types import FLOAT, Array, Type
from .broadcasting import Unary


class Relu(Unary):
    """max(x, 0)."""

    name = "nn.relu"

    def evaluate(self, x: Array) -> Array:
        return np.maximum(x, x.dtype.type(0))


class Relu6(Unary):
    """min(max(x, 0), 6)."""

    name = "nn.relu6"

    def evaluate(self, x: Array) -> Array:
        return np.clip(x, x.dtype.type(0), x.dtype.type(6))


class LeakyRelu(Unary):
    """x where x >= 0, else alpha * x."""

    name = "nn.leaky_relu"

    alpha: float = attr(default=0.01)

    def evaluate(self, x: Array) -> Array:
        return np.where(x >= 0, x, x * x.dtype.type(self.alpha))


class Prelu(Op):
    """x where x >= 0, else alpha * x with one alpha for each channel.

    (C1) alpha has one entry for each entry of x along `axis`, or a single one.
    """

    name = "nn.prelu"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    alpha: Value = operand(FLOAT, rank=1, like="x")
    axis: Axis = attr(default=1)

    def infer(self) -> Type:
        (count,), channels = self.alpha.type.shape, self.x.type.shape[self.axis]
        self.require(
            "C1",
            count == 1 or not differs(count, channels),
            f"alpha has {count} entries, x has {channels} channels",
        )
        return self.x.type

    def evaluate(self, x: Array, alpha: Array) -> Array:
        return np.where(x >= 0, x, x * along(alpha, self.axis, x.ndim))


class Elu(Unary):
    """x where x >= 0, else alpha * (exp(x) - 1)."""

    name = "nn.elu"

    alpha: float = attr(default=1.0)

    def evaluate(self, x: Array) -> Array:
        return np.where(x >= 0, x, x.dtype.type(self.alpha) * np.expm1(np.minimum(x, 0)))


class Sigmoid(Unary):
    """1 / (1 + exp(-x))."""

    name = "nn.sigmoid"

    def evaluate(self, x: Array) -> Array:
        return recurrent.sigmoid(x)


class SigmoidHard(Unary):
    """min(max(alpha * x + beta, 0), 1)."""

    name = "nn.sigmoid_hard"

    alpha: float = attr(default=0.2)
    beta: float = attr(default=0.5)

    def evaluate(self, x: Array) -> Array:
        linear = x * x.dtype.type(self.alpha) + x.dtype.type(self.beta)
        return np.clip(linear, x.dtype.type(0), x.dtype.type(1))


class ScaledTanh(Unary):
    """alpha * tanh(beta * x)."""

    name = "nn.scaled_tanh"

    alpha: float = attr(default=1.0)
    beta: float = attr(default=1.0)

    def evaluate(self, x: Array) -> Array:
        return x.dtype.type(self.alpha) * np.tanh(x * x.dtype.type(self.beta))


class Softplus(Unary):
    """log(1 + exp(x))."""

    name = "nn.softplus"

    def evaluate(self, x: Array) -> Array:
        return np.logaddexp(x, x.dtype.type(0))


class SoftplusParametric(Op):
    """alpha * log(1 + exp(beta * x)) with one alpha and beta for each channel.

    (C1) alpha and beta have one entry for each entry of x along `axis`, or a single one.
    """

    name = "nn.softplus_parametric"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    alpha: Value = operand(FLOAT, rank=1, like="x")
    beta: Value = operand(FLOAT, rank=1, like="x")
    axis: Axis = attr(default=1)

    def infer(self) -> Type:
        channels = self.x.type.shape[self.axis]
        for value in (self.alpha, self.beta):
            (count,) = value.type.shape
            fits = count == 1 or not differs(count, channels)
            self.require("C1", fits, f"a parameter has {count} entries, x has {channels} channels")
        return self.x.type

    def evaluate(self, x: Array, alpha: Array, beta: Array) -> Array:
        alpha, beta = (along(v, self.axis, x.ndim) for v in (alpha, beta))
        return alpha * np.logaddexp(x * beta, x.dtype.type(0))


class Softsign(Unary):
    """x / (1 + |x|)."""

    name = "nn.softsign"

    def evaluate(self, x: Array) -> Array:
        return x / (1 + np.abs(x))


class ThresholdedRelu(Unary):
    """x where x >= alpha, else 0."""

    name = "nn.thresholded_relu"

    alpha: float = attr(default=1.0)

    def evaluate(self, x: Array) -> Array:
        return np.where(x >= x.dtype.type(self.alpha), x, x.dtype.type(0))


class LinearActivation(Unary):
    """alpha * x + beta."""

    name = "nn.linear_activation"

    alpha: float = attr()
    beta: float = attr(default=0.0)

    def evaluate(self, x: Array) -> Array:
        return x * x.dtype.type(self.alpha) + x.dtype.type(self.beta)


class Silu(Unary):
    """x * sigmoid(x)."""

    name = "nn.silu"

    def evaluate(self, x: Array) -> Array:
        return x * recurrent.sigmoid(x)


class HardSwish(Unary):
    """x * min(max(x + 3, 0), 6) / 6."""

    name = "nn.hard_swish"

    def evaluate(self, x: Array) -> Array:
        number = x.dtype.type
        return x * (np.clip(x + number(3), number(0), number(6)) / number(6))


class Gelu(Unary):
    """The Gaussian error linear unit, MIL `gelu`.

    `mode`: "exact" 0.5 x (1 + erf(x / sqrt 2)); "tanh_approximation"
    0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); "sigmoid_approximation" x sigmoid(1.702 x).

    (C1) the mode is one of these.
    """

    name = "nn.gelu"

    mode: str = attr(default="exact")

    def infer(self) -> Type:
        known = ("exact", "tanh_approximation", "sigmoid_approximation")
        self.require("C1", self.mode in known, f"mode is '{self.mode}', expected one of {known}")
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        number = x.dtype.type
        half, one = number(0.5), number(1)
        if self.mode == "exact":
            return half * x * (one + special.erf(x * number(0.5**0.5)))
        if self.mode == "tanh_approximation":
            inner = number((2 / np.pi) ** 0.5) * (x + number(0.044715) * x**3)
            return half * x * (one + np.tanh(inner))
        return x * recurrent.sigmoid(number(1.702) * x)


class Softmax(Op):
    """exp(x) divided by its sum along `axis`, computed without overflow."""

    name = "nn.softmax"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    axis: Axis = attr(default=-1)

    def infer(self) -> Type:
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        return normalize.softmax(x, self.axis)


def along(vector: Array, axis: int, rank: int) -> Array:
    """A rank-1 array reshaped so that it broadcasts along `axis` of a rank-`rank` array."""
    shape = [1] * rank
    shape[axis] = vector.size
    return vector.reshape(shape)


OPS = (
    *(Relu, Relu6, LeakyRelu, Prelu, Elu, Sigmoid, SigmoidHard, ScaledTanh, Softplus),
    *(SoftplusParametric, Softsign, ThresholdedRelu, LinearActivation, Silu),
    *(HardSwish, Gelu, Softmax),
)
