"""Slices that are written, and states that a graph keeps in variables.

An operand `state` is the argument of a function that is a variable there, not its value. What reads
or writes it has effects: the order of the ops in the text is the order in which they run.
"""

from typing import Literal

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from .base import TfOp


class SliceUpdate(TfOp, call="kernels.slice_update"):
    """x with an update from a computed position on, as rows at multi-indices.

    `depth` is how many of the first dimensions the slice cuts; it takes the others whole.
    """

    x: Value = operand()
    update: Value = operand()
    begin: Value = operand()
    strides: tuple[int, ...] = attr()
    depth: int = attr()


class SlicePositions(TfOp, call="kernels.slice_positions"):
    """The multi-indices of the rows that an update is written to, in i32; see `SliceUpdate`."""

    update: Value = operand()
    begin: Value = operand()
    strides: tuple[int, ...] = attr()
    depth: int = attr()


class DynamicUpdateSlice(TfOp, call="kernels.dynamic_update_slice"):
    """The same for TFLite, whose operation has no strides; a position outside is an error."""

    x: Value = operand()
    update: Value = operand()
    begin: Value = operand()


class _OnState(TfOp):
    """What works on a variable."""

    state: Value = operand()

    def effects(self) -> bool:
        return True


class ReadState(_OnState, call="kernels.read_state"):
    """All of a state; a copy once slices of it were written."""


class WriteState(_OnState, call="kernels.write_state"):
    """Sets a state."""

    value: Value = operand()


class ReadSlice(_OnState, call="kernels.read_slice"):
    """A slice of a state, without copying the rest.

    Along `axes` it goes between computed positions, which count from the end if they are negative:
    entries of `begin` and `end`, of which -1 is the edge. Along others it goes from `first` to
    `last` by `strides`.
    """

    axes: tuple[int, ...] = attr()
    begins: tuple[int, ...] = attr()
    ends: tuple[int, ...] = attr()
    first: tuple[int, ...] = attr()
    last: tuple[int, ...] = attr()
    strides: tuple[int, ...] = attr()
    begin: Value | None = operand(default=None)
    end: Value | None = operand(default=None)


class WriteSlice(_OnState, call="kernels.write_slice"):
    """Writes a slice of a state in place, from a computed position on; see `SliceUpdate`."""

    update: Value = operand()
    begin: Value = operand()
    strides: tuple[int, ...] = attr()


class GatherState(_OnState, call="kernels.gather_state"):
    """Slices of a state at multi-indices."""

    indices: Value = operand()


class ScatterState(_OnState, call="kernels.scatter_state"):
    """Combines slices of a state with updates, in place."""

    indices: Value = operand()
    updates: Value = operand()
    combine: Literal["update", "add", "sub", "max", "min"] = attr()


OPS = (
    *(SliceUpdate, SlicePositions, DynamicUpdateSlice),
    *(ReadState, WriteState, ReadSlice, WriteSlice, GatherState, ScatterState),
)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
