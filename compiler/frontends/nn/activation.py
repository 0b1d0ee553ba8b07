"""Activation layers and softmax."""

from typing import Any

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import activation as core
from ....ir.dialects.core import elementwise
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ....ir.weights.resources import SplatResource
from ...source.weight_params import weight_count
from ..rules import Result
from .context import LayerContext, LayerRules
from .declared import Weights, weights_in

rules = LayerRules("activation")


def _parameters(p: Any) -> Weights:
    """As many entries as there are: what they are for, only the input tells."""
    return {path: {"channel": weight_count(params)} for path, params in weights_in(p)}


@rules("activation", weights=_parameters)
def activation(cx: LayerContext, p: Any) -> Result:
    """Apply one of thirteen functions, elementwise or with parameters per channel (axis -3)."""
    cx.expect_inputs(1)
    kind = p.WhichOneof("NonlinearityType")
    cx.require(kind is not None, "names no function")
    handler = _FUNCTIONS.get(kind)
    if handler is None:
        raise cx.unsupported(f"has an unknown function '{kind}'")
    return handler(cx, cx.input, getattr(p, kind))


def _linear(cx: LayerContext, x: Value, p: Any) -> Value:
    return core.LinearActivation(x, alpha=cx.number(p.alpha), beta=cx.number(p.beta)).result


def _scaled_tanh(cx: LayerContext, x: Value, p: Any) -> Value:
    return core.ScaledTanh(x, alpha=cx.number(p.alpha), beta=cx.number(p.beta)).result


def _sigmoid_hard(cx: LayerContext, x: Value, p: Any) -> Value:
    return core.SigmoidHard(x, alpha=cx.number(p.alpha), beta=cx.number(p.beta)).result


def _prelu(cx: LayerContext, x: Value, p: Any) -> Value:
    return core.Prelu(x, _per_channel(cx, x, p.alpha, "alpha"), axis=-3).result


def _parametric_softplus(cx: LayerContext, x: Value, p: Any) -> Value:
    alpha = _per_channel(cx, x, p.alpha, "alpha")
    beta = _per_channel(cx, x, p.beta, "beta")
    return core.SoftplusParametric(x, alpha, beta, axis=-3).result


def _per_channel(cx: LayerContext, x: Value, params: Any, role: str) -> Value:
    """A parameter with one entry per channel, or a single one."""
    cx.rank_at_least(x, 3)
    channels = x.type.shape[-3]
    count = weight_count(params)
    if count == 1 and isinstance(channels, int) and channels != 1:
        single = array_of(cx.weight_of(params, role, (1,)))
        number = 0.0 if single is None else float(single[0])
        return constant(SplatResource(Tensor(DType.F32, (channels,)), number), role)
    return cx.weight_of(params, role, (channels if isinstance(channels, int) else count,))


_FUNCTIONS = {
    "linear": _linear,
    "ReLU": lambda cx, x, p: core.Relu(x).result,
    "leakyReLU": lambda cx, x, p: core.LeakyRelu(x, alpha=cx.number(p.alpha)).result,
    "thresholdedReLU": lambda cx, x, p: core.ThresholdedRelu(x, alpha=cx.number(p.alpha)).result,
    "PReLU": _prelu,
    "tanh": lambda cx, x, p: elementwise.Tanh(x).result,
    "scaledTanh": _scaled_tanh,
    "sigmoid": lambda cx, x, p: core.Sigmoid(x).result,
    "sigmoidHard": _sigmoid_hard,
    "ELU": lambda cx, x, p: core.Elu(x, alpha=cx.number(p.alpha)).result,
    "softsign": lambda cx, x, p: core.Softsign(x).result,
    "softplus": lambda cx, x, p: core.Softplus(x).result,
    "parametricSoftplus": _parametric_softplus,
}


@rules("softmax")
def softmax(cx: LayerContext, p: Any) -> Result:
    """Softmax over the channels (axis -3)."""
    return core.Softmax(cx.rank_at_least(cx.input, 3), axis=-3).result


@rules("softmaxND")
def softmax_nd(cx: LayerContext, p: Any) -> Result:
    """Softmax over any axis."""
    return core.Softmax(cx.input, axis=p.axis).result


@rules("clampedReLU")
def clamped_relu(cx: LayerContext, p: Any) -> Result:
    """min(leaky relu(x, alpha), beta)."""
    rectified = core.LeakyRelu(cx.input, alpha=cx.number(p.alpha)).result
    return elementwise.Minimum(rectified, scalar(cx.number(p.beta), rectified)).result


@rules("gelu")
def gelu(cx: LayerContext, p: Any) -> Result:
    """Gelu, in the exact form or one of both approximations."""
    modes = ("exact", "tanh_approximation", "sigmoid_approximation")
    cx.require(0 <= p.mode < len(modes), f"has an unknown mode {p.mode}")
    return core.Gelu(cx.input, mode=modes[p.mode]).result
