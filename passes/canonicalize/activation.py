"""Activations written as limits."""

from ...ir.dialects.builtin import splat_of
from ...ir.dialects.core import activation as core
from ...ir.dialects.core import elementwise
from ...ir.rewrite import replace
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


@pattern(core.Relu, core.Relu6, elementwise.Clip)
def limited_twice(op: Op) -> Rewrite:
    """relu, relu6 or clip of one of them → one of the two, or a clip."""
    inner = op.operands[0].op
    outside, inside = _limits(op), None if inner is None else _limits(inner)
    if outside is None or inside is None or inner is None:
        return None
    low, high = (min(max(limit, outside[0]), outside[1]) for limit in inside)
    if (low, high) == inside:
        return inner.results[0]
    if (low, high) == outside:
        return replace(op, x=inner.operands[0]).results[0]
    if not inner.results[0].has_one_use:
        return no("the inner limit has another user")
    return elementwise.Clip(inner.operands[0], alpha=low, beta=high).result


def _limits(op: Op) -> tuple[float, float] | None:
    """The smallest and the largest result of an op that changes nothing between the two."""
    match op:
        case core.Relu():
            return 0.0, float("inf")
        case core.Relu6():
            return 0.0, 6.0
        case elementwise.Clip(_, alpha, beta):
            return alpha, beta
        case _:
            return None


@pattern(elementwise.Maximum)
def maximum_with_a_part(op: elementwise.Maximum) -> Rewrite:
    """max(x, x * c) → leaky_relu(x, c), for 0 < c < 1."""
    for x, scaled in ((op.x, op.y), (op.y, op.x)):
        match scaled.op:
            case elementwise.Mul(same, slope) if same is x and x.type == op.result.type:
                number = splat_of(slope) if x.type.dtype.is_float else None
            case _:
                continue
        if number is None or not 0 < number < 1:
            return no("the slope is not a number between 0 and 1")
        if not scaled.has_one_use:
            return no("the scaled value has another user")
        return core.LeakyRelu(x, alpha=number).result
    return None


PATTERNS = (
    maximum_with_zero,
    relu_up_to_six,
    clip_from_zero,
    limited_twice,
    maximum_with_a_part,
)
