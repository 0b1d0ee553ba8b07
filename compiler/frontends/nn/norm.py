"""Normalization layers; channels are axis -3."""

from typing import Any

from ....ir.dialects.core import elementwise, norm
from ....ir.dialects.core.shape import ExpandDims
from ....ir.dims import differs
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, LayerRules
from .declared import Weights

rules = LayerRules("norm")


def _statistics(p: Any) -> Weights:
    channels = {"channel": int(p.channels)}
    return dict.fromkeys(("gamma", "beta", "mean", "variance"), channels)


@rules("batchnorm", weights=_statistics)
def batchnorm(cx: LayerContext, p: Any) -> Result:
    """Normalize with given statistics, or with those of each instance or of the batch."""
    cx.expect_inputs(1)
    x = cx.rank_at_least(cx.input, 3)
    gamma, beta = cx.weight("gamma"), cx.weight("beta")
    epsilon = cx.number(p.epsilon, default=1e-5)
    if not p.computeMeanVar:
        mean, variance = cx.weight("mean"), cx.weight("variance")
        return norm.BatchNorm(x, mean, variance, gamma, beta, epsilon=epsilon, axis=-3).result
    rank = x.type.rank
    axes = (-2, -1) if p.instanceNormalization else (*range(rank - 3), -2, -1)
    normal = norm.MeanVarianceNorm(x, axes, epsilon=epsilon).result
    scaled = elementwise.Mul(normal, _over_channels(gamma)).result
    return elementwise.Add(scaled, _over_channels(beta)).result


def _over_channels(vector: Value) -> Value:
    return ExpandDims(vector, (1, 2)).result


@rules("mvn")
def mean_variance_normalize(cx: LayerContext, p: Any) -> Result:
    """Normalize over each channel's pixels, or over channels and pixels."""
    x = cx.rank_at_least(cx.input, 3)
    axes = (-3, -2, -1) if p.acrossChannels else (-2, -1)
    epsilon = cx.number(p.epsilon, default=1e-6)
    return norm.MeanVarianceNorm(x, axes, bool(p.normalizeVariance), epsilon).result


@rules("l2normalize")
def l2_normalize(cx: LayerContext, p: Any) -> Result:
    """Normalize over channels and pixels together."""
    x = cx.rank_at_least(cx.input, 3)
    return norm.L2Norm(x, (-3, -2, -1), cx.number(p.epsilon, default=1e-6)).result


@rules("lrn")
def local_response_normalize(cx: LayerContext, p: Any) -> Result:
    """Normalize across neighbouring channels."""
    return norm.LocalResponseNorm(
        cx.rank_at_least(cx.input, 3),
        size=int(p.localSize),
        alpha=cx.number(p.alpha),
        beta=cx.number(p.beta),
        k=cx.number(p.k, default=1.0),
        axis=-3,
    ).result


def _entries(p: Any) -> Weights:
    sizes = {f"axis{i - len(p.normalizedShape)}": int(n) for i, n in enumerate(p.normalizedShape)}
    return {"gamma": sizes, "beta": sizes}


@rules("layerNormalization", weights=_entries)
def layer_normalize(cx: LayerContext, p: Any) -> Result:
    """Normalize over the last dimensions, then scale and shift each of their entries."""
    cx.expect_inputs(1)
    x, shape = cx.input, tuple(int(size) for size in p.normalizedShape)
    last = x.type.shape[x.type.rank - len(shape) :]
    fits = 0 < len(shape) <= x.type.rank and not any(map(differs, shape, last))
    cx.require(fits, f"can't normalize over {list(shape)} in {x.type}")
    axes = tuple(range(-len(shape), 0))
    normal = norm.MeanVarianceNorm(x, axes, epsilon=cx.number(p.eps)).result
    scaled = elementwise.Mul(normal, cx.weight("gamma")).result
    return elementwise.Add(scaled, cx.weight("beta")).result
