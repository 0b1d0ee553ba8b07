"""Canonicalization: one preferred form for everything, so that other patterns see fewer forms."""

from dataclasses import dataclass

from ..manager import PatternPass
from . import (
    activation,
    control,
    conv,
    elementwise,
    fill,
    index,
    linear,
    lookup,
    recurrent,
    reduce,
    shape,
)


@dataclass(frozen=True)
class Canonicalize(PatternPass):
    """Rewrite every op to its preferred form; constants go right, no-ops vanish."""

    name = "canonicalize"
    patterns = (
        *elementwise.PATTERNS,
        *activation.PATTERNS,
        *shape.PATTERNS,
        *fill.PATTERNS,
        *reduce.PATTERNS,
        *conv.PATTERNS,
        *index.PATTERNS,
        *linear.PATTERNS,
        *lookup.PATTERNS,
        *recurrent.PATTERNS,
        *control.PATTERNS,
    )
