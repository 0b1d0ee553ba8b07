"""Arithmetic, comparison, logic, conversion."""

from collections.abc import Callable

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
    core.RealDiv: tf.RealDivide,
    core.Mod: tf.FloorMod,
    core.Pow: tf.Pow,
    core.Maximum: tf.Maximum,
    core.Minimum: tf.Minimum,
    core.Equal: tf.Equal,
    core.NotEqual: tf.NotEqual,
    core.LogicalAnd: tf.LogicalAnd,
    core.LogicalOr: tf.LogicalOr,
    core.LogicalXor: tf.NotEqual,
    core.LogicalNot: tf.LogicalNot,
    core.Cast: tf.Cast,
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


def _compared(target: Callable[..., Op]) -> Callable[[core.Less], Value]:
    def rule(op: core.Less) -> Value:
        """TensorFlow does not order bools."""
        x, y = op.x, op.y
        if x.type.dtype is DType.BOOL:
            x, y = (
                tf.Cast(v, DType.I32, result_types=v.type.with_dtype(DType.I32)).result
                for v in (x, y)
            )
        return target(x, y, result_types=op.result.type).result

    return rule


lower(core.Less)(_compared(tf.Less))
lower(core.LessEqual)(_compared(tf.LessEqual))
lower(core.Greater)(_compared(tf.Greater))
lower(core.GreaterEqual)(_compared(tf.GreaterEqual))


@lower(core.Abs)
def absolute(op: core.Abs) -> Value:
    """TensorFlow has none of unsigned numbers, which are theirs."""
    return absolute_of(op.x)


def absolute_of(x: Value) -> Value:
    """|x|."""
    return x if x.type.dtype is DType.U8 else tf.Abs(x, result_types=x.type).result


@lower(core.Neg)
def neg(op: core.Neg) -> Value:
    """TensorFlow negates no unsigned numbers (and makes 0 - x a negation): i32 wraps alike."""
    out = op.result.type
    if out.dtype is not DType.U8:
        return tf.Negative(op.x, result_types=out).result
    wide = out.with_dtype(DType.I32)
    value = tf.Negative(tf.Cast(op.x, DType.I32, result_types=wide).result, result_types=wide)
    return tf.Cast(value.result, out.dtype, result_types=out).result


@lower(core.Sign)
def sign(op: core.Sign) -> Value:
    """min(x, 1) of unsigned numbers."""
    if op.x.type.dtype is not DType.U8:
        return tf.Sign(op.x, result_types=op.result.type).result
    return tf.Minimum(op.x, scalar(1, op.x), result_types=op.result.type).result


@lower(core.FloorDiv)
def floor_div(op: core.FloorDiv) -> Value:
    """On floats, the rounded quotient's floor: `tf.math.floordiv` may correct the rounding away."""
    out = op.result.type
    if not out.dtype.is_float:
        return tf.FloorDiv(op.x, op.y, result_types=out).result
    return tf.Floor(tf.RealDivide(op.x, op.y, result_types=out).result, result_types=out).result


@lower(core.Clip)
def clip(op: core.Clip) -> Value:
    """min(max(x, alpha), beta), without the sides that limit nothing."""
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


def _shifted(target: Callable[..., Op]) -> Callable[[core.Log], Value]:
    def rule(op: core.Log) -> Value:
        out, value = op.result.type, op.x
        if op.epsilon:
            value = tf.Add(value, scalar(op.epsilon, op.x), result_types=out).result
        return target(value, result_types=out).result

    return rule


lower(core.Log)(_shifted(tf.Log))
lower(core.Rsqrt)(_shifted(tf.Rsqrt))
lower(core.Inverse)(_shifted(tf.Reciprocal))
