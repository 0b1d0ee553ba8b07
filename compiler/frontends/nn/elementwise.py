"""Arithmetic, comparison and logic, with Core ML's two kinds of broadcasting.

The old multi-input layers (add, multiply, max, …) align channels; ranks are equal there, so numpy's
rule is the same. Comparisons return 1.0 and 0.0.
"""

import functools
from collections.abc import Callable
from typing import Any

from ....ir.dialects.builtin import scalar
from ....ir.dialects.core import activation, reduce, shape
from ....ir.dialects.core import elementwise as core
from ....ir.ssa import Op, Value
from ..rules import Result
from .context import LayerContext, LayerRules, floats, size_of, truth
from .declared import shaped

rules = LayerRules("elementwise")


def _chain(make: Callable[[Value, Value], Op], inputs: tuple[Value, ...]) -> Value:
    return functools.reduce(lambda x, y: make(x, y).result, inputs)


@rules("add")
def add(cx: LayerContext, p: Any) -> Result:
    """The sum of all inputs, or of the only one and alpha."""
    if len(cx.inputs) == 1:
        return core.Add(cx.input, scalar(cx.number(p.alpha), cx.input)).result
    return _chain(core.Add, cx.inputs)


@rules("multiply")
def multiply(cx: LayerContext, p: Any) -> Result:
    """The product of all inputs, or of the only one and alpha."""
    if len(cx.inputs) == 1:
        return core.Mul(cx.input, scalar(cx.number(p.alpha), cx.input)).result
    return _chain(core.Mul, cx.inputs)


@rules("average")
def average(cx: LayerContext, p: Any) -> Result:
    """The mean of all inputs."""
    total = _chain(core.Add, cx.inputs)
    return core.RealDiv(total, scalar(float(len(cx.inputs)), total)).result


@rules("dot")
def dot(cx: LayerContext, p: Any) -> Result:
    """Inner product over the channels; cosine similarity normalizes both sides first."""
    cx.expect_inputs(2)
    x, y = (cx.rank_at_least(value, 3) for value in cx.inputs)
    total = reduce.ReduceSum(core.Mul(x, y).result, axes=(-3,), keep_dims=True).result
    if not p.cosineSimilarity:
        return total
    lengths = (reduce.ReduceL2Norm(v, axes=(-3,), keep_dims=True).result for v in (x, y))
    return core.RealDiv(total, _chain(core.Mul, tuple(lengths))).result


def _folded(make: Callable[[Value, Value], Op], least: int = 2) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        cx.require(len(cx.inputs) >= least, f"has {len(cx.inputs)} inputs")
        return _chain(make, cx.inputs)

    return rule


def _unary(make: Callable[[Value], Op]) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        cx.expect_inputs(1)
        return make(cx.input).result

    return rule


def _compared(make: Callable[[Value, Value], Op]) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        """With one input, the other operand is the layer's alpha."""
        cx.expect_inputs(1, 2)
        x = cx.input
        y = cx.inputs[1] if len(cx.inputs) == 2 else scalar(cx.number(p.alpha), x)
        return floats(make(x, y).result)

    return rule


def _logical(make: Callable[[Value, Value], Op]) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        cx.expect_inputs(2)
        return floats(make(truth(cx.inputs[0]), truth(cx.inputs[1])).result)

    return rule


_FOLDED = {
    "max": core.Maximum,
    "min": core.Minimum,
    "addBroadcastable": core.Add,
    "subtractBroadcastable": core.Sub,
    "multiplyBroadcastable": core.Mul,
    "divideBroadcastable": core.RealDiv,
    "floorDivBroadcastable": core.FloorDiv,
    "modBroadcastable": core.Mod,
    "powBroadcastable": core.Pow,
    "maxBroadcastable": core.Maximum,
    "minBroadcastable": core.Minimum,
}
_UNARY = {
    "sin": core.Sin,
    "cos": core.Cos,
    "tan": core.Tan,
    "asin": core.Asin,
    "acos": core.Acos,
    "atan": core.Atan,
    "sinh": core.Sinh,
    "cosh": core.Cosh,
    "tanh": core.Tanh,
    "asinh": core.Asinh,
    "acosh": core.Acosh,
    "atanh": core.Atanh,
    "exp2": core.Exp2,
    "erf": core.Erf,
    "ceil": core.Ceil,
    "floor": core.Floor,
    "round": core.Round,
    "sign": core.Sign,
}
_COMPARED = {
    "greaterThan": core.Greater,
    "greaterEqual": core.GreaterEqual,
    "lessThan": core.Less,
    "lessEqual": core.LessEqual,
    "equal": core.Equal,
    "notEqual": core.NotEqual,
}
_LOGICAL = {
    "logicalAnd": core.LogicalAnd,
    "logicalOr": core.LogicalOr,
    "logicalXor": core.LogicalXor,
}
for _name, _make in _FOLDED.items():
    rules.add(_name, _folded(_make))
