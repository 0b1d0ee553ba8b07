"""Arithmetic, comparison, selection and conversion, element by element."""

import numpy as np

from ....ir.dialects.builtin import shapes_may_agree
from ....ir.dialects.core import elementwise as core
from ....ir.dialects.core import unary
from ....ir.dims import Dim, interval
from ....ir.ssa import Op
from ....ir.types import SIGNED, DType
from ..rules import Result
from ..values import cast
from .constants import DTYPE_NAMES, tensor_type
from .context import MilContext, MilRules
from .shape import declared_type

rules = MilRules("elementwise")

_BINARY: dict[str, type[Op]] = {
    "add": core.Add,
    "sub": core.Sub,
    "mul": core.Mul,
    "floor_div": core.FloorDiv,
    "mod": core.Mod,
    "pow": core.Pow,
    "maximum": core.Maximum,
    "minimum": core.Minimum,
    "equal": core.Equal,
    "not_equal": core.NotEqual,
    "less": core.Less,
    "less_equal": core.LessEqual,
    "greater": core.Greater,
    "greater_equal": core.GreaterEqual,
    "logical_and": core.LogicalAnd,
    "logical_or": core.LogicalOr,
    "logical_xor": core.LogicalXor,
}
_UNARY: dict[str, type[Op]] = {
    "abs": unary.Abs,
    "sign": unary.Sign,
    "square": unary.Square,
    "exp": unary.Exp,
    "sqrt": unary.Sqrt,
    "floor": unary.Floor,
    "ceil": unary.Ceil,
    "round": unary.Round,
    "sin": unary.Sin,
    "cos": unary.Cos,
    "tan": unary.Tan,
    "asin": unary.Asin,
    "acos": unary.Acos,
    "atan": unary.Atan,
    "sinh": unary.Sinh,
    "cosh": unary.Cosh,
    "tanh": unary.Tanh,
    "atanh": unary.Atanh,
    "erf": unary.Erf,
    "logical_not": core.LogicalNot,
}
for _name, _op in (_BINARY | _UNARY).items():
    rules.direct(_name, _op)


def _with_epsilon(op: type[Op], default: float) -> None:
    def rule(cx: MilContext) -> Result:
        # The default is a number of the declared type, so in half precision it can be 0.
        declared = tensor_type(cx.operation.outputs[0].type, cx.fresh_symbol).dtype
        epsilon = float(np.asarray(default, declared.numpy))
        return op(cx.value("x"), epsilon=cx.number("epsilon", epsilon)).result

    rule.__doc__ = op.__doc__
    rules(op.name.removeprefix("tensor."))(rule)


for _op, _epsilon in ((unary.Log, 1e-45), (unary.Rsqrt, 1e-12), (unary.Inverse, 1e-4)):
    _with_epsilon(_op, _epsilon)


@rules("real_div")
def real_div(cx: MilContext) -> Result:
    """x / y; for integers an integer, rounded towards zero."""
    x, y = cx.value("x"), cx.value("y")
    if x.type.dtype.is_float:
        return core.RealDiv(x, y).result
    if _are_extents(cx, "x") and _are_extents(cx, "y"):
        return core.FloorDiv(x, y).result  # the same, and it keeps dimensions exact
    fits = y.type.dtype is x.type.dtype and x.type.dtype in SIGNED
    cx.require(fits, f"can't divide {x.type} by {y.type}")
    return core.TruncDiv(x, y).result


def _are_extents(cx: MilContext, name: str) -> bool:
    """Whether all entries of a vector are known, and none can be negative."""

    def is_natural(dim: Dim | None) -> bool:
        low = None if dim is None else interval(dim, cx.limits)[0]
        return low is not None and low >= 0

    known = cx.extents(name)
    return known is not None and all(map(is_natural, known))


@rules("exp2")
def exp2(cx: MilContext) -> Result:
    """2 to the power x; for integers an integer, rounded towards zero."""
    x = cx.value("x")
    wide = x if x.type.dtype.is_float else cast(x, DType.F64)
    return cast(unary.Exp2(wide).result, x.type.dtype)


@rules("identity")
def identity(cx: MilContext) -> Result:
    """x itself."""
    return cx.value("x")


@rules("threshold")
def threshold(cx: MilContext) -> Result:
    """max(x, alpha)."""
    x = cx.value("x")
    return core.Maximum(x, cast(cx.value("alpha"), x.type.dtype)).result


@rules("clip")
def clip(cx: MilContext) -> Result:
    """x limited to [alpha, beta]."""
    return core.Clip(cx.value("x"), cx.number("alpha"), cx.number("beta")).result


@rules("select")
def select(cx: MilContext) -> Result:
    """a where the condition holds, b elsewhere; all three broadcast together, as documented.

    coremltools declares the shape of a and b alone, also where the condition is larger.
    """
    made = core.Select(cx.value("cond"), cx.value("a"), cx.value("b")).result
    declared = declared_type(cx)
    cx.require(
        shapes_may_agree(made.type, declared.with_dtype(made.type.dtype)),
        f"makes {made.type}, because its condition is {cx.value('cond').type}, "
        f"but declares {declared.with_dtype(made.type.dtype)}",
        "broadcast a and b to the condition's shape before",
    )
    return made


@rules("cast")
def convert(cx: MilContext) -> Result:
    """Convert to another dtype; float16 becomes the dtype that it is computed in."""
    name = cx.text("dtype")
    if name not in DTYPE_NAMES or name == "string":
        raise cx.unsupported(f"converts to the unknown type '{name}'")
    return cast(cx.value("x"), cx.dtype(DTYPE_NAMES[name]))
