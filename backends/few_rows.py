"""Functions of trees for few rows, by numpy: calling a library takes longer than the walk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..ir.diagnostics import CompileError
from ..ir.dialects.builtin import Call, Constant, array_of
from ..ir.dialects.core.trees import TreeEnsemble
from ..ir.failures import FAILURES, failure
from ..ir.hooks import hook_of
from ..ir.reference.trees import Tables
from ..ir.ssa import Function, Op, Value
from ..ir.types import Array, Tensor
from . import trees

_AT_ONCE = 1 << 17  # trees times rows; beyond it, libraries are as fast
_SMALL = 1 << 12  # numbers of a value that numpy handles in the time of a library's call

Kernel = Callable[..., Any]
Cells = Callable[[Array], Array]


@dataclass(frozen=True)
class FewRows:
    """A function that numpy computes for few rows.

    Attributes:
        function: what is computed.
        rows: the most rows that it is meant for.
        constants: the values that are known.
        steps: what computes the others, in order.
    """

    function: Function
    rows: int
    constants: Mapping[Value, Array]
    steps: tuple[tuple[Op, Kernel], ...]

    def fits(self, arrays: Mapping[str, Array]) -> bool:
        """Whether the arguments, given by name, have few rows, and all of them as many."""
        counts = {
            len(arrays[value.name])
            for value in self.function.arguments
            if value.type.rank and not isinstance(value.type.shape[0], int)
        }
        return len(counts) < 2 and max(counts, default=1) <= self.rows

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Results by name, as `Executable.run` gives them.

        Raises:
            CompileError: the inputs don't fit.
        """
        values = dict(self.constants)
        values.update((value, arrays[value.name]) for value in self.function.arguments)
        with np.errstate(all="ignore"):
            for op, kernel in self.steps:
                try:
                    results = kernel(values)
                except FAILURES as error:
                    raise CompileError(failure(op, error)) from error
                several = results if isinstance(results, tuple) else (results,)
                values.update(zip(op.results, several, strict=True))
        named = zip(self.function.result_names, self.function.results, strict=True)
        return {name: np.asarray(values[value]) for name, value in named}


