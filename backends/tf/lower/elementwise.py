"""Arithmetic, comparison, logic, conversion."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ....ir.dialects.builtin import scalar
from ....ir.dialects.core import elementwise as core
from ....ir.ssa import Op, Value
from ....ir.types import DType
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()

for _core, _target in {
    core.Add: tf.Add,
    core.Sub: tf.Subtract,
    core.Mul: tf.Multiply,
    core.RealDiv: tf.Divide,
    core.Mod: tf.Floormod,
    core.Pow: tf.Pow,
    core.Maximum: tf.Maximum,
    core.Minimum: tf.Minimum,
    core.Equal: tf.Equal,
    core.NotEqual: tf.NotEqual,
    core.Less: tf.Less,
    core.LessEqual: tf.LessEqual,
    core.Greater: tf.Greater,
    core.GreaterEqual: tf.GreaterEqual,
    core.LogicalAnd: tf.LogicalAnd,
    core.LogicalOr: tf.LogicalOr,
    core.LogicalXor: tf.NotEqual,
    core.LogicalNot: tf.LogicalNot,
    core.Cast: tf.Cast,
    core.Abs: tf.Abs,
    core.Neg: tf.Negative,
    core.Sign: tf.Sign,
    core.Square: tf.Square,
    core.Exp: tf.Exp,
    core.Sqrt: tf.Sqrt,
    core.Floor: tf.Floor,
    core.Ceil: tf.Ceil,
    core.Round: tf.Round,
    core.Sin: tf.Sin,
    core.Cos: tf.Cos,
    core.Tan: tf.Tan,
    core.Asin: tf.Asin,
    core.Acos: tf.Acos,
    core.Atan: tf.Atan,
    core.Sinh: tf.Sinh,
    core.Cosh: tf.Cosh,
    core.Tanh: tf.Tanh,
    core.Asinh: tf.Asinh,
    core.Acosh: tf.Acosh,
    core.Atanh: tf.Atanh,
    core.Erf: tf.Erf,
}.items():
    lower.direct(_core, _target)

lower.direct(core.Select, tf.Where, cond="condition")


@lower(core.FloorDiv)
def floor_div(op: core.FloorDiv) -> Value:
    """On floats, the floor of the rounded quotient: `tf.math.floordiv` may undo the rounding."""
    out = op.result.type
    if not out.dtype.is_float:
        return tf.Floordiv(op.x, op.y, result_types=out).result
    return tf.Floor(tf.Divide(op.x, op.y, result_types=out).result, result_types=out).result


@lower(core.TruncDiv)
def trunc_div(op: core.TruncDiv) -> Value:
    """Divides by 1 where TensorFlow fails: by 0, and the least number by -1."""
    x, y, out = op.x, op.y, op.result.type
    test = y.type.with_dtype(DType.BOOL)
    zero = tf.Equal(y, scalar(0, y), result_types=test).result
    negated = tf.Equal(y, scalar(-1, y), result_types=test).result
    fails = tf.LogicalOr(zero, negated, result_types=test).result
    safe = tf.Where(fails, scalar(1, y), y, result_types=y.type).result
    quotient = tf.Truncatediv(x, safe, result_types=out).result
    opposite = tf.Negative(x, result_types=x.type).result
    exact = tf.Where(negated, opposite, quotient, result_types=out).result
    least = scalar(np.iinfo(out.dtype.numpy).min, x)
    return tf.Where(zero, least, exact, result_types=out).result


@lower(core.Clip)
def clip(op: core.Clip) -> Value:
    """min(max(x, alpha), beta), without limits that have no effect."""
    out, value = op.result.type, op.x
    if op.alpha > float("-inf"):
        value = tf.Maximum(value, scalar(op.alpha, op.x), result_types=out).result
    if op.beta < float("inf"):
        value = tf.Minimum(value, scalar(op.beta, op.x), result_types=out).result
    return value


@lower(core.Exp2)
def exp2(op: core.Exp2) -> Value:
    """pow(2, x)."""
    return tf.Pow(scalar(2.0, op.x), op.x, result_types=op.result.type).result


def _shifted(target: Callable[..., Op]) -> Callable[[Any], Value]:
    def rule(op: Any) -> Value:
        out, value = op.result.type, op.x
        if op.epsilon:
            value = tf.Add(value, scalar(op.epsilon, op.x), result_types=out).result
        return target(value, result_types=out).result

    return rule


lower(core.Log)(_shifted(tf.Log))
lower(core.Rsqrt)(_shifted(tf.Rsqrt))
lower(core.Inverse)(_shifted(tf.Reciprocal))
