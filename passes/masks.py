"""What masks of attention are made of: numbers that leave nothing of a score."""

from ..ir.types import Array

# What masks add at least, so that nothing is left of a score. (Only where the best score is beyond
# the others by as much would a query see what it must not.)
NOTHING_LEFT = -1e4
# A score that this is added to is lost in rounding, in float32: a query without any key sees all
# alike.
ABSORBING = -1e30


def is_mask(array: Array) -> bool:
    """Whether all numbers are 0 or leave nothing of a score, and both occur: nobody learned it."""
    if array.dtype.kind != "f" or array.ndim < 2:
        return False
    seen = array == 0
    return bool(seen.any() and not seen.all() and (seen | (array <= NOTHING_LEFT)).all())
