"""Decision trees."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import trees as core
from ....ir.reference.trees import Tables
from ....ir.ssa import Value
from ....ir.types import DType, Type
from ... import trees
from ...lowering import Lowering
from .. import dialect as tf
from .extents import extents_from

# Trees times rows of one turn: arrays of more numbers don't stay in the cache between two calls.
_AT_ONCE = 1 << 17
# How much larger than the leaves' values a copy for each place that leads to a leaf may be.
_COPIES = 4


def lowering(at_once: int) -> Lowering:
    """The family's rules.

    Args:
        at_once: how many trees times rows are walked in a turn; 0 for all.
    """
    lower = Lowering()

    @lower(core.TreeEnsemble)
    def ensemble(op: core.TreeEnsemble) -> Value:
        """A walk with one comparison, through complete trees where they aren't much larger."""
        tables, out = trees.tables_of(op), op.result.type
        if not tables.outputs.size or not len(tables.base):
            shape = extents_from(op.x, out.shape)
            return tf.BroadcastToDynamic(op.base, shape, result_types=out).result
        step = max(1, at_once // tables.outputs.size)
        wide = out.with_dtype(DType.F32) if out.dtype is DType.F16 else out
        found = _walked(_cast(op.x, wide), tables, step if at_once else 0, wide)
        base = constant(tables.base.astype(wide.dtype.numpy))
        return _cast(tf.Add(found, base, result_types=wide).result, out)

    return lower


def _cast(x: Value, like: Type) -> Value:
    """x in the dtype of a type."""
    if x.type.dtype is like.dtype:
        return x
    return tf.Cast(x, like.dtype, result_types=x.type.with_dtype(like.dtype)).result


def _walked(x: Value, tables: Tables, step: int, out: Type) -> Value:
    """The sums of the leaves that rows reach, [B, D]."""
    walk, values = trees.walk(tables), tables.values.astype(out.dtype.numpy)
    size, (count, width) = len(tables.base), tables.outputs.shape
    ordered = width == size and (tables.outputs == np.arange(size)).all()
    segments = None if ordered else constant(tables.outputs.ravel())
    thresholds = out.dtype.numpy
    columns = _columns(x, walk)
    if not walk.is_shallow():
        chain = trees.linked(walk, len(values))
        return tf.LinkedTrees(
            columns,
            constant(chain.columns),
            constant(chain.thresholds.astype(thresholds)),
            constant(chain.children),
            constant(chain.starts),
            constant(values),
            segments=segments,
            count=chain.count,
            size=size,
            step=step,
            result_types=out,
        ).result
    filled = trees.complete(walk)
    leaves = None
    if len(filled.leaves) <= _COPIES * len(values):
        values = values[filled.leaves]
    else:
        leaves = constant(filled.leaves)
    return tf.CompleteTrees(
        columns,
        constant(filled.columns),
        constant(filled.thresholds.astype(thresholds)),
        constant(values),
        leaves=leaves,
        segments=segments,
        trees=count,
        depth=filled.depth,
        size=size,
        step=step,
        result_types=out,
    ).result


def _columns(x: Value, walk: trees.Walk) -> Value:
    """The columns that nodes test, [B, C]; x if none does."""
    if not len(walk.features):
        return x
    found, count = x, len(walk.features)
    kind = x.type.with_shape((x.type.shape[0], count))
    if not np.array_equal(walk.features, np.arange(_extent(x))):
        found = tf.Gather(found, constant(walk.features), 1, result_types=kind).result
    if walk.negated.any():
        signs = constant(np.where(walk.negated, -1, 1).astype(kind.dtype.numpy))
        found = tf.Multiply(found, signs, result_types=kind).result
    if walk.lowered.any():
        truth = kind.with_dtype(DType.BOOL)
        missing = tf.IsNan(found, result_types=truth).result
        if not walk.lowered.all():
            chosen = constant(walk.lowered)
            missing = tf.LogicalAnd(missing, chosen, result_types=truth).result
        found = tf.Where(missing, scalar(-np.inf, found), found, result_types=kind).result
    return found


def _extent(x: Value) -> int:
    """How many features there are."""
    extent = x.type.shape[1]
    assert isinstance(extent, int)  # required of the op
    return extent


lower = lowering(_AT_ONCE)
