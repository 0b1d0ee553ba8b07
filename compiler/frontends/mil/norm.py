"""Normalization; channels are dimension 1."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import elementwise
from ....ir.dialects.core import norm as core
from ....ir.dialects.core.shape import ExpandDims
from ....ir.dims import differs
from ....ir.ssa import Value
from ....ir.types import Tensor
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules

rules = MilRules("norm")


@rules("batch_norm")
def batch_norm(cx: MilContext) -> Result:
    """Normalize with given statistics; the scale defaults to 1 and the offset to 0."""
    x = _of_rank(cx, 2)
    mean, variance = (cast(cx.value(name), x.type.dtype) for name in ("mean", "variance"))
    gamma = _given(cx, "gamma", x) or _filled(1, mean.type)
    beta = _given(cx, "beta", x) or _filled(0, mean.type)
    epsilon = cx.number("epsilon", 1e-5)
    return core.BatchNorm(x, mean, variance, gamma, beta, epsilon=epsilon, axis=1).result


def _filled(number: float, kind: Tensor) -> Value:
    return constant(np.full(kind.static_shape, number, kind.dtype.numpy))


@rules("instance_norm")
def instance_norm(cx: MilContext) -> Result:
    """Normalize over each channel's pixels."""
    x = _of_rank(cx, 3)
    spatial = tuple(range(2, x.type.rank))
    normal = core.MeanVarianceNorm(x, spatial, epsilon=cx.number("epsilon", 1e-5)).result
    return _scaled(cx, normal, (1,))


@rules("layer_norm")
def layer_norm(cx: MilContext) -> Result:
    """Normalize over some axes, by default all; gamma and beta have the shape of these axes."""
    x = _of_rank(cx, 1)
    rank = x.type.rank
    given = cx.integers("axes", tuple(range(rank)))
    axes = tuple(sorted({axis % rank for axis in given if -rank <= axis < rank}))
    fits = 0 < len(axes) == len(given)
    cx.require(fits, f"can't normalize over the axes {list(given)} of {x.type}")
    normal = core.MeanVarianceNorm(x, axes, epsilon=cx.number("epsilon", 1e-5)).result
    return _scaled(cx, normal, axes)


def _scaled(cx: MilContext, normal: Value, axes: tuple[int, ...]) -> Value:
    """normal * gamma + beta, which have the shape of some axes."""
    gamma, beta = _spread(cx, "gamma", normal, axes), _spread(cx, "beta", normal, axes)
    scaled = normal if gamma is None else elementwise.Mul(normal, gamma).result
    return scaled if beta is None else elementwise.Add(scaled, beta).result


def _spread(cx: MilContext, name: str, x: Value, axes: tuple[int, ...]) -> Value | None:
    value = _given(cx, name, x)
    if value is None:
        return None
    extents = tuple(x.type.shape[axis] for axis in axes)
    shape = value.type.shape
    fits = len(shape) == len(extents) and not any(map(differs, shape, extents))
    cx.require(fits, f"has '{name}' of the shape {list(shape)}, expected {list(extents)}")
    first = axes[0]
    others = tuple(axis - first for axis in range(first, x.type.rank) if axis not in axes)
    return ExpandDims(value, others).result if others else value


def _given(cx: MilContext, name: str, x: Value) -> Value | None:
    """An optional parameter, converted to the dtype of x (since iOS 17 it may differ)."""
    value = cx.optional(name)
    return None if value is None else cast(value, x.type.dtype)


@rules("l2_norm")
def l2_norm(cx: MilContext) -> Result:
    """Normalize over the last three dimensions together."""
    return core.L2Norm(_of_rank(cx, 3), (-3, -2, -1), cx.number("epsilon", 1e-6)).result


@rules("local_response_norm")
def local_response_norm(cx: MilContext) -> Result:
    """Normalize across neighbouring channels."""
    return core.LocalResponseNorm(
        _of_rank(cx, 3),
        size=cx.integer("size"),
        alpha=cx.number("alpha", 1e-4),
        beta=cx.number("beta", 0.75),
        k=cx.number("k", 1.0),
        axis=1,
    ).result


def _of_rank(cx: MilContext, rank: int) -> Value:
    x = cx.value("x")
    cx.require(x.type.rank >= rank, f"needs an operand of rank {rank} or more, got {x.type}")
    return x
