"""Normalization."""

from ...attributes import Axes, Axis
from ...batch.kinds import along_axes
from ...declare import attr, operand
from ...dims import differs
from ...reference import normalize
from ...ssa import Op, Value
from ...types import FLOAT, Array, Type


class BatchNorm(Op):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with given statistics per channel.

    (C1) mean, variance, gamma and beta have one entry for each entry of x along `axis`.
    (C2) epsilon >= 0.
    """

    name = "nn.batch_norm"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    mean: Value = operand(FLOAT, rank=1, like="x")
    variance: Value = operand(FLOAT, rank=1, like="x")
    gamma: Value = operand(FLOAT, rank=1, like="x")
    beta: Value = operand(FLOAT, rank=1, like="x")
    epsilon: float = attr(default=1e-5)
    axis: Axis = attr(default=1)

    def infer(self) -> Type:
        channels = self.x.type.shape[self.axis]
        for name in ("mean", "variance", "gamma", "beta"):
            (count,) = self.operand_group(name).type.shape
            fits = not differs(count, channels)
            self.require("C1", fits, f"{name} has {count} entries, x has {channels} channels")
        self.require("C2", self.epsilon >= 0, f"epsilon is {self.epsilon}, expected 0 or more")
        return self.x.type

    def evaluate(self, x: Array, mean: Array, variance: Array, gamma: Array, beta: Array) -> Array:
        return normalize.batch_norm(
            x, mean, variance, gamma, beta, epsilon=self.epsilon, channel_axis=self.axis
        )


class MeanVarianceNorm(Op):
    """(x - mean) / sqrt(variance + epsilon), both taken from x over `axes`.

    Without `normalize_variance` only the mean is subtracted. Instance normalization is this over
    the spatial dimensions, then a scale and a bias per channel.

    (C1) epsilon >= 0.
    """

    name = "nn.mean_variance_norm"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    axes: Axes = attr()
    normalize_variance: bool = attr(default=True)
    epsilon: float = attr(default=1e-5)

    def infer(self) -> Type:
        self.require("C1", self.epsilon >= 0, f"epsilon is {self.epsilon}, expected 0 or more")
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        return normalize.mean_variance_norm(
            x, self.axes, normalize_variance=self.normalize_variance, epsilon=self.epsilon
        )


class L2Norm(Op):
    """x / sqrt(sum of squares over `axes` + epsilon).

    (C1) epsilon >= 0.
    """

    name = "nn.l2_norm"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    axes: Axes = attr()
    epsilon: float = attr(default=1e-6)

    def infer(self) -> Type:
        self.require("C1", self.epsilon >= 0, f"epsilon is {self.epsilon}, expected 0 or more")
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        return normalize.l2_norm(x, self.axes, self.epsilon)


class LocalResponseNorm(Op):
    """x / (k + alpha / size * sum of squares over `size` neighbouring channels) ** beta.

    (C1) size is positive.
    """

    name = "nn.local_response_norm"
    permuted_operands = ("x",)
    batch = along_axes

    x: Value = operand(FLOAT)
    size: int = attr()
    alpha: float = attr(default=1e-4)
    beta: float = attr(default=0.75)
    k: float = attr(default=1.0)
    axis: Axis = attr(default=1)

    def infer(self) -> Type:
        self.require("C1", self.size > 0, f"size is {self.size}, expected 1 or more")
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        return normalize.local_response_norm(
            x, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k, channel_axis=self.axis
        )


OPS = (BatchNorm, MeanVarianceNorm, L2Norm, LocalResponseNorm)
