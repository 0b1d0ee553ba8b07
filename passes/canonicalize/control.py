"""Assertions whose conditions are known."""

from ...ir.dialects.builtin import array_of
from ...ir.dialects.core import control as core
from ...ir.dialects.core.elementwise import GreaterEqual
from ...ir.dialects.core.index import Gather
from ...ir.ssa import Value
from ..patterns import Rewrite, no, pattern


@pattern(core.Assert)
def assertion_that_holds(op: core.Assert) -> Rewrite:
    """assert(true, x, …) → x, …."""
    return op.values if op.holds else None


@pattern(core.Assert)
def assertion_about_entries(op: core.Assert) -> Rewrite:
    """assert(gather(const, i) >= c, x, …) → x, …, if no entry of the table is below c.

    Such are categories that another model means, if they are all known.
    """
    match op.condition.op:
        case GreaterEqual(Value(op=Gather(table, _)), limit):
            entries, least = array_of(table), array_of(limit)
        case _:
            return None
    if entries is None or least is None or least.ndim:
        return None
    return op.values if (entries >= least).all() else no("an entry of the table is below the limit")


PATTERNS = (assertion_that_holds, assertion_about_entries)
