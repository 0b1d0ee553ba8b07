"""Recurrent networks."""

from ...ir.dialects.builtin import array_of
from ...ir.dialects.core import recurrent as core
from ...ir.rewrite import replace
from ...ir.ssa import Op, Value
from ..patterns import Rewrite, no, pattern

Recurrent = core.Lstm | core.Gru | core.Rnn


def zero_states(op: Recurrent) -> dict[str, None]:
    """The initial states that are constant zeros, the default, as changes of operands."""
    cell = op.initial_c if isinstance(op, core.Lstm) else None
    states: dict[str, Value | None] = {"initial_h": op.initial_h, "initial_c": cell}
    return {name: None for name, value in states.items() if _is_zero(value)}


def _is_zero(value: Value | None) -> bool:
    array = None if value is None else array_of(value)
    return array is not None and not array.any()


@pattern(core.Lstm, core.Gru, core.Rnn)
def initial_zeros(op: Op) -> Rewrite:
    """lstm(x, zeros) → lstm(x)."""
    assert isinstance(op, Recurrent)
    changes = zero_states(op)
    if not changes:
        return None
    found = replace(op, **changes)
    if any(a.type != b.type for a, b in zip(op.results, found.results, strict=True)):
        return no("only the state says how large the batch is")
    return found.results


PATTERNS = (initial_zeros,)
