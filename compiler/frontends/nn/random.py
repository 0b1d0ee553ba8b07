"""Layers that draw random numbers.

The shape is that of an input, a parameter, or the content of an input.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ....ir.attributes import Dims
from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import random as core
from ....ir.dialects.core.elementwise import RealDiv
from ....ir.dialects.core.shape import ShapeOf
from ....ir.dialects.core.unary import Log
from ....ir.dim_values import known_dims
from ....ir.dims import is_static
from ....ir.ssa import Value
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, floats

rules = LayerRules("random")

Draw = Callable[[LayerContext, Any, Value, Dims], Value]
# A small epsilon has no visible effect; the effect of a large one is not documented.
_LARGEST_EPSILON = 1e-6


def _normal(cx: LayerContext, p: Any, shape: Value, dims: Dims) -> Value:
    mean, stddev = cx.number(p.mean), cx.number(p.stdDev)
    return core.RandomNormal(shape, dims, int(p.seed), mean=mean, stddev=stddev).result


def _uniform(cx: LayerContext, p: Any, shape: Value, dims: Dims) -> Value:
    low, high = cx.number(p.minVal), cx.number(p.maxVal)
    return core.RandomUniform(shape, dims, int(p.seed), low=low, high=high).result


def _bernoulli(cx: LayerContext, p: Any, shape: Value, dims: Dims) -> Value:
    return core.RandomBernoulli(shape, dims, int(p.seed), prob=cx.number(p.prob)).result


def _extents(dims: Dims) -> Value:
    return constant(np.asarray(dims, np.int64))


def _like(draw: Draw) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        """Draw numbers in the shape of the input."""
        cx.expect_inputs(1)
        dims = cx.input.type.shape
        return draw(cx, p, _extents(dims) if is_static(dims) else ShapeOf(cx.input).result, dims)

    return rule


def _static(draw: Draw) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        """Draw numbers in a fixed shape."""
        cx.expect_inputs(0)
        dims = tuple(int(size) for size in p.outputShape)
        cx.require(bool(dims), "has no output shape")
        return draw(cx, p, _extents(dims), dims)

    return rule


def _dynamic(draw: Draw) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        """Draw numbers in a shape given by the input."""
        cx.expect_inputs(1)
        extents = cx.input
        cx.require(extents.type.rank == 1, f"takes a shape of type {extents.type}")
        known = known_dims(extents)
        negative = [dim for dim in known or () if isinstance(dim, int) and dim < 0]
        cx.require(not negative, f"makes a tensor of shape {list(map(str, known or ()))}")
        dims = cx.declared_dims(extents, known)
        return draw(cx, p, _extents(dims) if is_static(dims) else integers(extents), dims)

    return rule


for _name, _draw in (("Normal", _normal), ("Uniform", _uniform), ("Bernoulli", _bernoulli)):
    rules.add(f"random{_name}Like", _like(_draw))
    rules.add(f"random{_name}Static", _static(_draw))
    rules.add(f"random{_name}Dynamic", _dynamic(_draw))


@rules("categoricalDistribution")
def categorical_distribution(cx: LayerContext, p: Any) -> Result:
    """Draw classes along the last axis, in proportion to exp(logits / temperature).

    Logits are the input, or the logarithms of the probabilities in it.
    """
    cx.expect_inputs(1)
    epsilon = cx.number(p.eps, default=1e-10)
    if not 0 <= epsilon <= _LARGEST_EPSILON:
        raise cx.unsupported(f"has an epsilon of {epsilon}; only small ones have a known meaning")
    temperature = cx.number(p.temperature, default=1.0)
    cx.require(
        0 < temperature < math.inf,
        f"has a temperature of {temperature}, expected a positive number",
    )
    logits = cx.input if p.isLogits else Log(cx.input, epsilon=epsilon).result
    if temperature != 1:
        logits = RealDiv(logits, scalar(temperature, logits)).result
    return floats(core.RandomCategorical(logits, int(p.numSamples), int(p.seed)).result)
