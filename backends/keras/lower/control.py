"""Checks that stop a run: those that a lookup does by itself."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import control as core
from ....ir.ssa import Op, Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from ...refusals import Refusal, RefusedError
from ..dialect import layers, ops
from .lookup import absent, looked_up

lower = Lowering()
_MOST_PLACES = 1 << 20  # keys of a layer; a file may name any limit


@lower(core.Assert)
def check(op: core.Assert) -> tuple[Value, ...]:
    """A layer that knows no unknown elements, if the check is that all are among the keys.

    What checks something that nothing needs is refused, because code has only what results need.
    """
    if op.holds:
        return op.values
    known = None
    if len(op.values) == 1 and op.results[0].uses:
        known = _all_found(op.condition, op.values[0]) or _all_below(op.condition, op.values[0])
    if known is None:
        reason = f"a functional model can't stop a run (here for: {op.message})"
        raise RefusedError(Refusal(reason, remedy=_savedmodel))
    return (known,)


def _savedmodel(_op: Op) -> str:
    return "a SavedModel does (--emit=savedmodel)"


def _all_found(condition: Value, positions: Value) -> Value | None:
    """The positions in a vocabulary that has all elements; None if that isn't what is checked."""
    match condition.op:
        case ops.GreaterEqual(given, least) if given is positions and _is(least, 0):
            return _certain(positions)
        case _:
            return None


def _certain(positions: Value) -> Value | None:
    """Positions of lookups, without those of unknown elements, which are -1."""
    out = positions.type
    match positions.op:
        case ops.Subtract(Value(op=ops.Cast(Value(op=layers.Lookup() as layer))), one):
            return _found(layer, layer.inputs, out) if _is(one, 1) else None
        case ops.Take(table, Value(op=layers.Lookup() as layer)):
            firsts = array_of(table)
            if firsts is None or firsts.ndim != 1 or firsts[:1].tolist() != [-1]:
                return None
            found = looked_up(layer.inputs, layer.vocabulary, known=True)
            return ops.Take(constant(firsts[1:]), found, 0, result_types=out).result
        case ops.Where(
            holds, Value(op=ops.Subtract(Value(op=ops.Cast(Value(op=layer))), one)), other
        ) if isinstance(layer, layers.IntegerLookup):
            if not _is(one, 1) or not _is(other, -1):
                return None
            x, keys = layer.inputs, array_of(layer.vocabulary)
            assert keys is not None
            unknown = scalar(absent(keys), x)
            return _found(layer, ops.Where(holds, x, unknown, result_types=x.type).result, out)
        case _:
            return None


def _found(layer: layers.Lookup, x: Value, out: Tensor) -> Value:
    found = looked_up(x, layer.vocabulary, known=True)
    return ops.Cast(found, DType.I32, result_types=out).result


def _all_below(condition: Value, places: Value) -> Value | None:
    """Whole numbers from 0 up to a limit, as i32: each is its own position among those."""
    match condition.op, places.op:
        case (
            ops.LogicalAnd(Value(op=ops.GreaterEqual(x, least)), Value(op=ops.Less(same, limit))),
            ops.Cast(given),
        ) if x is same is given and _is(least, 0) and x.type.dtype.is_integer:
            count = array_of(limit)
            if count is None or count.ndim or not 1 <= count <= _MOST_PLACES:
                return None
            found = looked_up(x, constant(np.arange(int(count)), "places"), known=True)
            return ops.Cast(found, DType.I32, result_types=places.type).result
        case _:
            return None


def _is(value: Value, number: int) -> bool:
    known = array_of(value)
    return known is not None and not known.ndim and known == number
