"""Activations written as limits."""

from ...ir.dialects.builtin import splat_of
from ...ir.dialects.core import activation as core
from ...ir.dialects.core import elementwise
from ...ir.ssa import Op, Value
from ..patterns import Rewrite, no, pattern


@pattern(elementwise.Maximum)
def maximum_with_zero(op: elementwise.Maximum) -> Rewrite:
    """max(x, 0) → relu(x)."""
    if op.x.type.dtype.is_float and splat_of(op.y) == 0 and op.x.type == op.result.type:
        return core.Relu(op.x).result
    return None


@pattern(elementwise.Minimum)
def relu_up_to_six(op: elementwise.Minimum) -> Rewrite:
    """min(relu(x), 6) → relu6(x)."""
    match op:
        case elementwise.Minimum(Value(op=core.Relu(x)) as inner, limit) if splat_of(limit) == 6:
            if not inner.has_one_use:
                return no("the relu has another user")
            return core.Relu6(x).result if x.type == op.result.type else None
        case _:
            return None


@pattern(elementwise.Clip)
def clip_from_zero(op: elementwise.Clip) -> Rewrite:
    """clip(x, 0, 6) → relu6(x); clip(x, 0, inf) → relu(x)."""
    if op.alpha != 0:
        return None
    if op.beta == 6:
        return core.Relu6(op.x).result
    return core.Relu(op.x).result if op.beta == float("inf") else None


@pattern(core.Relu, core.Relu6)
def relu_of_relu(op: Op) -> Rewrite:
    """relu(relu(x)) → relu(x), and relu6 of either → relu6(x)."""
    inner = op.operands[0].op
    if isinstance(op, core.Relu) and isinstance(inner, core.Relu | core.Relu6):
        return inner.result
    if isinstance(op, core.Relu6) and isinstance(inner, core.Relu | core.Relu6):
        return core.Relu6(inner.x).result
    return None


PATTERNS = (maximum_with_zero, relu_up_to_six, clip_from_zero, relu_of_relu)
