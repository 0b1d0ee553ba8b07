"""Lookups of strings and numbers that a model itself holds: what is looked up is known."""

from ...ir.dialects.builtin import array_of, constant
from ...ir.dialects.core import lookup as core
from ...ir.dialects.core.elementwise import Select
from ...ir.dialects.core.index import Gather
from ..patterns import Rewrite, no, pattern


@pattern(core.Lookup)
def lookup_of_gathered(op: core.Lookup) -> Rewrite:
    """lookup(gather(const, i), keys) → gather(positions, i): a category that another one means."""
    match op.x.op:
        case Gather(table, indices, axis):
            known, keys = array_of(table), array_of(op.keys)
        case _:
            return None
    if known is None or keys is None:
        return None
    positions = constant(op.evaluate(known, keys))
    return Gather(positions, indices, axis=axis).result


@pattern(core.Lookup)
def lookup_of_selected(op: core.Lookup) -> Rewrite:
    """lookup(select(c, const, x)) → select(c, const, lookup(x)), and with const as the other."""
    match op.x.op:
        case Select(condition, x, y) if array_of(op.keys) is not None:
            values = x, y
        case _:
            return None
    if all(array_of(value) is None for value in values):
        return None
    if not op.x.has_one_use:
        return no("what is selected is needed elsewhere, too")
    found = (core.Lookup(value, op.keys).result for value in values)
    return Select(condition, *found).result


PATTERNS = (lookup_of_gathered, lookup_of_selected)
