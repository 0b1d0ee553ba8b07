"""Lists of entries: run as batches where a function has a batch, else one after the other."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Function
from ..ir.types import Array
from .binding import bind_inputs, has_batch
from .columns import is_table, joined_rows
from .presenting import present_entry

Run = Callable[[Function, Mapping[str, Array]], Mapping[str, Array]]
Single = Callable[[Mapping[str, Any]], dict[str, Any]]
_ENTRIES = 32  # such as images
_ROWS = 1024  # of numbers or vectors, for which a run costs more than computing


class EntryError(CompileError):
    """What is wrong with one entry of a list.

    Attributes:
        index: which.
        own: the same problems, without saying which entry they are about.
    """

    def __init__(self, index: int, own: Sequence[Diagnostic]) -> None:
        self.index = index
        self.own = tuple(own)
        super().__init__(replace(one, message=f"inputs[{index}]: {one.message}") for one in own)


def listed(
    function: Function, entries: Sequence[Mapping[str, Any]], run: Run, single: Single
) -> list[dict[str, Any]]:
    """Core ML's outputs for each entry of a list.

    Args:
        function: what computes them.
        entries: inputs by name.
        run: computes results of arrays.
        single: computes the outputs of one entry.

    Raises:
        EntryError: naming the first entry that is at fault.
    """
    size = _at_once(function)
    return [
        outputs
        for start in range(0, len(entries), size)
        for outputs in _part(function, start, entries[start : start + size], run, single)
    ]


def _part(
    function: Function, start: int, entries: Sequence[Mapping[str, Any]], run: Run, single: Single
) -> list[dict[str, Any]]:
    """The same of entries that may run as one batch; otherwise, and to find a fault, in halves."""
    if len(entries) == 1:
        with _naming_entry(start):
            return [single(entries[0])]
    if (joined := _joined(function, entries)) is not None:
        try:
            results = run(function, joined)
            return [present_entry(function, results, index) for index in range(len(entries))]
        except CompileError:
            pass  # one of them is at fault
    half = len(entries) // 2
    first = _part(function, start, entries[:half], run, single)
    return first + _part(function, start + half, entries[half:], run, single)


@contextmanager
def _naming_entry(index: int) -> Generator[None]:
    """Say in the block's problems which entry of a list they are about.

    Raises:
        EntryError: in place of a CompileError.
    """
    try:
        yield
    except CompileError as error:
        raise EntryError(index, error.diagnostics) from error.__cause__


def _at_once(function: Function) -> int:
    """How many entries of a list run as one batch: more gain nothing and take memory."""
    rows = zip(function.arguments, function.inputs, strict=True)
    are_rows = all(known.batch == "added" and value.type.rank <= 2 for value, known in rows)
    return _ROWS if are_rows else _ENTRIES


def in_batches(function: Function) -> bool:
    """Whether several entries can be one batch: all arguments and results have an open one."""
    rows = zip(function.arguments, function.inputs, strict=True)
    if not function.inputs or not all(has_batch(value, known) for value, known in rows):
        return False
    types = [item.type for item in function.results]
    return all(type.rank and not isinstance(type.shape[0], int) for type in types)


def _joined(function: Function, entries: Sequence[Mapping[str, Any]]) -> dict[str, Array] | None:
    """Single entries as one batch; None if the function has no batch, or the entries don't fit."""
    if not in_batches(function):
        return None
    if is_table(function):
        return joined_rows(function, entries)
    bound: list[Mapping[str, Array]] = []
    for entry in entries:
        try:
            arrays, batched = bind_inputs(function, entry)
        except CompileError:
            return None  # one after the other tells which
        if batched or any(array.shape[0] != 1 for array in arrays.values()):
            return None
        bound.append(arrays)
    if any(_shapes(arrays) != _shapes(bound[0]) for arrays in bound):
        return None
    return {name: np.concatenate([arrays[name] for arrays in bound]) for name in bound[0]}


def _shapes(arrays: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}
