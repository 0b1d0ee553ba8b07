"""Arithmetic of `keras.ops`."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from ....ir.types import DType
from .base import KerasOp


class Unary(KerasOp):
    """Base of functions of one array."""

    x: Value = operand()


class Binary(KerasOp):
    """Base of functions of two arrays, which broadcast."""

    x1: Value = operand()
    x2: Value = operand()


# -- arithmetic ------------------------------------------------------------------------------------


class Add(Binary, call="keras.ops.add"):
    """x1 + x2."""

    infix = "+"


class Subtract(Binary, call="keras.ops.subtract"):
    """x1 - x2."""

    infix = "-"


class Multiply(Binary, call="keras.ops.multiply"):
    """x1 * x2."""

    infix = "*"


class Divide(Binary, call="keras.ops.divide"):
    """x1 / x2."""

    infix = "/"


class FloorDivide(Binary, call="keras.ops.floor_divide"):
    """The quotient, rounded down."""

    infix = "//"


class Mod(Binary, call="keras.ops.mod"):
    """The remainder, with the sign of the divisor."""

    infix = "%"


class Power(Binary, call="keras.ops.power"):
    """x1 to the x2-th."""

    infix = "**"


class Maximum(Binary, call="keras.ops.maximum"):
    """The larger element."""


class Minimum(Binary, call="keras.ops.minimum"):
    """The smaller element."""


class Equal(Binary, call="keras.ops.equal"):
    """x1 == x2."""


class NotEqual(Binary, call="keras.ops.not_equal"):
    """x1 != x2."""


class Less(Binary, call="keras.ops.less"):
    """x1 < x2."""

    infix = "<"


class LessEqual(Binary, call="keras.ops.less_equal"):
    """x1 <= x2."""

    infix = "<="


class Greater(Binary, call="keras.ops.greater"):
    """x1 > x2."""

    infix = ">"


class GreaterEqual(Binary, call="keras.ops.greater_equal"):
    """x1 >= x2."""

    infix = ">="


class LogicalAnd(Binary, call="keras.ops.logical_and"):
    """Both."""


class LogicalOr(Binary, call="keras.ops.logical_or"):
    """Either."""


class LogicalXor(Binary, call="keras.ops.logical_xor"):
    """One of both."""


class LogicalNot(Unary, call="keras.ops.logical_not"):
    """The opposite."""


class Where(KerasOp, call="keras.ops.where"):
    """x1 where the condition holds, else x2."""

    condition: Value = operand()
    x1: Value = operand()
    x2: Value = operand()


class Cast(Unary, call="keras.ops.cast"):
    """Converts the dtype."""

    dtype: DType = attr()


class Clip(Unary, call="keras.ops.clip"):
    """x limited to [x_min, x_max]."""

    x_min: float = attr()
    x_max: float = attr()


class Abs(Unary, call="keras.ops.abs"):
    """|x|."""


class Negative(Unary, call="keras.ops.negative"):
    """-x."""


class Sign(Unary, call="keras.ops.sign"):
    """-1, 0 or 1."""


class Square(Unary, call="keras.ops.square"):
    """x * x."""


class Exp(Unary, call="keras.ops.exp"):
    """e to the x."""


class Exp2(Unary, call="keras.ops.exp2"):
    """2 to the x."""


class Log(Unary, call="keras.ops.log"):
    """The natural logarithm."""


class Sqrt(Unary, call="keras.ops.sqrt"):
    """The square root."""


class Rsqrt(Unary, call="keras.ops.rsqrt"):
    """1 over the square root."""


class Reciprocal(Unary, call="keras.ops.reciprocal"):
    """1 / x."""


class Floor(Unary, call="keras.ops.floor"):
    """Rounded down."""


class Ceil(Unary, call="keras.ops.ceil"):
    """Rounded up."""


class Round(Unary, call="keras.ops.round"):
    """Rounded to the nearest, halves to even."""


class Sin(Unary, call="keras.ops.sin"):
    """The sine."""


class Cos(Unary, call="keras.ops.cos"):
    """The cosine."""


class Tan(Unary, call="keras.ops.tan"):
    """The tangent."""


class Arcsin(Unary, call="keras.ops.arcsin"):
    """The inverse of the sine."""


class Arccos(Unary, call="keras.ops.arccos"):
    """The inverse of the cosine."""


class Arctan(Unary, call="keras.ops.arctan"):
    """The inverse of the tangent."""


class Sinh(Unary, call="keras.ops.sinh"):
    """The hyperbolic sine."""


class Cosh(Unary, call="keras.ops.cosh"):
    """The hyperbolic cosine."""


class Tanh(Unary, call="keras.ops.tanh"):
    """The hyperbolic tangent."""


class Arcsinh(Unary, call="keras.ops.arcsinh"):
    """The inverse of the hyperbolic sine."""


class Arccosh(Unary, call="keras.ops.arccosh"):
    """The inverse of the hyperbolic cosine."""


class Arctanh(Unary, call="keras.ops.arctanh"):
    """The inverse of the hyperbolic tangent."""


class Erf(Unary, call="keras.ops.erf"):
    """The error function."""


class LogSoftmax(Unary, call="keras.ops.log_softmax"):
    """log(softmax(x))."""

    axis: int = attr(default=-1)


class Gelu(Unary, call="keras.ops.gelu"):
    """The Gaussian error linear unit."""

    approximate: bool = attr(default=True)


OPS = (
    *(Add, Subtract, Multiply, Divide, FloorDivide, Mod, Power, Maximum, Minimum),
    *(Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual),
    *(LogicalAnd, LogicalOr, LogicalXor, LogicalNot, Where, Cast, Clip),
    *(Abs, Negative, Sign, Square, Exp, Exp2, Log, Sqrt, Rsqrt, Reciprocal, Floor, Ceil, Round),
    *(Sin, Cos, Tan, Arcsin, Arccos, Arctan, Sinh, Cosh, Tanh, Arcsinh, Arccosh, Arctanh),
    *(Erf, Gelu, LogSoftmax),
)
__all__ = ["Binary", "Unary", *(op.__name__ for op in OPS)]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
