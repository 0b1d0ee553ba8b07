"""Recurrent networks."""

from ...ir.dialects.core import recurrent as core
from ...ir.rewrite import replace
from ...ir.ssa import Op
from ..patterns import Rewrite, no, pattern


@pattern(core.Lstm, core.Gru, core.Rnn)
def initial_zeros(op: Op) -> Rewrite:
    """lstm(x, zeros) → lstm(x)."""
    names = [item.name for item in op.spec.operands if item.name.startswith("initial")]
    changes = {n: None for n in names if any(map(core.is_zero, op.values_of(n)))}
    if not changes:
        return None
    found = replace(op, **changes)
    if any(a.type != b.type for a, b in zip(op.results, found.results, strict=True)):
        return no("only the state says how large the batch is")
    return found.results


PATTERNS = (initial_zeros,)
