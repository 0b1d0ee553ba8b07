"""Trees in the form that graphs walk: one comparison, whatever the modes and missing values."""

from random import Random

import numpy as np
from cmlc.backends import trees
from cmlc.ir.reference.trees import ensemble
from cmlc.ir.types import DType
from hypothesis import given
from hypothesis import strategies as st
from support.modules.tree_builders import random_rows, random_tables


def columns_of(x, walk):
    """What nodes test."""
    found = np.where(walk.negated, -1, 1) * x[:, walk.features]
    return np.where(np.isnan(found) & walk.lowered, -np.inf, found)


def through_complete(row, walk):
    """The leaf that a row reaches in each tree."""
    form = trees.complete(walk)
    places, first = np.arange(len(walk.roots)), 0
    for level in range(form.depth):
        nodes = first + places
        places = 2 * places + (row[form.columns[nodes]] <= form.thresholds[nodes])
        first += len(walk.roots) << level
    return form.leaves[places]


def through_linked(row, walk, leaves):
    form = trees.linked(walk, leaves)
    places = form.starts
    while (places < form.count).any():
        holds = row[form.columns[places]] <= form.thresholds[places]
        places = form.children[2 * places + holds]
    return places - form.count


@given(st.randoms(use_true_random=False))
def test_both_forms_are_the_ensemble(random):
    features, size = random.randint(1, 3), random.randint(1, 3)
    count = random.randint(1, 4)
    tables = random_tables(
        random, DType.F64, features, trees=count, depth=random.randint(0, 5), size=size
    )
    walk = trees.walk(tables)
    x = random_rows(random, DType.F64, 5, features)
    expected = ensemble(x, tables)
    for row, sums in zip(columns_of(x, walk), expected, strict=True):
        for reached in (
            through_complete(row, walk),
            through_linked(row, walk, len(tables.values)),
        ):
            found = tables.base.copy()
            for columns, values in zip(tables.outputs, tables.values[reached], strict=True):
                np.add.at(found, columns[columns >= 0], values[columns >= 0])
            np.testing.assert_array_equal(found, sums)


def test_one_mode_needs_one_kind_of_column():
    tables = random_tables(Random(3), DType.F32, 1, trees=5, depth=3, size=1)
    tables.modes[:], tables.missing[:], tables.thresholds[:] = 0, False, 1
    walk = trees.walk(tables)
    assert (len(walk.features), walk.negated.any(), walk.lowered.any()) == (1, False, False)


def test_shallow_trees_are_made_complete():
    assert trees.walk(deep(4)).is_shallow()
    assert not trees.walk(deep(40)).is_shallow()


def deep(depth):
    """A tree in which one of two children is a leaf."""
    tables = random_tables(Random(0), DType.F32, 1, trees=1, depth=0, size=1)
    nodes = np.arange(depth)
    below = np.stack([np.full(depth, -1), np.where(nodes + 1 < depth, nodes + 1, -1)], 1)
    return type(tables)(
        np.zeros(1, np.int32),
        np.zeros(depth, np.int32),
        np.zeros(depth, np.float32),
        np.zeros(depth, np.int32),
        np.zeros(depth, bool),
        below.astype(np.int32),
        tables.values,
        tables.outputs,
        tables.base,
    )
