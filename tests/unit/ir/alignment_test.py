"""The alignment of two sequences: a longest common subsequence, or close to one."""

from itertools import pairwise
from random import Random

from cmlc.ir.diff.align import align, longest_increasing
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_alignment_is_a_longest_common_subsequence(a, b):
    pairs = align(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(pairs))
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            best = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else best
    assert len(pairs) == table[-1][-1]


def test_alignment_of_what_differs_much():
    random = Random(0)
    a, b = ([random.randrange(50) for _ in range(3000)] for _ in range(2))
    pairs = align(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert len(pairs) > 300


@given(st.lists(st.integers(), unique=True))
def test_longest_increasing(numbers):
    found = [numbers[i] for i in longest_increasing(numbers)]
    assert found == sorted(found)
    assert bool(found) == bool(numbers)
