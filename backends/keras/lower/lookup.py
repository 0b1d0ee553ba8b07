"""Positions among keys."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import lookup as core
from ....ir.ssa import Value
from ....ir.types import DType
from ...lowering import Lowering
from ...refusals import require, require_fixed
from ..dialect import ops

lower = Lowering()


@lower(core.Lookup)
def lookup(op: core.Lookup) -> Value:
    """Comparisons with all keys: the earlier a key, the larger its weight, and the largest wins."""
    x, out = op.x, op.result.type
    texts = "Keras code has no strings (--emit=savedmodel has)"
    require(x.type.dtype is not DType.STR, texts)
    (count,) = op.keys.type.shape
    require_fixed(isinstance(count, int), "Keras code needs a fixed number of keys")
    assert isinstance(count, int)
    if not count:
        ones = ops.OnesLike(x, DType.I32, result_types=out).result
        return ops.Negative(ones, result_types=out).result
    weights = constant(np.arange(count, 0, -1, dtype=np.int32))
    each = out.with_shape((*out.shape, count))
    columns = ops.ExpandDims(x, (-1,), result_types=x.type.with_shape((*out.shape, 1))).result
    equal = ops.Equal(columns, op.keys, result_types=each.with_dtype(DType.BOOL)).result
    weighted = ops.Where(equal, weights, scalar(0, op.result), result_types=each).result
    largest = ops.Max(weighted, (-1,), result_types=out).result
    found = ops.Greater(largest, scalar(0, largest), result_types=out.with_dtype(DType.BOOL)).result
    position = ops.Subtract(scalar(count, largest), largest, result_types=out).result
    return ops.Where(found, position, scalar(-1, largest), result_types=out).result
