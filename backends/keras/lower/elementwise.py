"""Arithmetic, comparison, logic, conversion."""

from math import isfinite
from typing import Any

from ....ir.dialects.builtin import Constant, scalar
from ....ir.dialects.core import elementwise as core
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers, ops
from .activation import added

lower = Lowering()

for _core, _target in {
    core.Mod: ops.Mod,
    core.Pow: ops.Power,
    core.RealDiv: ops.Divide,
    core.Equal: ops.Equal,
    core.NotEqual: ops.NotEqual,
    core.Less: ops.Less,
    core.LessEqual: ops.LessEqual,
    core.Greater: ops.Greater,
    core.GreaterEqual: ops.GreaterEqual,
    core.LogicalAnd: ops.LogicalAnd,
    core.LogicalOr: ops.LogicalOr,
    core.LogicalXor: ops.LogicalXor,
}.items():
    lower.direct(_core, _target, x="x1", y="x2")

for _core, _target in {
    core.LogicalNot: ops.LogicalNot,
    core.Cast: ops.Cast,
    core.Abs: ops.Abs,
    core.Neg: ops.Negative,
    core.Sign: ops.Sign,
    core.Square: ops.Square,
    core.Exp: ops.Exp,
    core.Sqrt: ops.Sqrt,
    core.Floor: ops.Floor,
    core.Ceil: ops.Ceil,
    core.Round: ops.Round,
    core.Sin: ops.Sin,
    core.Cos: ops.Cos,
    core.Tan: ops.Tan,
    core.Asin: ops.Arcsin,
    core.Acos: ops.Arccos,
    core.Atan: ops.Arctan,
    core.Sinh: ops.Sinh,
    core.Cosh: ops.Cosh,
    core.Asinh: ops.Arcsinh,
    core.Acosh: ops.Arccosh,
    core.Atanh: ops.Arctanh,
    core.Erf: ops.Erf,
}.items():
    lower.direct(_core, _target)

lower.direct(core.Select, ops.Where, cond="condition", x="x1", y="x2")


def _merged(layer: type[layers.Merge], call: type[ops.Binary]) -> Any:
    """A merging layer for two values of the same shape, else the function."""

    def rule(op: Any) -> Value:
        x, y, out = op.x, op.y, op.result.type
        both = not isinstance(x.op, Constant) and not isinstance(y.op, Constant)
        if both and x.type == y.type == out and out.rank > 1 and out.dtype.is_float:
            return layer((x, y), result_types=out).result
        return call(x, y, result_types=out).result

    return rule


lower(core.Add)(_merged(layers.Add, ops.Add))
lower(core.Sub)(_merged(layers.Subtract, ops.Subtract))
lower(core.Mul)(_merged(layers.Multiply, ops.Multiply))
lower(core.Maximum)(_merged(layers.Maximum, ops.Maximum))
lower(core.Minimum)(_merged(layers.Minimum, ops.Minimum))


@lower(core.Tanh)
def tanh(op: core.Tanh) -> Value:
    """An activation by its name."""
    return layers.Activation(op.x, activation="tanh", result_types=op.result.type).result


@lower(core.Clip)
def clip(op: core.Clip) -> Value:
    """x limited to [alpha, beta]; one bound alone is a maximum or a minimum."""
    x, out = op.x, op.result.type
    low, high = isfinite(op.alpha), isfinite(op.beta)
    if low and high:
        return ops.Clip(x, op.alpha, op.beta, result_types=out).result
    if low:
        return ops.Maximum(x, scalar(op.alpha, x), result_types=out).result
    return ops.Minimum(x, scalar(op.beta, x), result_types=out).result if high else x


@lower(core.FloorDiv)
def floor_div(op: core.FloorDiv) -> Value:
    """On floats, the floor of the rounded quotient."""
    out = op.result.type
    if not out.dtype.is_float:
        return ops.FloorDivide(op.x, op.y, result_types=out).result
    quotient = ops.Divide(op.x, op.y, result_types=out).result
    return ops.Floor(quotient, result_types=out).result


@lower(core.Exp2)
def exp2(op: core.Exp2) -> Value:
    """2 to the x."""
    return ops.Exp2(op.x, result_types=op.result.type).result


@lower(core.Log)
def log(op: core.Log) -> Value:
    """The logarithm of x + epsilon."""
    return ops.Log(added(op.x, op.epsilon), result_types=op.result.type).result


@lower(core.Rsqrt)
def rsqrt(op: core.Rsqrt) -> Value:
    """1 / sqrt(x + epsilon)."""
    return ops.Rsqrt(added(op.x, op.epsilon), result_types=op.result.type).result


@lower(core.Inverse)
def inverse(op: core.Inverse) -> Value:
    """1 / (x + epsilon)."""
    return ops.Reciprocal(added(op.x, op.epsilon), result_types=op.result.type).result
