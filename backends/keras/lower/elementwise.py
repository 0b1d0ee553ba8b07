"""Arithmetic, comparison, logic, conversion."""

from math import isfinite
from typing import Any

import numpy as np

from ....ir.dialects.builtin import Constant, scalar
from ....ir.dialects.core import elementwise as core
from ....ir.ssa import Value
from ....ir.types import DType
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


@lower(core.TruncDiv)
def trunc_div(op: core.TruncDiv) -> Value:
    """The quotient rounded down, one more where that is not towards zero.

    Divides by 1 where backends fail or differ: by 0, and the least number by -1.
    """
    x, y, out = op.x, op.y, op.result.type
    test, either = y.type.with_dtype(DType.BOOL), out.with_dtype(DType.BOOL)
    zero = ops.Equal(y, scalar(0, y), result_types=test).result
    negated = ops.Equal(y, scalar(-1, y), result_types=test).result
    fails = ops.LogicalOr(zero, negated, result_types=test).result
    safe = ops.Where(fails, scalar(1, y), y, result_types=y.type).result
    down = ops.FloorDivide(x, safe, result_types=out).result
    rest = ops.Mod(x, safe, result_types=out).result
    inexact = ops.NotEqual(rest, scalar(0, rest), result_types=either).result
    below = ops.Less(down, scalar(0, down), result_types=either).result
    up = ops.LogicalAnd(inexact, below, result_types=either).result
    more = ops.Cast(up, out.dtype, result_types=out).result
    quotient = ops.Add(down, more, result_types=out).result
    opposite = ops.Negative(x, result_types=x.type).result
    exact = ops.Where(negated, opposite, quotient, result_types=out).result
    least = scalar(np.iinfo(out.dtype.numpy).min, x)
    return ops.Where(zero, least, exact, result_types=out).result


@lower(core.Exp2)
def exp2(op: core.Exp2) -> Value:
    """2 to the x."""
    return ops.Exp2(op.x, result_types=op.result.type).result


_DENORMAL = 2.0**-126  # below what float32 has at full precision; coremltools adds 1e-45


@lower(core.Log)
def log(op: core.Log) -> Value:
    """The logarithm of x + epsilon; that of a softmax has a name.

    Where a softmax is 0 in float32, the function has the logarithm that it would have.
    """
    match op.x.op:
        case layers.Softmax(x, axis) if op.x.has_one_use and op.epsilon < _DENORMAL:
            return ops.LogSoftmax(x, axis=axis, result_types=op.result.type).result
        case _:
            pass
    return ops.Log(added(op.x, op.epsilon), result_types=op.result.type).result


@lower(core.Rsqrt)
def rsqrt(op: core.Rsqrt) -> Value:
    """1 / sqrt(x + epsilon)."""
    return ops.Rsqrt(added(op.x, op.epsilon), result_types=op.result.type).result


@lower(core.Inverse)
def inverse(op: core.Inverse) -> Value:
    """1 / (x + epsilon)."""
    return ops.Reciprocal(added(op.x, op.epsilon), result_types=op.result.type).result
