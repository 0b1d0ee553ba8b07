"""Ensembles of trees: the walk of all rows at once is a walk of each row down each tree."""

import operator
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from cmlc.ir.reference import trees
from cmlc.ir.types import DType
from hypothesis import given
from hypothesis import strategies as st
from support.modules.tree_builders import Grown, random_rows, random_tables

COMPARISONS = (operator.le, operator.lt, operator.ge, operator.gt, operator.eq, operator.ne)


def walked(x, tables):
    """The definition, number by number."""
    result = np.tile(tables.base, (len(x), 1))
    for row, sums in zip(x, result, strict=True):
        for root, columns in zip(tables.roots, tables.outputs, strict=True):
            reference = root
            while reference >= 0:
                value = row[tables.features[reference]]
                compare = COMPARISONS[tables.modes[reference]]
                holds = compare(value, tables.thresholds[reference])
                taken = tables.missing[reference] if np.isnan(value) else holds
                reference = tables.children[reference][int(taken)]
            for column, number in zip(columns, tables.values[-1 - reference], strict=True):
                if column >= 0:
                    sums[column] += number
    return result


@given(st.randoms(use_true_random=False), st.sampled_from((DType.F16, DType.F32, DType.F64)))
def test_each_row_by_itself(random, dtype):
    features = random.randint(1, 3)
    shape = {"trees": random.randint(0, 5), "depth": random.randint(0, 5)}
    tables = random_tables(random, dtype, features, size=random.randint(1, 3), **shape)
    x = random_rows(random, dtype, random.randint(0, 6), features)
    found = trees.ensemble(x, tables)
    assert found.dtype == dtype.numpy
    np.testing.assert_array_equal(found, walked(x, tables))


def test_rows_in_turns(monkeypatch):
    random = Random(0)
    tables = random_tables(random, DType.F64, 2, trees=3, depth=4, size=2)
    x = random_rows(random, DType.F64, 20, 2)
    whole = trees.ensemble(x, tables)
    monkeypatch.setattr(trees, "_LARGEST", 20)
    np.testing.assert_array_equal(trees.ensemble(x, tables), whole)


def chain(length):
    """One tree, in which every node but the last leads to the next one."""
    grown = Grown(Random(0), 1, 1, (0,))
    grown.leaves = [[number] for number in range(length + 1)]
    grown.nodes = [(0, float(number), 0, False) for number in range(length)]
    grown.children = [(number + 1, -1 - number) for number in range(length - 1)]
    grown.children.append((-1 - length, -length))
    return grown.tables([0], np.zeros((1, 1)), np.zeros(1))


def test_a_deep_tree():
    tables = chain(300)
    np.testing.assert_array_equal(
        trees.ensemble(np.array([[-1.0], [41.5], [299.0], [1000.0], [np.nan]]), tables),
        [[0], [42], [299], [300], [300]],
    )
    assert trees.heights(tables.children).max() == 300


def test_a_circle_is_found_wherever_it_is():
    tables = chain(5)
    children = tables.children.copy()
    children[4] = 3, 3
    assert replace(tables, children=children).problem(1) == "node 0 is reached from itself"


@pytest.mark.parametrize("name", ["roots", "children"])
def test_references_beyond_the_tables(name):
    tables = chain(3)
    for number, what in ((3, "is node 3 of 3"), (-5, "is leaf 4 of 4")):
        table = getattr(tables, name).copy()
        table[...] = number
        assert what in replace(tables, **{name: table}).problem(1)
