"""Assertions whose conditions are known."""

from ...ir.dialects.core import control as core
from ..patterns import Rewrite, pattern


@pattern(core.Assert)
def assertion_that_holds(op: core.Assert) -> Rewrite:
    """assert(true, x, …) → x, …."""
    return op.values if op.holds else None


PATTERNS = (assertion_that_holds,)
