"""Positions among keys: layers that know a vocabulary."""

import itertools
from collections.abc import Collection, Sequence

import numpy as np

from ....ir.dialects.builtin import Constant, array_of, constant, scalar
from ....ir.dialects.core import lookup as core
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ...lowering import Lowering
from ...refusals import require, require_fixed
from ..dialect import layers, ops

lower = Lowering()


@lower(core.Lookup)
def lookup(op: core.Lookup) -> Value:
    """A layer that gives 0 for what is unknown and the positions from 1 on, minus 1.

    If keys are repeated, a table has the positions of the first ones.
    """
    out, keys = op.result.type, array_of(op.keys)
    if keys is None:
        return _compared(op)
    if not keys.size:
        return _nowhere(op)
    firsts = core.first_positions(keys)
    found = looked_up(op.x, _vocabulary(op.keys, firsts))
    if len(firsts) < keys.size:
        table = constant(np.array([-1, *firsts.values()], np.int32))
        return ops.Take(table, found, 0, result_types=out).result
    found = ops.Cast(found, DType.I32, result_types=out).result
    return ops.Subtract(found, scalar(1, found), result_types=out).result


def _vocabulary(keys: Value, distinct: Collection[str | int]) -> Value:
    """Keys as a layer takes them: each once, numbers as i64.

    Raises:
        RefusedError: a string that Keras changes.
    """
    assert isinstance(keys.op, Constant)
    texts = [key for key in distinct if isinstance(key, str)]
    fits = not any(text.endswith("\0") for text in texts)
    require(fits, "Keras's vocabularies lose the zeros that strings end with")
    dtype = np.dtype(object if texts else np.int64)
    data = keys.op.value
    if len(distinct) == data.size and data.type.dtype.numpy == dtype:
        return constant(data)
    return constant(np.array(list(distinct), dtype), data.name)


def looked_up(x: Value, vocabulary: Value, known: bool = False) -> Value:
    """The layer's positions, i64: from 1 on and 0 for what is unknown; from 0 on if all is known.

    Args:
        x: strings or whole numbers.
        vocabulary: constants, each once.
        known: whether what is unknown stops the run.
    """
    out = x.type.with_dtype(DType.I64)
    keys = array_of(vocabulary)
    assert keys is not None
    if known:
        layer = layers.StringLookup if x.type.dtype is DType.STR else layers.IntegerLookup
        return layer(x, vocabulary, num_oov_indices=0, result_types=out).result
    if x.type.dtype is DType.STR:
        unknown = _free_text(keys.tolist())
        return layers.StringLookup(x, vocabulary, oov_token=unknown, result_types=out).result
    number = absent(keys)
    return layers.IntegerLookup(x, vocabulary, oov_token=number, result_types=out).result


def _free_text(keys: Sequence[str]) -> str:
    """What no key is: Keras's own word for unknown ones, if that is free."""
    names = itertools.chain(["[UNK]"], (f"[UNK{i}]" for i in itertools.count(1)))
    taken = {*keys}
    return next(name for name in names if name not in taken)


def absent(keys: Array) -> int:
    """The negative number next to 0 that no key is."""
    taken = {*keys.tolist()}
    return next(number for number in itertools.count(-1, -1) if number not in taken)


def _nowhere(op: core.Lookup) -> Value:
    """-1 everywhere: there are no keys."""
    ones = ops.OnesLike(op.x, DType.I32, result_types=op.result.type).result
    return ops.Negative(ones, result_types=op.result.type).result


def _compared(op: core.Lookup) -> Value:
    """Comparisons with all keys: the earlier a key, the larger its weight, and the largest wins."""
    x, out = op.x, op.result.type
    require(x.type.dtype is not DType.STR, "Keras code looks strings up among constants only")
    (count,) = op.keys.type.shape
    require_fixed(isinstance(count, int), "Keras code needs a fixed number of keys")
    assert isinstance(count, int)
    if not count:
        return _nowhere(op)
    weights = constant(np.arange(count, 0, -1, dtype=np.int32))
    each = out.with_shape((*out.shape, count))
    columns = ops.ExpandDims(x, (-1,), result_types=x.type.with_shape((*out.shape, 1))).result
    equal = ops.Equal(columns, op.keys, result_types=each.with_dtype(DType.BOOL)).result
    weighted = ops.Where(equal, weights, scalar(0, op.result), result_types=each).result
    largest = ops.Max(weighted, (-1,), result_types=out).result
    found = ops.Greater(largest, scalar(0, largest), result_types=out.with_dtype(DType.BOOL)).result
    position = ops.Subtract(scalar(count, largest), largest, result_types=out).result
    return ops.Where(found, position, scalar(-1, largest), result_types=out).result
