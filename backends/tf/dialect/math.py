"""Elementwise math, reductions and matrix products."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from ....ir.types import DType
from .base import TfOp


class _X(TfOp):
    """Base of calls with one operand x."""

    x: Value = operand()


class _XY(TfOp):
    """Base of calls with operands x and y."""

    x: Value = operand()
    y: Value = operand()


class Add(_XY, call="tf.add"):
    """x + y."""


class Subtract(_XY, call="tf.subtract"):
    """x - y."""


class Multiply(_XY, call="tf.multiply"):
    """x * y."""


class Divide(_XY, call="tf.divide"):
    """x / y on floats."""


class Floordiv(_XY, call="tf.math.floordiv"):
    """floor(x / y)."""


class Truncatediv(_XY, call="tf.truncatediv"):
    """The quotient of whole numbers, rounded towards zero."""


class Floormod(_XY, call="tf.math.floormod"):
    """The remainder with the divisor's sign."""


class Pow(_XY, call="tf.pow"):
    """x to the power y."""


class Maximum(_XY, call="tf.maximum"):
    """The larger."""


class Minimum(_XY, call="tf.minimum"):
    """The smaller."""


class Equal(_XY, call="tf.equal"):
    """x == y."""


class NotEqual(_XY, call="tf.not_equal"):
    """x != y."""


class Less(_XY, call="tf.less"):
    """x < y."""


class LessEqual(_XY, call="tf.less_equal"):
    """x <= y."""


class Greater(_XY, call="tf.greater"):
    """x > y."""


class GreaterEqual(_XY, call="tf.greater_equal"):
    """x >= y."""


class LogicalAnd(_XY, call="tf.logical_and"):
    """Both."""


class LogicalOr(_XY, call="tf.logical_or"):
    """Either."""


class LogicalNot(_X, call="tf.logical_not"):
    """The opposite."""


class IsNan(_X, call="tf.math.is_nan"):
    """Whether each number is NaN."""


class Where(TfOp, call="tf.where"):
    """x where the condition holds, else y."""

    condition: Value = operand()
    x: Value = operand()
    y: Value = operand()


class Cast(_X, call="tf.cast"):
    """Converts the dtype."""

    dtype: DType = attr()


class Abs(_X, call="tf.abs"):
    """Absolute value."""


class Negative(_X, call="tf.negative"):
    """-x."""


class Sign(_X, call="tf.sign"):
    """-1, 0 or 1."""


class Square(_X, call="tf.square"):
    """x * x."""


class Exp(_X, call="tf.exp"):
    """e to the power x."""


class Log(_X, call="tf.math.log"):
    """Natural logarithm."""


class Sqrt(_X, call="tf.sqrt"):
    """Square root."""


class Rsqrt(_X, call="tf.math.rsqrt"):
    """1 / sqrt(x)."""


class Reciprocal(_X, call="tf.math.reciprocal"):
    """1 / x."""


class Floor(_X, call="tf.floor"):
    """Rounds down."""


class Ceil(_X, call="tf.math.ceil"):
    """Rounds up."""


class Round(_X, call="tf.round"):
    """Rounds to the nearest, halves to even."""


class Sin(_X, call="tf.sin"):
    """Sine."""


class Cos(_X, call="tf.cos"):
    """Cosine."""


class Tan(_X, call="tf.tan"):
    """Tangent."""


class Asin(_X, call="tf.asin"):
    """Inverse sine."""


class Acos(_X, call="tf.acos"):
    """Inverse cosine."""


class Atan(_X, call="tf.atan"):
    """Inverse tangent."""


class Sinh(_X, call="tf.sinh"):
    """Hyperbolic sine."""


class Cosh(_X, call="tf.cosh"):
    """Hyperbolic cosine."""


class Tanh(_X, call="tf.tanh"):
    """Hyperbolic tangent."""


class Asinh(_X, call="tf.asinh"):
    """Inverse hyperbolic sine."""


class Acosh(_X, call="tf.acosh"):
    """Inverse hyperbolic cosine."""


class Atanh(_X, call="tf.atanh"):
    """Inverse hyperbolic tangent."""


class Erf(_X, call="tf.math.erf"):
    """Gauss error function."""


class _Reduce(TfOp):
    """Base of reductions."""

    input_tensor: Value = operand()
    axis: tuple[int, ...] = attr(default=())
    keepdims: bool = attr(default=False)


class ReduceSum(_Reduce, call="tf.reduce_sum"):
    """Sum."""


class ReduceProd(_Reduce, call="tf.reduce_prod"):
    """Product."""


class ReduceMean(_Reduce, call="tf.reduce_mean"):
    """Mean."""


class ReduceMax(_Reduce, call="tf.reduce_max"):
    """Largest."""


class ReduceMin(_Reduce, call="tf.reduce_min"):
    """Smallest."""


class ReduceLogsumexp(_Reduce, call="tf.reduce_logsumexp"):
    """log(sum(exp(x)))."""


class Argmax(TfOp, call="tf.argmax"):
    """Index of the largest element."""

    input: Value = operand()
    axis: int = attr()
    output_type: DType = attr(default=DType.I32)


class Argmin(TfOp, call="tf.argmin"):
    """Index of the smallest element."""

    input: Value = operand()
    axis: int = attr()
    output_type: DType = attr(default=DType.I32)


class Matmul(TfOp, call="tf.linalg.matmul"):
    """Matrix product."""

    a: Value = operand()
    b: Value = operand()
    transpose_a: bool = attr(default=False)
    transpose_b: bool = attr(default=False)


OPS = (
    *(Add, Subtract, Multiply, Divide, Floordiv, Truncatediv, Floormod, Pow, Maximum, Minimum),
    *(Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual),
    *(LogicalAnd, LogicalOr, LogicalNot, IsNan, Where, Cast),
    *(Abs, Negative, Sign, Square, Exp, Log, Sqrt, Rsqrt, Reciprocal, Floor, Ceil, Round),
    *(Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Erf),
    *(ReduceSum, ReduceProd, ReduceMean, ReduceMax, ReduceMin, ReduceLogsumexp),
    *(Argmax, Argmin, Matmul),
)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
