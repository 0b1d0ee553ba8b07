"""Replaces loops by copies of their bodies, for targets without control flow."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any, cast

import numpy as np

from ..ir.dialects.builtin import Constant, array_of
from ..ir.dialects.core import control
from ..ir.dims import Expr, symbols
from ..ir.hooks import hook_of
from ..ir.rewrite import inlined
from ..ir.ssa import Op, Region, Value, walk
from ..ir.types import Array
from .manager import PatternPass
from .patterns import Declined, Pattern, Rewrite, no, pattern


def iterations(op: control.WhileLoop, limit: int) -> int | Declined:
    """How often a loop runs that straight code can replace, or why it can't.

    Args:
        op: the loop.
        limit: how often it may run.
    """
    if any(inner.regions for body in (op.condition, op.body) for inner in body.block):
        return no("there is control flow inside")
    if _names_own_extents(op):
        return no("ops have shapes that change from iteration to iteration")
    counters = [_small(array_of(value)) for value in op.initial]
    count = 0
    while True:
        (going,) = _numbers(op.condition, counters)
        if going is None:
            return no("how often it runs depends on data")
        if not going:
            return count
        if count == limit:
            return no(f"it runs more than {limit} times")
        count += 1
        counters = [_small(array) for array in _numbers(op.body, counters)]


def _unrolled(op: control.WhileLoop, limit: int) -> Rewrite:
    count = iterations(op, limit)
    if isinstance(count, Declined):
        return count
    values = tuple(op.initial)
    for _ in range(count):
        values = inlined(op.body, values)
    return values


def _names_own_extents(op: control.WhileLoop) -> bool:
    """Whether a shape attribute has a symbol that only the loop defines."""
    types = (value.type for value in op.initial)
    outside = {name for kind in types for dim in kind.shape for name in symbols(dim)}
    types = (value.type for value in op.results)
    own = {name for kind in types for dim in kind.shape for name in symbols(dim)} - outside
    if not own:
        return False
    assert op.parent is not None
    following = dropwhile(lambda other: other is not op, op.parent)
    ops = (inner for other in following for inner in (other, *_inside(other)))
    return any(own & _symbols_named(inner) for inner in ops)


def _inside(op: Op) -> Iterable[Op]:
    return (inner for body in op.all_regions() for inner in walk(body))


def _symbols_named(op: Op) -> set[str]:
    found: set[str] = set()
    for values in op.attributes.values():
        items = cast(tuple[Any, ...], values) if isinstance(values, tuple) else ()
        found |= {name for item in items if isinstance(item, Expr) for name in symbols(item)}
    return found


_FEW = 16  # elements of a value that may count iterations


def _small(array: Array | None) -> Array | None:
    return array if array is not None and array.size <= _FEW else None


def _numbers(body: Region, arguments: Iterable[Array | None]) -> list[Array | None]:
    """What a region yields for these numbers; None for results that need others, or many."""
    known = dict(zip(body.block.arguments, arguments, strict=True))
    for op in body.block:
        if op.is_terminator:
            return [_outer_or(known, value) for value in op.operands]
        arrays = [_outer_or(known, value) for value in op.operands]
        given = [array for array in arrays if array is not None]
        if len(given) == len(arrays) and not op.effects() and not isinstance(op, Constant):
            known |= dict(zip(op.results, map(_small, _evaluated(op, given)), strict=True))
    raise AssertionError("a region ends with a terminator")


def _outer_or(known: dict[Value, Array | None], value: Value) -> Array | None:
    """The number of a value that is known, or a constant in the loop or around it."""
    if value in known or not isinstance(value.op, Constant):
        return known.get(value)
    return _small(array_of(value)) if value.op.value.size <= _FEW else None


def _evaluated(op: Op, operands: list[Array]) -> tuple[Array | None, ...]:
    evaluate = hook_of(op, "evaluate")
    if evaluate is None:
        return (None,) * len(op.results)
    try:
        with np.errstate(all="ignore"):
            result: Array | tuple[Array, ...] = evaluate(*op.grouped(operands).values())
    except (IndexError, ValueError):  # indices out of range and the like: a run-time error
        return (None,) * len(op.results)
    return result if isinstance(result, tuple) else (np.asarray(result),)


@dataclass(frozen=True)
class Unroll(PatternPass):
    """Repeat the body of a loop as often as it runs, where constants say how often.

    Options:
        limit: how often a loop may run; each iteration becomes a copy of its body.
    """

    name = "unroll"

    limit: int = 1

    def rules(self) -> tuple[Pattern, ...]:
        @pattern(control.WhileLoop)
        def counted_loop(op: control.WhileLoop) -> Rewrite:
            """while(…) → its body, as often as it runs."""
            return _unrolled(op, self.limit)

        return (counted_loop,)
