"""Decision trees."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import trees as core
from ....ir.reference.trees import Tables
from ....ir.ssa import Value
from ....ir.types import DType
from ... import trees
from ...lowering import Lowering
from ...refusals import require
from ..dialect import ops
from .shape import reshaped_to

lower = Lowering()

# Each level of nodes is five calls of the model.
_DEEPEST = 100


@lower(core.TreeEnsemble)
def ensemble(op: core.TreeEnsemble) -> Value:
    """A function of the code walks nodes and leaves as one table, as many steps as trees are deep.

    What leaves add is summed over all trees, by the column that each of their values is for.
    """
    tables, out = trees.tables_of(op), op.result.type
    single = "trees are walked in float32 (--precision=float32)"
    require(out.dtype is DType.F32, single)
    size, (count, width) = len(tables.base), tables.outputs.shape
    require(bool(count and width and size), "an ensemble without trees computes nothing")
    walk = trees.walk(tables)
    depth = int(walk.depths.max(initial=0))
    deep = f"trees of {depth} levels would be as many steps (--emit=savedmodel has a loop)"
    require(depth <= _DEEPEST, deep)
    chain = trees.linked(walk, len(tables.values))
    added = ops.WalkTrees(
        _columns(op.x, walk),
        constant(chain.starts, "starts"),
        constant(chain.columns, "columns"),
        constant(chain.thresholds, "thresholds"),
        constant(chain.children, "children"),
        op.values,
        depth=depth,
        result_types=out.with_shape((out.shape[0], count, width)),
    ).result
    return ops.Add(_summed(added, tables, op), op.base, result_types=out).result


def _summed(added: Value, tables: Tables, op: core.TreeEnsemble) -> Value:
    """[B, T, W] as [B, D]."""
    out = op.result.type
    rows, size = out.shape
    if tables.outputs.shape[1] == size and (tables.outputs == np.arange(len(tables.base))).all():
        return ops.Sum(added, (1,), result_types=out).result
    flat = reshaped_to(added, (rows, tables.outputs.size))
    turned = out.with_shape((tables.outputs.size, rows))
    lines = ops.Transpose(flat, (1, 0), result_types=turned).result
    # What is for no column is summed in one behind them.
    columns = tables.outputs.ravel()
    unused = bool((columns < 0).any())
    sums = out.with_shape((len(tables.base) + unused, rows))
    found = ops.SegmentSum(
        lines,
        constant(np.where(columns < 0, len(tables.base), columns).astype(np.int32), "outputs"),
        len(tables.base) + unused,
        result_types=sums,
    ).result
    found = ops.Transpose(found, (1, 0), result_types=sums.with_shape(sums.shape[::-1])).result
    if unused:
        found = ops.Getitem(found, f":, :{len(tables.base)}", result_types=out).result
    return found


def _columns(x: Value, walk: trees.Walk) -> Value:
    """The columns that nodes test, [B, C]; x if none does."""
    if not len(walk.features):
        return x
    found, count = x, len(walk.features)
    kind = x.type.with_shape((x.type.shape[0], count))
    if walk.features.tolist() != [*range(kind.with_shape(x.type.shape[1:]).static_shape[0])]:
        found = ops.Take(found, constant(walk.features, "features"), 1, result_types=kind).result
    if walk.negated.any():
        signs = constant(np.where(walk.negated, -1, 1).astype(np.float32), "signs")
        found = ops.Multiply(found, signs, result_types=kind).result
    if walk.lowered.any():
        truth = kind.with_dtype(DType.BOOL)
        missing = ops.NotEqual(found, found, result_types=truth).result
        fill = np.where(walk.lowered, np.float32(-np.inf), np.float32(np.nan))
        fill = scalar(-np.inf, found) if walk.lowered.all() else constant(fill, "missing")
        found = ops.Where(missing, fill, found, result_types=kind).result
    return found
