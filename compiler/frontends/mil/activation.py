"""Activation functions."""

from ....ir.dialects.core import activation as core
from ....ir.dialects.core import elementwise
from ....ir.ssa import Op, Value
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules

rules = MilRules("activation")

for _name, _op in {
    "relu": core.Relu,
    "relu6": core.Relu6,
    "sigmoid": core.Sigmoid,
    "silu": core.Silu,
    "softplus": core.Softplus,
    "softsign": core.Softsign,
    "softmax": core.Softmax,
}.items():
    rules.direct(_name, _op)


def _with_numbers(name: str, op: type[Op], *parameters: str) -> None:
    """Add a rule for an op of x and numbers, all of which MIL requires."""

    def rule(cx: MilContext) -> Result:
        return op(cx.value("x"), **{p: cx.number(p) for p in parameters}).result

    rule.__doc__ = op.__doc__
    rules(name)(rule)


_with_numbers("leaky_relu", core.LeakyRelu, "alpha")
_with_numbers("elu", core.Elu, "alpha")
_with_numbers("thresholded_relu", core.ThresholdedRelu, "alpha")
_with_numbers("linear_activation", core.LinearActivation, "alpha", "beta")
_with_numbers("scaled_tanh", core.ScaledTanh, "alpha", "beta")
_with_numbers("sigmoid_hard", core.SigmoidHard, "alpha", "beta")


@rules("clamped_relu")
def clamped_relu(cx: MilContext) -> Result:
    """min(leaky relu(x, alpha), beta)."""
    rectified = core.LeakyRelu(cx.value("x"), alpha=cx.number("alpha")).result
    return elementwise.Minimum(rectified, cx.constant(cx.number("beta"), rectified)).result


@rules("prelu")
def prelu(cx: MilContext) -> Result:
    """Prelu with a slope below 0 for each entry of dimension 1."""
    x, alpha = _per_channel(cx, "alpha")
    return core.Prelu(x, alpha, axis=1).result


@rules("softplus_parametric")
def softplus_parametric(cx: MilContext) -> Result:
    """Softplus with a factor and a slope for each entry of dimension 1."""
    x, alpha, beta = _per_channel(cx, "alpha", "beta")
    return core.SoftplusParametric(x, alpha, beta, axis=1).result


def _per_channel(cx: MilContext, *parameters: str) -> tuple[Value, ...]:
    """x, and vectors for its dimension 1, converted to its dtype (since iOS 17 they may differ)."""
    x = cx.value("x")
    cx.require(x.type.rank >= 3, f"needs an operand of rank 3 or more, got {x.type}")
    return (x, *(cast(cx.value(name), x.type.dtype) for name in parameters))


@rules("gelu")
def gelu(cx: MilContext) -> Result:
    """Gelu, in the exact form or one of both approximations."""
    mode = cx.text("mode", "EXACT")
    known = ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")
    cx.require(mode in known, f"has the unknown mode '{mode}'")
    return core.Gelu(cx.value("x"), mode=mode.lower()).result
