"""Elementwise arithmetic, comparison, logic and conversion; operands broadcast as in numpy."""

import warnings

import numpy as np

from ...declare import attr, operand
from ...ssa import Value
from ...types import ANY, BOOL, FLOAT, NUMERIC, SIGNED, Array, DType, Type
from . import unary
from .broadcasting import (
    Binary,
    Comparison,
    Elementwise,
    Logical,
    Ordering,
    Unary,
    UnaryNumeric,
    broadcast_shapes,
)
from .unary import (
    Abs,
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atanh,
    Ceil,
    Cos,
    Cosh,
    Erf,
    Exp,
    Exp2,
    Floor,
    Inverse,
    Log,
    Neg,
    Round,
    Rsqrt,
    Sign,
    Sin,
    Sinh,
    Sqrt,
    Square,
    Tan,
    Tanh,
)


class Add(Binary):
    """x + y."""

    name = "tensor.add"
    is_commutative = True
    kernel = np.add


class Sub(Binary):
    """x - y."""

    name = "tensor.sub"
    kernel = np.subtract


class Mul(Binary):
    """x * y."""

    name = "tensor.mul"
    is_commutative = True
    kernel = np.multiply


class RealDiv(Binary):
    """x / y on floating-point numbers; division by zero gives infinity or NaN."""

    name = "tensor.real_div"

    x: Value = operand(FLOAT)
    y: Value = operand(FLOAT, like="x")
    kernel = np.divide


class FloorDiv(Binary):
    """The quotient rounded towards minus infinity: floor(x / y).

    On floats the quotient is rounded to the dtype before the floor, as Core ML and TensorFlow's
    graph of div and floor do. On integers, division by zero is undefined.
    """

    name = "tensor.floor_div"

    def evaluate(self, x: Array, y: Array) -> Array:
        return np.floor(np.divide(x, y)) if x.dtype.kind == "f" else np.floor_divide(x, y)


class TruncDiv(Elementwise):
    """The quotient of whole numbers, rounded towards zero.

    Division by zero gives the least number of the dtype; so does the least number divided by -1,
    whose quotient the dtype doesn't have.
    """

    name = "tensor.trunc_div"

    x: Value = operand(SIGNED)
    y: Value = operand(SIGNED, like="x")

    def evaluate(self, x: Array, y: Array) -> Array:
        zero, negated = y == 0, y == -1
        one, least = x.dtype.type(1), np.iinfo(x.dtype).min
        safe = np.where(zero | negated, one, y)
        down, rest = np.divmod(x, safe)
        quotient = down + ((rest != 0) & ((x < 0) != (safe < 0)))
        return np.where(zero, least, np.where(negated, -x, quotient)).astype(x.dtype)


class Mod(Binary):
    """The remainder with the divisor's sign: x - floor(x / y) * y."""

    name = "tensor.mod"
    kernel = np.mod


class Pow(Binary):
    """x to the power y."""

    name = "tensor.pow"
    kernel = np.power


class Maximum(Binary):
    """The larger number; NaN if either is NaN."""

    name = "tensor.maximum"
    is_commutative = True
    kernel = np.maximum


class Minimum(Binary):
    """The smaller number; NaN if either is NaN."""

    name = "tensor.minimum"
    is_commutative = True
    kernel = np.minimum


class Equal(Comparison):
    """x == y."""

    name = "tensor.equal"
    is_commutative = True
    kernel = np.equal


class NotEqual(Comparison):
    """x != y."""

    name = "tensor.not_equal"
    is_commutative = True
    kernel = np.not_equal


class Less(Ordering):
    """x < y."""

    name = "tensor.less"
    kernel = np.less


class LessEqual(Ordering):
    """x <= y."""

    name = "tensor.less_equal"
    kernel = np.less_equal


class Greater(Ordering):
    """x > y."""

    name = "tensor.greater"
    kernel = np.greater


class GreaterEqual(Ordering):
    """x >= y."""

    name = "tensor.greater_equal"
    kernel = np.greater_equal


class LogicalAnd(Logical):
    """Both."""

    name = "tensor.logical_and"
    kernel = np.logical_and


class LogicalOr(Logical):
    """Either or both."""

    name = "tensor.logical_or"
    kernel = np.logical_or


class LogicalXor(Logical):
    """Exactly one."""

    name = "tensor.logical_xor"
    kernel = np.logical_xor


class LogicalNot(Elementwise):
    """The opposite."""

    name = "tensor.logical_not"

    x: Value = operand(BOOL)

    def evaluate(self, x: Array) -> Array:
        return np.logical_not(x)


class Select(Elementwise):
    """x where the condition holds, else y.

    (C1) all three broadcast together.
    """

    name = "tensor.select"

    cond: Value = operand(BOOL)
    x: Value = operand(ANY)
    y: Value = operand(ANY, like="x")

    def infer(self) -> Type:
        shapes = (value.type.shape for value in self.operands)
        return self.x.type.with_shape(broadcast_shapes(self, *shapes, label="C1"))

    def evaluate(self, cond: Array, x: Array, y: Array) -> Array:
        return np.where(cond, x, y)


class Cast(Elementwise):
    """Converts the dtype.

    Floats become integers by truncation towards zero (values out of range are undefined), numbers
    become bools by comparison with zero, bools become 0 and 1.
    """

    name = "tensor.cast"

    x: Value = operand(NUMERIC | BOOL)
    dtype: DType = attr()

    def infer(self) -> Type:
        self.require("", self.dtype is not DType.STR, "can't convert to strings")
        return self.x.type.with_dtype(self.dtype)

    def evaluate(self, x: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NaN to int is undefined anyway
            return x.astype(self.dtype.numpy)

    def fold(self) -> Value | None:
        return self.x if self.x.type.dtype is self.dtype else None


class Clip(Unary):
    """x limited to [alpha, beta]: min(max(x, alpha), beta).

    (C1) alpha <= beta.
    """

    name = "tensor.clip"

    alpha: float = attr()
    beta: float = attr()

    def infer(self) -> Type:
        self.require(
            "C1", self.alpha <= self.beta, f"alpha is {self.alpha}, above beta {self.beta}"
        )
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        low, high = x.dtype.type(self.alpha), x.dtype.type(self.beta)
        return np.minimum(np.maximum(x, low), high)


OPS = (
    *(Add, Sub, Mul, RealDiv, FloorDiv, TruncDiv, Mod, Pow, Maximum, Minimum),
    *(Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual),
    *(LogicalAnd, LogicalOr, LogicalXor, LogicalNot, Select, Cast, Clip),
    *unary.OPS,
)

# Users of the family see one module; it is two files only for readability.
__all__ = [
    "OPS",
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Binary",
    "Cast",
    "Ceil",
    "Clip",
    "Comparison",
    "Cos",
    "Cosh",
    "Elementwise",
    "Equal",
    "Erf",
    "Exp",
    "Exp2",
    "Floor",
    "FloorDiv",
    "Greater",
    "GreaterEqual",
    "Inverse",
    "Less",
    "LessEqual",
    "Log",
    "Logical",
    "LogicalAnd",
    "LogicalNot",
    "LogicalOr",
    "LogicalXor",
    "Maximum",
    "Minimum",
    "Mod",
    "Mul",
    "Neg",
    "NotEqual",
    "Pow",
    "RealDiv",
    "Round",
    "Rsqrt",
    "Select",
    "Sign",
    "Sin",
    "Sinh",
    "Sqrt",
    "Square",
    "Sub",
    "Tan",
    "Tanh",
    "TruncDiv",
    "Unary",
    "UnaryNumeric",
    "broadcast_shapes",
]