for _name, _make in _UNARY.items():
    rules.add(_name, _unary(_make))
for _name, _make in _COMPARED.items():
    rules.add(_name, _compared(_make))
for _name, _make in _LOGICAL.items():
    rules.add(_name, _logical(_make))


@rules("logicalNot")
def logical_not(cx: LayerContext, p: Any) -> Result:
    """1 where the input is 0, 0 elsewhere."""
    cx.expect_inputs(1)
    return floats(core.LogicalNot(truth(cx.input)).result)


@rules("whereBroadcastable")
def where(cx: LayerContext, p: Any) -> Result:
    """The second input where the first is not 0, the third elsewhere."""
    cx.expect_inputs(3)
    condition, x, y = cx.inputs
    return core.Select(truth(condition), x, y).result


@rules("clip")
def clip(cx: LayerContext, p: Any) -> Result:
    """Limits to [minVal, maxVal]."""
    low, high = cx.number(p.minVal), cx.number(p.maxVal)
    cx.require(low <= high, f"has the limits {low} and {high}, the first above the second")
    return core.Clip(cx.input, alpha=low, beta=high).result


@rules("unary")
def unary(cx: LayerContext, p: Any) -> Result:
    """Apply one of eight functions to scale * x + shift."""
    cx.expect_inputs(1)
    x = cx.input
    scale, shift = cx.number(p.scale, default=1.0), cx.number(p.shift)
    if (scale, shift) != (1.0, 0.0):
        x = activation.LinearActivation(x, alpha=scale, beta=shift).result
    epsilon, alpha = cx.number(p.epsilon, default=1e-6), cx.number(p.alpha)
    makers: tuple[Callable[[], Op], ...] = (
        lambda: core.Sqrt(x),
        lambda: core.Rsqrt(x, epsilon=epsilon),
        lambda: core.Inverse(x, epsilon=epsilon),
        lambda: core.Pow(x, scalar(alpha, x)),
        lambda: core.Exp(x),
        lambda: core.Log(x, epsilon=cx.number(p.epsilon)),  # unlike the others, 0 stays 0
        lambda: core.Abs(x),
        lambda: core.Maximum(x, scalar(alpha, x)),
    )
    cx.require(0 <= p.type < len(makers), f"has an unknown function {p.type}")
    return makers[p.type]().result


@rules("bias", weights=shaped(bias="shape"))
def bias(cx: LayerContext, p: Any) -> Result:
    """Add a constant of shape [1], [C], [1, H, W] or [C, H, W]."""
    x = cx.rank_at_least(cx.input, 3)
    return core.Add(x, _over_channels(cx, "bias")).result


@rules("scale", weights=shaped(scale="shapeScale", bias="shapeBias"))
def scale(cx: LayerContext, p: Any) -> Result:
    """Multiply by a constant, then add one; shapes as for bias."""
    x = cx.rank_at_least(cx.input, 3)
    scaled = core.Mul(x, _over_channels(cx, "scale")).result
    if not p.hasBias:
        return scaled
    return core.Add(scaled, _over_channels(cx, "bias")).result


def _over_channels(cx: LayerContext, path: str) -> Value:
    """A constant of shape [1], [C], [1, H, W] or [C, H, W], aligned with [..., C, H, W]."""
    found = cx.sizes(path)
    cx.require(len(found) in (1, 3), f"has a {path} of shape {list(found)}")
    cx.require(size_of(found) > 0, f"has an empty {path}")
    value = cx.weight(path)
    return shape.ExpandDims(value, (1, 2)).result if len(found) == 1 else value
