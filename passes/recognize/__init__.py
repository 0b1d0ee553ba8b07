"""Raises chains of small ops, as exporters write them, to the one op that they spell out."""

from dataclasses import dataclass

from ..manager import PatternPass
from . import activation, blocks, linear, norm


@dataclass(frozen=True)
class Recognize(PatternPass):
    """Fold chains that spell out an op (an activation, a norm, a pixel shuffle) into that op.

    Expects `canonicalize` and `cse` before it: constants on the right, equal values computed once.
    """

    name = "recognize"
    patterns = (*activation.PATTERNS, *norm.PATTERNS, *linear.PATTERNS, *blocks.PATTERNS)