def few_rows(function: Function) -> FewRows | None:
    """The function for few rows; None if a library computes it better, or numpy can't.

    That is a function of at least one ensemble of trees, in which nothing else is large, is a check
    at run time, draws numbers, or has regions.
    """
    ops = [op for op in function.block if not op.is_terminator]
    walks = {op: trees.tables_of(op) for op in ops if isinstance(op, TreeEnsemble)}
    most = max((tables.outputs.size for tables in walks.values()), default=0)
    if not most or any(known.kind == "state" for known in function.inputs):
        return None
    read, steps = set(function.results), list[tuple[Op, Kernel]]()
    for op in ops:
        if isinstance(op, Constant):
            continue
        kernel = _walking(op, walks[op]) if isinstance(op, TreeEnsemble) else _evaluating(op)
        if kernel is None:
            return None
        read.update((op.x,) if isinstance(op, TreeEnsemble) else op.operands)
        steps.append((op, kernel))
    if not all(_is_small(value.type) for value in read):
        return None
    constants = {value: array for value in read if (array := array_of(value)) is not None}
    return FewRows(function, max(1, _AT_ONCE // most), constants, tuple(steps))


def _is_small(kind: Tensor) -> bool:
    """Whether a row has few numbers of a value, and each row as many."""
    sizes = [dim for dim in kind.shape[1:] if isinstance(dim, int)]
    first = [dim for dim in kind.shape[:1] if isinstance(dim, int)]
    return len(sizes) == len(kind.shape[1:]) and prod(first + sizes) <= _SMALL


def _evaluating(op: Op) -> Kernel | None:
    """The op's reference semantics of values; None if it isn't a plain function of them."""
    evaluate = hook_of(op, "evaluate")
    if evaluate is None or op.effects() or any(op.all_regions()) or isinstance(op, Call):
        return None
    operands = tuple(op.grouped(op.operands).values())

    def kernel(values: Mapping[Value, Array]) -> Any:
        return evaluate(*(_given(values, operand) for operand in operands))

    return kernel


def _given(values: Mapping[Value, Array], operand: Any) -> Any:
    """What a declared operand is: an array, None or a tuple of arrays."""
    if isinstance(operand, tuple):
        return tuple(values[value] for value in operand)
    return None if operand is None else values[operand]


# -- trees -------------------------------------------------------------------------------------


def _walking(op: TreeEnsemble, tables: Tables) -> Kernel:
    """The sums of the leaves that rows reach, by the forms and in the dtypes of graphs."""
    out = op.result.type.dtype.numpy
    wide = np.dtype(np.float32) if out.itemsize < 4 else out
    walk = trees.walk(tables)
    columns = _columns(walk)
    reached = _complete(walk, wide) if walk.is_shallow() else _linked(walk, tables, wide)
    sums = _sums(tables, tables.values.astype(wide))
    base = tables.base.astype(wide)

    def kernel(values: Mapping[Value, Array]) -> Array:
        x = columns(values[op.x].astype(wide, copy=False))
        return (sums(reached(x), len(x)) + base).astype(out, copy=False)

    return kernel


def _columns(walk: trees.Walk) -> Cells:
    """What nodes test, [B, C], of x."""
    in_order = np.array_equal(walk.features, np.arange(len(walk.features)))
    count = len(walk.features)

    def columns(x: Array) -> Array:
        found = x if in_order and x.shape[1] == count else x[:, walk.features]
        if walk.negated.any():
            found = np.where(walk.negated, -found, found)
        if walk.lowered.any():
            found = np.where(np.isnan(found) & walk.lowered, found.dtype.type(-np.inf), found)
        return found

    return columns


def _cells(x: Array) -> Cells:
    """What finds each row's number in given columns of x, [trees, rows]."""
    if len(x) == 1:
        return x[0].take
    flat, rows = x.ravel(), np.arange(len(x)) * x.shape[1]
    return lambda columns: flat.take(columns + rows)


def _complete(walk: trees.Walk, dtype: np.dtype[Any]) -> Cells:
    """The rows of values that are reached in complete trees, [trees, rows]."""
    form = trees.complete(walk)
    count, levels, first = len(walk.roots), list[tuple[Array, Array]](), 0
    for level in range(form.depth):
        part = slice(first, first + (count << level))
        columns = form.columns[part].astype(np.intp)
        levels.append((columns, form.thresholds[part].astype(dtype)))
        first = part.stop
    leaves = form.leaves.astype(np.intp)

    def reached(x: Array) -> Array:
        cell = _cells(x)
        place = np.repeat(np.arange(count)[:, None], len(x), 1)
        for columns, thresholds in levels:
            holds = cell(columns.take(place)) <= thresholds.take(place)
            place += place
            place += holds
        return leaves.take(place)

    return reached


def _linked(walk: trees.Walk, tables: Tables, dtype: np.dtype[Any]) -> Cells:
    """The same for trees whose nodes name their children."""
    form = trees.linked(walk, len(tables.values))
    columns, children = form.columns.astype(np.intp), form.children.astype(np.intp)
    thresholds, starts = form.thresholds.astype(dtype), form.starts.astype(np.intp)

    def reached(x: Array) -> Array:
        cell = _cells(x)
        place = np.repeat(starts[:, None], len(x), 1)
        while (place < form.count).any():
            holds = cell(columns.take(place)) <= thresholds.take(place)
            place = children.take(2 * place + holds)
        return place - form.count

    return reached


def _sums(tables: Tables, values: Array) -> Callable[[Array, int], Array]:
    """What adds up the values [rows, size] of the leaves that are reached, [trees, rows]."""
    size, width = len(tables.base), tables.outputs.shape[1]
    if width == size == 1 and not tables.outputs.any():
        single = values.ravel()
        return lambda leaves, _: single.take(leaves).sum(0)[:, None]
    outputs = tables.outputs.ravel()
    order = np.argsort(outputs, kind="stable")[(outputs < 0).sum() :]
    present, starts = np.unique(outputs[order], return_index=True)

    def sums(leaves: Array, rows: int) -> Array:
        found = np.zeros((rows, size), values.dtype)
        if rows and len(order):
            lines = values[leaves.T].reshape(rows, -1)[:, order]
            found[:, present] = np.add.reduceat(lines, starts, axis=1)
        return found

    return sums
