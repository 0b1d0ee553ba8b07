"""Ensembles of trees in the form that graphs walk: one comparison for all nodes, no missing values.

A node asks v <= threshold, where v is one of x's *columns*: a feature as it is or negated, in which
NaN stays (and the answer is no) or is negative infinity (and the answer is yes). That is enough for
every mode, and exact:

    x <= t          as it is, missing values by the kind of column
    x >= t          -x <= -t
    x > t, x < t    x <= t, x >= t with children exchanged
    x == t, x != t  x <= t, and then -x <= -t
"""

from dataclasses import dataclass

import numpy as np

from ..ir.dialects.builtin import array_of
from ..ir.dialects.core.trees import TreeEnsemble
from ..ir.reference.trees import MODES, Tables, heights
from ..ir.types import Array
from .refusals import require, require_fixed

_LE, _LT, _GE, _GT, _EQ, _NE = range(len(MODES))
# Complete trees that are this much larger than the real ones are smaller than what TensorFlow needs
# otherwise, or save so much time that they are worth their memory.
_GROWTH = 8
_SMALL = 1 << 16
_DEEPEST = 16


@dataclass(frozen=True)
class Walk:
    """An ensemble's branch nodes, each of which asks v <= threshold.

    Attributes:
        roots: references, as in `Tables`.
        columns: of each node, which of the columns it tests.
        thresholds: of each node.
        children: references for no and yes, [N, 2].
        features: of each column, the feature.
        negated: of each column, whether it is -x.
        lowered: of each column, whether NaN is negative infinity in it.
    """

    roots: Array
    columns: Array
    thresholds: Array
    children: Array
    features: Array
    negated: Array
    lowered: Array

    @property
    def depths(self) -> Array:
        """How many nodes the longest way from each root to a leaf has."""
        inner = np.zeros(len(self.columns) + 1, np.int64)
        inner[:-1] = heights(self.children)
        return inner[np.where(self.roots < 0, -1, self.roots)]

    def is_shallow(self) -> bool:
        """Whether complete trees of the same depth take little more memory."""
        depth = int(self.depths.max(initial=0))
        if depth > _DEEPEST:
            return False
        size = len(self.roots) << depth
        return size <= max(_SMALL, _GROWTH * (len(self.columns) + len(self.roots)))


@dataclass(frozen=True)
class Complete:
    """Trees filled up to one depth, level by level.

    Attributes:
        depth: how many levels of nodes there are.
        columns: of each node: all trees' nodes of the first level, of the second, and so on.
        thresholds: of each node.
        leaves: the rows of values that the last level's children are, in the same order.
    """

    depth: int
    columns: Array
    thresholds: Array
    leaves: Array


@dataclass(frozen=True)
class Linked:
    """All branch nodes, then all leaves, which lead to themselves.

    Attributes:
        count: how many are branch nodes.
        starts: where each tree begins.
        columns: of each node.
        thresholds: of each node.
        children: for no and yes, one after the other.
    """

    count: int
    starts: Array
    columns: Array
    thresholds: Array
    children: Array


def tables_of(op: TreeEnsemble) -> Tables:
    """The op's tables, without a problem.

    Raises:
        RefusedError: they aren't constants, or are wrong; or the number of features is open.
    """
    arrays = [array_of(value) for value in op.operands[1:]]
    known = [array for array in arrays if array is not None]
    require(len(known) == len(arrays), "a graph is made for trees whose tables are constants")
    features = op.x.type.shape[1]
    fixed = isinstance(features, int)
    require_fixed(fixed, "a graph is made for trees of a known number of features")
    assert isinstance(features, int)
    tables = Tables(*known)
    problem = tables.problem(features)
    require(not problem, f"its tables are wrong: {problem}")
    return tables


def walk(tables: Tables) -> Walk:
    """The form for tables without a problem."""
    modes, missing, children = tables.modes, tables.missing, tables.children
    thresholds = tables.thresholds
    nan = np.isnan(thresholds)
    swapped = np.isin(modes, (_LT, _GT, _NE))
    # No number fits NaN: x <= infinity, which holds for all, leads to where != holds or not.
    swapped = np.where(nan, modes != _NE, swapped)
    negated = ~nan & np.isin(modes, (_LT, _GE))
    thresholds = np.where(nan, np.inf, thresholds).astype(thresholds.dtype)
    thresholds = np.where(negated, -thresholds, thresholds)
    lowered = missing ^ swapped
    children = np.where(swapped[:, None], children[:, ::-1], children)
    features = tables.features
    # Equality is asked by a second node, which the first one leads to.
    equal = np.flatnonzero(~nan & np.isin(modes, (_EQ, _NE)))
    second = children[equal]
    children[equal, 1] = len(modes) + np.arange(len(equal))
    columns = np.stack([features, negated, lowered], 1).astype(np.int64)
    extra = columns[equal] ^ [0, 1, 0]
    used, columns = np.unique(np.concatenate([columns, extra]), axis=0, return_inverse=True)
    return Walk(
        tables.roots,
        columns.ravel().astype(np.int32),
        np.concatenate([thresholds, -thresholds[equal]]),
        np.concatenate([children, second]).astype(np.int32),
        used[:, 0].astype(np.int32),
        used[:, 1].astype(bool),
        used[:, 2].astype(bool),
    )


def complete(trees: Walk) -> Complete:
    """All trees as deep as the deepest; below a leaf, nodes lead to it whatever they ask."""
    depth = int(trees.depths.max(initial=0))
    reached = trees.roots[:, None]
    columns, thresholds = [np.zeros(0, np.int32)], [trees.thresholds[:0]]
    for _ in range(depth):
        inner = reached >= 0
        nodes = np.where(inner, reached, 0)
        columns.append(np.where(inner, trees.columns[nodes], 0).ravel())
        thresholds.append(np.where(inner, trees.thresholds[nodes], 0).ravel())
        below = np.where(inner[..., None], trees.children[nodes], reached[..., None])
        reached = below.reshape(len(reached), -1)
    joined = np.concatenate(columns).astype(np.int32)
    leaves = (-1 - reached).ravel().astype(np.int32)
    return Complete(depth, joined, np.concatenate(thresholds), leaves)


def linked(trees: Walk, leaves: int) -> Linked:
    """Nodes and leaves numbered as one; `leaves` is how many rows the values have."""
    count = len(trees.columns)
    own = np.repeat(np.arange(count, count + leaves)[:, None], 2, 1)
    children = np.concatenate([_numbered(trees.children, count), own])
    return Linked(
        count,
        _numbered(trees.roots, count),
        np.pad(trees.columns, (0, leaves)),
        np.pad(trees.thresholds, (0, leaves)),
        children.ravel().astype(np.int32),
    )


def _numbered(references: Array, count: int) -> Array:
    """Leaves behind `count` branch nodes."""
    return np.where(references < 0, count - 1 - references, references).astype(np.int32)
