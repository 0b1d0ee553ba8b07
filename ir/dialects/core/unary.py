"""Elementwise functions of one number: signs, powers, roundings, transcendental functions."""

import numpy as np

from ...declare import attr
from ...reference import special
from ...types import Array
from .broadcasting import Unary, UnaryNumeric


class Abs(UnaryNumeric):
    """The absolute value."""

    name = "tensor.abs"
    kernel = np.abs


class Neg(UnaryNumeric):
    """-x."""

    name = "tensor.neg"
    kernel = np.negative


class Sign(UnaryNumeric):
    """-1, 0 or 1."""

    name = "tensor.sign"
    kernel = np.sign


class Square(UnaryNumeric):
    """x * x."""

    name = "tensor.square"
    kernel = np.square


class Exp(Unary):
    """e to the power x."""

    name = "tensor.exp"
    kernel = np.exp


class Exp2(Unary):
    """2 to the power x."""

    name = "tensor.exp2"
    kernel = np.exp2


class Log(Unary):
    """The natural logarithm of x + epsilon (MIL `log`)."""

    name = "tensor.log"

    epsilon: float = attr(default=0.0)

    def evaluate(self, x: Array) -> Array:
        return np.log(x + x.dtype.type(self.epsilon))


class Sqrt(Unary):
    """The square root."""

    name = "tensor.sqrt"
    kernel = np.sqrt


class Rsqrt(Unary):
    """1 / sqrt(x + epsilon) (MIL `rsqrt`)."""

    name = "tensor.rsqrt"

    epsilon: float = attr(default=0.0)

    def evaluate(self, x: Array) -> Array:
        return x.dtype.type(1) / np.sqrt(x + x.dtype.type(self.epsilon))


class Inverse(Unary):
    """1 / (x + epsilon) (MIL `inverse`)."""

    name = "tensor.inverse"

    epsilon: float = attr(default=0.0)

    def evaluate(self, x: Array) -> Array:
        return x.dtype.type(1) / (x + x.dtype.type(self.epsilon))


class Floor(Unary):
    """The largest whole number not above x."""

    name = "tensor.floor"
    kernel = np.floor


class Ceil(Unary):
    """The smallest whole number not below x."""

    name = "tensor.ceil"
    kernel = np.ceil


class Round(Unary):
    """The nearest whole number; halves go to the even one."""

    name = "tensor.round"
    kernel = np.round


class Sin(Unary):
    """The sine."""

    name = "tensor.sin"
    kernel = np.sin


class Cos(Unary):
    """The cosine."""

    name = "tensor.cos"
    kernel = np.cos


class Tan(Unary):
    """The tangent."""

    name = "tensor.tan"
    kernel = np.tan


class Asin(Unary):
    """The inverse sine."""

    name = "tensor.asin"
    kernel = np.arcsin


class Acos(Unary):
    """The inverse cosine."""

    name = "tensor.acos"
    kernel = np.arccos


class Atan(Unary):
    """The inverse tangent."""

    name = "tensor.atan"
    kernel = np.arctan


class Sinh(Unary):
    """The hyperbolic sine."""

    name = "tensor.sinh"
    kernel = np.sinh


class Cosh(Unary):
    """The hyperbolic cosine."""

    name = "tensor.cosh"
    kernel = np.cosh


class Tanh(Unary):
    """The hyperbolic tangent."""

    name = "tensor.tanh"
    kernel = np.tanh


class Asinh(Unary):
    """The inverse hyperbolic sine."""

    name = "tensor.asinh"
    kernel = np.arcsinh


class Acosh(Unary):
    """The inverse hyperbolic cosine."""

    name = "tensor.acosh"
    kernel = np.arccosh


class Atanh(Unary):
    """The inverse hyperbolic tangent."""

    name = "tensor.atanh"
    kernel = np.arctanh


class Erf(Unary):
    """The Gauss error function."""

    name = "tensor.erf"
    kernel = special.erf


OPS = (
    *(Abs, Neg, Sign, Square, Exp, Exp2, Log, Sqrt, Rsqrt, Inverse, Floor, Ceil, Round),
    *(Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Erf),
)
