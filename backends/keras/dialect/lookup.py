"""Layers that look elements up in a vocabulary; they run on TensorFlow only."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from .base import KerasLayer


class Lookup(KerasLayer):
    """Base: positions of elements in a vocabulary, i64, behind those of unknown elements.

    With `num_oov_indices` 1, an unknown element is 0 and the first of the vocabulary 1. With 0, the
    first is 0, and an unknown element stops the run.

    If the vocabulary begins with `oov_token`, Keras takes that for the unknown element's own entry.
    """

    written = ("vocabulary",)

    inputs: Value = operand()
    vocabulary: Value = operand(rank=1)
    num_oov_indices: int = attr(default=1)


class StringLookup(Lookup, call="keras.layers.StringLookup"):
    """Of strings."""

    oov_token: str = attr(default="[UNK]")


class IntegerLookup(Lookup, call="keras.layers.IntegerLookup"):
    """Of whole numbers, compared as int64."""

    oov_token: int = attr(default=-1)


OPS = (StringLookup, IntegerLookup)
__all__ = ["Lookup", *(op.__name__ for op in OPS)]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
