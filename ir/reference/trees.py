"""Ensembles of decision trees: what their tables have to hold, and a walk of all rows at once."""

from dataclasses import dataclass

import numpy as np

from .precision import Array, widen

MODES = ("<=", "<", ">=", ">", "==", "!=")
# Whether a comparison holds where x is less than the threshold, equal, greater, or neither.
_HOLDS = np.array(
    [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 1]], bool
)
_LARGEST = 1 << 20  # numbers of an intermediate array; more rows are walked in turns


@dataclass(frozen=True)
class Tables:
    """The tables of an ensemble; see the core op `tree.ensemble` for what each is.

    A reference is the number of a branch node, or -1 - row for a row of `values`, a leaf.
    """

    roots: Array
    features: Array
    thresholds: Array
    modes: Array
    missing: Array
    children: Array
    values: Array
    outputs: Array
    base: Array

    def problem(self, columns: int) -> str:
        """What is wrong with the numbers, in a sentence; empty if nothing is.

        Args:
            columns: how many features x has.
        """
        count, rows = len(self.features), len(self.values)
        limits = (
            ("roots", self.roots, -rows, count, "node"),
            ("children", self.children, -rows, count, "node"),
            ("features", self.features, 0, columns, "feature"),
            ("modes", self.modes, 0, len(MODES), "mode"),
            ("outputs", self.outputs, -1, len(self.base), "result column"),
        )
        for name, table, low, high, what in limits:
            wrong = np.argwhere((table < low) | (table >= high))
            if len(wrong):
                place = ", ".join(map(str, wrong[0]))
                found = int(table[tuple(wrong[0])])
                if what == "node" and found < 0:
                    return f"{name}[{place}] is leaf {-1 - found} of {rows}"
                return f"{name}[{place}] is {what} {found} of {high}"
        lost = np.flatnonzero(heights(self.children) == 0)
        return f"node {lost[0]} is reached from itself" if len(lost) else ""


def heights(children: Array) -> Array:
    """How many branch nodes the longest way from each one to a leaf has; 0 in circles."""
    found = np.zeros(len(children), np.int32)
    left = np.arange(len(found))
    height = 0
    while len(left):
        height += 1
        below = children[left]
        ready = ((below < 0) | (found[np.maximum(below, 0)] > 0)).all(1)
        if not ready.any():
            break
        found[left[ready]] = height
        left = left[~ready]
    return found


def ensemble(x: Array, tables: Tables) -> Array:
    """base + the values of the leaf that each row reaches in each tree.

    Args:
        x: [B, F]; thresholds are compared in its dtype.
        tables: the trees; values are added in x's working dtype.

    Returns:
        [B, D] of x's dtype.

    Raises:
        ValueError: the tables are wrong.
    """
    problem = tables.problem(x.shape[1])
    if problem:
        raise ValueError(problem)
    trees, width = tables.outputs.shape
    step = max(1, _LARGEST // max(trees * width, trees, 1))
    parts = [_sums(x[i : i + step], tables) for i in range(0, len(x), step)]
    found = np.concatenate(parts) if parts else np.zeros((0, len(tables.base)))
    return found.astype(x.dtype)


def _sums(x: Array, tables: Tables) -> Array:
    """The same for a few rows, in the working dtype."""
    leaves = widen(tables.values)[-1 - _reached(x, tables)].reshape(len(x), -1)
    base = widen(tables.base)
    columns = tables.outputs.ravel()
    sums = [leaves[:, columns == column].sum(1) for column in range(len(base))]
    return base + np.stack(sums, 1) if sums else np.zeros((len(x), 0))


def _reached(x: Array, tables: Tables) -> Array:
    """The reference of the leaf that each row reaches in each tree, [B, T]."""
    reached = np.tile(tables.roots, (len(x), 1))
    rows, trees = np.nonzero(reached >= 0)
    while len(rows):
        nodes = reached[rows, trees]
        value, threshold = x[rows, tables.features[nodes]], tables.thresholds[nodes]
        tests = (value < threshold, value == threshold, value > threshold)
        relation = np.select(tests, (0, 1, 2), 3)
        holds = _HOLDS[tables.modes[nodes], relation]
        taken = np.where(np.isnan(value), tables.missing[nodes], holds)
        below = tables.children[nodes, taken.astype(np.int32)]
        reached[rows, trees] = below
        rows, trees = rows[below >= 0], trees[below >= 0]
    return reached
