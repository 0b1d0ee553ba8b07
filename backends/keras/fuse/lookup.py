"""Positions of lookups, which are small whole numbers: what follows takes them as they come."""

from dataclasses import dataclass

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant, scalar
from ....ir.rewrite import replace
from ....ir.ssa import Value
from ....passes.patterns import Rewrite, pattern
from ..dialect import layers, ops


@dataclass(frozen=True)
class _Shifted:
    """What a layer gives, plus a number: each is at least `least` and less than `limit`."""

    layer: layers.Lookup
    offset: int

    @property
    def least(self) -> int:
        return self.offset

    @property
    def limit(self) -> int:
        (count,) = self.layer.vocabulary.type.static_shape
        return self.offset + count + self.layer.num_oov_indices


def _shifted(value: Value) -> _Shifted | None:
    """What a value is as positions of a lookup, whichever integers they are cast to."""
    match value.op:
        case layers.Lookup() as layer:
            return _Shifted(layer, 0)
        case ops.Cast(x) if value.type.dtype.is_integer:
            return _shifted(x)
        case (ops.Add(x, y) | ops.Subtract(x, y)) as op:
            inner, number = _shifted(x), array_of(y)
            if inner is None or number is None or number.ndim:
                return None
            sign = 1 if isinstance(op, ops.Add) else -1
            return _Shifted(inner.layer, inner.offset + sign * int(number))
        case _:
            return None


def _uncast(value: Value) -> Value | None:
    """The positions as a layer gives them, and what is subtracted subtracted from that."""
    match value.op:
        case ops.Cast(x) if isinstance(x.op, layers.Lookup):
            return x
        case ops.Subtract(Value(op=ops.Cast(x)), one) if isinstance(x.op, layers.Lookup):
            number = array_of(one)
            if number is None or number.ndim:
                return None
            return ops.Subtract(x, scalar(int(number), x), result_types=x.type).result
        case _:
            return None


@pattern(ops.Add, ops.Subtract)
def shifted_back(op: ops.Add | ops.Subtract) -> Rewrite:
    """(cast(lookup) - 1) + 1 → cast(lookup)."""
    inner, found = op.x1.op, _shifted(op.result)
    if found is None or found.offset or not isinstance(inner, ops.Add | ops.Subtract):
        return None
    return inner.x1 if inner.x1.type == op.result.type else None


@pattern(ops.GreaterEqual)
def found_in_vocabulary(op: ops.GreaterEqual) -> Rewrite:
    """cast(lookup) - 1 >= 0 → lookup > 0."""
    found, limit = _shifted(op.x1), array_of(op.x2)
    if found is None or limit is None or limit.ndim or limit != 0 or found.offset != -1:
        return None
    whole = found.layer.result
    return ops.Greater(whole, scalar(0, whole), result_types=op.result.type).result


@pattern(ops.OneHot)
def one_hot_of_lookup(op: ops.OneHot) -> Rewrite:
    """one_hot(cast(lookup) - 1) → one_hot(lookup - 1)."""
    x = _uncast(op.x)
    return None if x is None else replace(op, x=x).result


@pattern(ops.Mod)
def remainder_of_lookup(op: ops.Mod) -> Rewrite:
    """lookup % n → lookup, of a vocabulary of less than n: no position is below 0 or above."""
    found, divisor = _shifted(op.x1), array_of(op.x2)
    if found is None or divisor is None or divisor.ndim:
        return None
    fits = found.least >= 0 and found.limit <= divisor and op.x1.type == op.result.type
    return op.x1 if fits else None


@pattern(ops.Take)
def taken_by_lookup(op: ops.Take) -> Rewrite:
    """take(table, where(lookup > 0, cast(lookup) - 1, c)) → take([table[c], *table], lookup).

    Entries of the table that no position means, such as one for unknown elements, are left out. A
    table that training may change stays.
    """
    table = array_of(op.x)
    match op.indices.op:
        case ops.Where(Value(op=ops.Greater(tested, least)), position, other):
            found, zero, index = _shifted(position), array_of(least), array_of(other)
        case _:
            return None
    if found is None or zero is None or zero.ndim or zero or index is None or index.ndim:
        return None
    same = tested is found.layer.result and found.offset == -1
    if table is None or table.ndim != 1 or not same or not 0 <= index < len(table):
        return None
    assert isinstance(op.x.op, Constant)
    if op.x.op.value.is_weight:
        return None
    (count,) = found.layer.vocabulary.type.static_shape
    joined = constant(np.concatenate([table[int(index)][None], table[:count]]), op.x.name)
    return ops.Take(joined, tested, 0, result_types=op.result.type).result


PATTERNS = (
    shifted_back,
    found_in_vocabulary,
    one_hot_of_lookup,
    remainder_of_lookup,
    taken_by_lookup,
)
