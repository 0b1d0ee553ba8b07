"""Arithmetic, comparison, selection and conversion, element by element."""

from ....ir.dialects.core import elementwise as core
from ....ir.dialects.core import unary
from ....ir.ssa import Op
from ..rules import Result
from .constants import DTYPE_NAMES
from .context import MilContext, MilRules, cast

rules = MilRules("elementwise")

_BINARY: dict[str, type[Op]] = {
    "add": core.Add,
    "sub": core.Sub,
    "mul": core.Mul,
    "real_div": core.RealDiv,
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
    "exp2": unary.Exp2,
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
        return op(cx.value("x"), epsilon=cx.number("epsilon", default)).result

    rule.__doc__ = op.__doc__
    rules.add(op.name.removeprefix("tensor."), rule)


for _op, _epsilon in ((unary.Log, 1e-45), (unary.Rsqrt, 1e-12), (unary.Inverse, 1e-4)):
    _with_epsilon(_op, _epsilon)


@rules("threshold")
def threshold(cx: MilContext) -> Result:
    """max(x, alpha)."""
    x = cx.value("x")
    return core.Maximum(x, cx.constant(cx.number("alpha"), x)).result


@rules("clip")
def clip(cx: MilContext) -> Result:
    """x limited to [alpha, beta]."""
    return core.Clip(cx.value("x"), cx.number("alpha"), cx.number("beta")).result


@rules("select")
def select(cx: MilContext) -> Result:
    """a where the condition holds, else b."""
    return core.Select(cx.value("cond"), cx.value("a"), cx.value("b")).result


@rules("cast")
def convert(cx: MilContext) -> Result:
    """Another type of elements; float16 becomes what it is computed in."""
    name = cx.text("dtype")
    if name not in DTYPE_NAMES:
        raise cx.unsupported(f"converts to the unknown type '{name}'")
    return cast(cx.value("x"), cx.dtype(DTYPE_NAMES[name]))
