"""Computes both branches of a condition, for targets without control flow."""

from dataclasses import dataclass

from ..ir.dialects.core import control, custom, detection, elementwise, index, random, scatter
from ..ir.dialects.core.fill import BroadcastLike
from ..ir.dialects.core.shape import AssertShape
from ..ir.rewrite import inlined
from ..ir.ssa import Op
from .manager import PatternPass
from .patterns import Rewrite, no, pattern

# Ops that may fail, or not end, although their branch isn't taken.
_RISKY = (
    *(*control.OPS, *custom.OPS, *detection.OPS, *index.OPS, *random.OPS, *scatter.OPS),
    *(AssertShape, BroadcastLike),
)


@pattern(control.Cond)
def both_branches(op: control.Cond) -> Rewrite:
    """cond(p, a, b) → select(p, a, b), with both computed."""
    if control.yielded(op.then) != control.yielded(op.orelse):
        return no("the branches' shapes differ")
    for inner in (*op.then.block, *op.orelse.block):
        if _may_fail(inner):
            return no(f"'{inner.name}' may fail where its branch isn't taken")
    chosen = zip(*(inlined(body, ()) for body in (op.then, op.orelse)), strict=True)
    return tuple(elementwise.Select(op.pred, ours, theirs).result for ours, theirs in chosen)


def _may_fail(op: Op) -> bool:
    divides = isinstance(op, elementwise.FloorDiv | elementwise.Mod)
    whole = divides and not op.result.type.dtype.is_float
    return whole or isinstance(op, _RISKY) or op.name.startswith("tensor.dynamic_")


@dataclass(frozen=True)
class IfConvert(PatternPass):
    """Compute both branches of a condition and select, where neither can fail."""

    name = "if-convert"
    patterns = (both_branches,)
