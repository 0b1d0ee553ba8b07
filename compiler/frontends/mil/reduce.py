"""Reductions. Integers stay integers: fractions are rounded towards zero."""

from ....ir.dialects.core import reduce as core
from ....ir.ssa import Op, Value
from ....ir.types import DType
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules

rules = MilRules("reduce")


def _over_axes(op: type[Op]) -> None:
    floats = issubclass(op, core.FloatReduction)

    def rule(cx: MilContext) -> Result:
        x = cx.value("x")
        axes = cx.integers("axes", ())
        if cx.has("axes") and not axes:
            raise cx.unsupported("names no axes", "leave out 'axes' to reduce all axes")
        wide = _wide(x) if floats else x
        found = op(wide, axes=axes, keep_dims=cx.flag("keep_dims", False)).result
        return cast(found, x.type.dtype)

    rule.__doc__ = op.__doc__
    rules(op.name.removeprefix("tensor."))(rule)


def _wide(x: Value) -> Value:
    """Floats unchanged; integers as floats that hold them exactly."""
    return x if x.type.dtype.is_float else cast(x, DType.F64)


for _op in (
    *(core.ReduceSum, core.ReduceProd, core.ReduceMean, core.ReduceMax, core.ReduceMin),
    *(core.ReduceL1Norm, core.ReduceL2Norm, core.ReduceSumSquare),
    *(core.ReduceLogSum, core.ReduceLogSumExp),
):
    _over_axes(_op)

_POSITIONS = {"int32": DType.I32, "uint16": DType.U16}


def _position(op: type[Op]) -> None:
    def rule(cx: MilContext) -> Result:
        axis, keep = cx.integer("axis", -1), cx.flag("keep_dims", False)
        return op(cx.value("x"), axis=axis, keep_dims=keep).result

    def typed(cx: MilContext) -> Result:
        name = cx.text("output_dtype", "int32").lower()
        cx.require(name in _POSITIONS, f"returns indices of the unknown type '{name}'")
        found = rule(cx)
        assert isinstance(found, Value)
        return cast(found, _POSITIONS[name])

    rule.__doc__ = typed.__doc__ = op.__doc__
    name = op.name.removeprefix("tensor.")
    rules(name)(rule)
    rules(name, since=17)(typed)


_position(core.ReduceArgmax)
_position(core.ReduceArgmin)
