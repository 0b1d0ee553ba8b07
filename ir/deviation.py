"""How far two arrays differ: one measure for comparisons, searches and reductions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .types import Array


@dataclass(frozen=True)
class Deviation:
    """The largest error of an array.

    Attributes:
        error: the largest absolute difference; infinite where only one side is finite, for strings
            that differ, and for different shapes.
        scale: the largest finite absolute number expected; 1 if all are zero.
    """

    error: float = 0.0
    scale: float = 1.0

    @property
    def relative(self) -> float:
        """The error in units of the scale."""
        return self.error / self.scale


def deviation(expected: Array, got: Array) -> Deviation:
    """How far `got` is from the expected array; equal infinities agree, and so do NaNs."""
    if expected.shape != got.shape or (expected.dtype.kind in "OSU") != (got.dtype.kind in "OSU"):
        return Deviation(np.inf)
    if expected.dtype.kind in "OSU":
        return Deviation(0.0 if [*map(_text, expected.flat)] == [*map(_text, got.flat)] else np.inf)
    if not expected.size:
        return Deviation()
    with np.errstate(all="ignore"):
        finite = np.isfinite(expected)
        scale = float(np.max(np.abs(expected, dtype=np.float64), where=finite, initial=0.0))
        difference = np.abs(np.subtract(expected, got, dtype=np.float64))
        alike = (expected == got) | (np.isnan(expected) & np.isnan(got))
        difference = np.where(alike, 0.0, np.where(np.isnan(difference), np.inf, difference))
    return Deviation(float(difference.max()), scale or 1.0)


def worst(expected: Mapping[str, Array], got: Mapping[str, Array]) -> tuple[str, Deviation]:
    """(name, deviation) of the array that is furthest off, among those that both sides have."""
    rows = [(name, deviation(array, got[name])) for name, array in expected.items() if name in got]
    return max(rows, key=lambda row: row[1].relative, default=("", Deviation()))


def _text(item: object) -> str:
    return item.decode(errors="replace") if isinstance(item, bytes) else str(item)
