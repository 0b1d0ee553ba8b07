"""Statistics of weights, for people."""

from dataclasses import dataclass

import numpy as np

from ..types import Array

BINS = 24


@dataclass(frozen=True)
class Statistics:
    """The contents of an array; all but the fraction of zeros are of finite elements only.

    Attributes:
        least, largest, mean, deviation: of the elements, computed in float64.
        zeros: the fraction of elements that are zero, from 0 to 1.
        odd: how many elements are infinite or NaN.
        bins: how many elements are in each of `BINS` equal intervals from least to largest.
    """

    least: float
    largest: float
    mean: float
    deviation: float
    zeros: float
    odd: int
    bins: tuple[int, ...]

    @property
    def text(self) -> str:
        """One line, with four digits."""
        odd = f", {self.odd} not finite" if self.odd else ""
        return (
            f"min {self.least:.4g}, max {self.largest:.4g}, mean {self.mean:.4g}, "
            f"std {self.deviation:.4g}, zeros {self.zeros:.1%}{odd}"
        )


def statistics(array: Array) -> Statistics | None:
    """The statistics of a numeric array with finite elements; None for others."""
    if array.dtype.kind not in "fiub" or not array.size:
        return None
    numbers = np.ravel(array)
    finite = numbers[np.isfinite(numbers)].astype(np.float64)
    if not finite.size:
        return None
    least, largest = float(finite.min()), float(finite.max())
    # Halves, so that the width of the widest range is finite.
    places = (finite / 2 - least / 2) / ((largest / 2 - least / 2) or 1.0) * BINS
    counts = np.bincount(np.minimum(places.astype(np.int64), BINS - 1), minlength=BINS)
    with np.errstate(over="ignore"):
        mean, deviation = float(finite.mean()), float(finite.std())
    zeros = 1 - np.count_nonzero(numbers) / numbers.size
    odd = int(numbers.size - finite.size)
    return Statistics(least, largest, mean, deviation, zeros, odd, tuple(map(int, counts)))
