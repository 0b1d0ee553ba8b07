"""`cmlc-run --compare`: the interpreter and the emitted graph side by side, op by op."""

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...backends.table import load_target
from ..cli import console, printing
from .experiment import (
    Experiment,
    computing_ops,
    interpret,
    keep_results,
    number_text,
    origins,
    origins_text,
    print_table,
    run_lowered,
)

if TYPE_CHECKING:
    from ...ir.deviation import Deviation
    from ...ir.ssa import Function, Module, Op, Value
    from ...ir.types import Array

# Relative to each value's largest number. Rounding errors add up in deep networks: about 1e-4
# after the fifty convolutions of a MobileNet with random weights.
TOLERANCE = 1e-3
# Bytes of values that the graph returns at once; a larger model runs several times.
GROUP_BYTES = 256 << 20
_ASSUMED_EXTENT = 64  # the size of dimensions that are known only at run time


@dataclass(frozen=True)
class OpRow:
    """How far the target's value of an op is off.

    Attributes:
        position: the number of the op among those compared, from 1.
        op: the op in the optimized module.
        value: the name in the IR of the result that is furthest off.
        deviation: the deviation of that result.
    """

    position: int
    op: "Op"
    value: str
    deviation: "Deviation"


@dataclass(frozen=True)
class ResultRow:
    """How far one result of the model is off, and what causes it.

    Attributes:
        name: the name of the result.
        passes: how far the interpreter's result moved through the passes.
        target: how far the target's result is from the interpreter's after the passes.
    """

    name: str
    passes: "Deviation"
    target: "Deviation"


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison; rows of ops are in execution order."""

    ops: tuple[OpRow, ...]
    results: tuple[ResultRow, ...]
    tolerance: float

    def first(self) -> OpRow | None:
        """The first op beyond the tolerance."""
        return next((row for row in self.ops if self.is_beyond(row.deviation)), None)

    def worst(self) -> list[OpRow]:
        """The rows of ops, the largest relative error first."""
        return sorted(self.ops, key=lambda row: -row.deviation.relative)

    def is_beyond(self, found: "Deviation") -> bool:
        return not found.relative <= self.tolerance

    def is_fine(self) -> bool:
        rows = [row.deviation for row in self.ops]
        rows += [part for row in self.results for part in (row.passes, row.target)]
        return not any(map(self.is_beyond, rows))


def compare(
    experiment: Experiment, tolerance: float, progress: Callable[[str], None] = lambda _: None
) -> Comparison:
    """Run both on the same inputs.

    Args:
        experiment: the model; its target needs an executable that runs on arrays.
        tolerance: relative to the largest number of each value.
        progress: called with a description of what runs next.
    """
    from ...compiler.stages import Stages
    from ...ir.deviation import deviation
    from ...ir.interpret import of_one_example

    stages = Stages(experiment.module, experiment.options)
    module, optimized, lowered = stages.batched, stages.optimized, stages.lowered
    experiment = replace(experiment, arrays=of_one_example(module.main, experiment.arrays))
    progress("the interpreter, before passes")
    expected = interpret(module, experiment.arrays)
    rows = _Rows(experiment, optimized, progress)
    ours = interpret(optimized, experiment.arrays, rows.observe)
    progress("the graph")
    given = of_one_example(lowered.main, experiment.arrays)
    theirs = stages.executable.run(given, lowered.main.name)
    # A target's passes may leave results out, such as the class that follows from probabilities.
    results = tuple(
        ResultRow(n, deviation(expected[n], array), deviation(array, theirs[n]))
        for n, array in ours.items()
    )
    return Comparison(tuple(rows.found), results, tolerance)


class _Rows:
    """Compares while the interpreter runs, so that neither side's values are kept.

    The graph returns the values of a group of ops; when the interpreter reaches the next group, the
    graph runs again for that group.
    """

    def __init__(
        self, experiment: Experiment, module: "Module", progress: Callable[[str], None]
    ) -> None:
        from ...ir.text.printer import value_names

        self.experiment = experiment
        self.module = module
        self.progress = progress
        self.names = value_names(module.main)
        self.found: list[OpRow] = []
        self.count = len(computing_ops(module.main))
        self._waiting = groups(module.main, experiment.arrays, GROUP_BYTES)
        self._held: dict[Op, list[Array]] = {}

    def observe(self, op: "Op", results: "tuple[Array, ...]") -> None:
        """Compare the interpreter's results; ops in regions belong to the op around them."""
        from ...ir.deviation import deviation
        from ...ir.dialects.builtin import Constant

        if op.parent is not self.module.main.block or isinstance(op, Constant) or not results:
            return
        if op not in self._held:
            self._held = self._run(next(self._waiting))
        pairs = zip(op.results, results, self._held.pop(op), strict=True)
        rows = [(self.names[value], deviation(a, b)) for value, a, b in pairs]
        value, worst = max(rows, key=lambda row: row[1].relative)
        self.found.append(OpRow(len(self.found) + 1, op, value, worst))

    def _run(self, ops: "list[Op]") -> "dict[Op, list[Array]]":
        first = len(self.found) + 1
        self.progress(f"ops {first} to {first + len(ops) - 1} of {self.count}")
        kept, names = keep_results(self.module, ops)
        values = run_lowered(self.experiment, kept)
        return {op: [values[name] for name in row] for op, row in zip(ops, names, strict=True)}


def groups(function: "Function", arrays: "dict[str, Array]", limit: int) -> "Iterator[list[Op]]":
    """The ops in order, in groups whose results take at most `limit` bytes together."""
    known = _extents(function, arrays)
    group: list[Op] = []
    taken = 0
    for op in computing_ops(function):
        size = sum(_size(value, known) for value in op.results)
        if group and taken + size > limit:
            yield group
            group, taken = [], 0
        group.append(op)
        taken += size
    if group:
        yield group


def _extents(function: "Function", arrays: "dict[str, Array]") -> dict[str, int]:
    """The symbolic dimensions bound by arguments."""
    from ...ir.dims import bare_symbol

    known: dict[str, int] = {}
    for value in function.arguments:
        for dim, size in zip(value.type.shape, arrays[value.name].shape, strict=True):
            if (name := bare_symbol(dim)) is not None:
                known[name] = size
    return known


def _size(value: "Value", known: dict[str, int]) -> int:
    """The size of a value in bytes."""
    from ...ir.dims import substitute

    sizes = (substitute(dim, known) for dim in value.type.shape)
    return value.type.dtype.bytes * math.prod(
        size if isinstance(size, int) else _ASSUMED_EXTENT for size in sizes
    )


# -- for people and programs -----------------------------------------------------------------------


def run_compare(given: argparse.Namespace, experiment: Experiment, progress: Any) -> int:
    """Compare and print; returns 1 if anything is beyond the tolerance."""
    console.start_library(load_target(experiment.options.target).library)
    tolerance = TOLERANCE if given.tolerance is None else given.tolerance
    found = compare(experiment, tolerance, progress)
    if given.json:
        printing.print_json(_facts(found))
    else:
        _print(found, given)
    return 0 if found.is_fine() else console.INPUT_ERROR


def _print(found: Comparison, given: argparse.Namespace) -> None:
    shown = found.worst()[: given.top]
    count = printing.plural(len(found.ops), "op")
    print(f"{count} compared, worst first; the tolerance is {found.tolerance:g}")
    rows = [
        (
            number_text(row.deviation.relative),
            number_text(row.deviation.error),
            number_text(row.deviation.scale),
            f"{row.position}",
            row.op.name,
            f"%{row.value}",
            origins_text(row.op.location),
        )
        for row in shown
    ]
    print_table(("relative", "error", "scale", "place", "op", "value", "Core ML"), rows)
    print("results")
    passes = [
        (number_text(r.passes.relative), number_text(r.target.relative)) for r in found.results
    ]
    names = [row.name for row in found.results]
    print_table(
        ("by passes", "by the graph", "result"),
        [(*pair, name) for pair, name in zip(passes, names, strict=True)],
    )
    first = found.first()
    if first is not None:
        where = origins_text(first.op.location)
        print(f"first beyond the tolerance: %{first.value}, {first.op.name} of {where}")
    if any(found.is_beyond(row.passes) for row in found.results):
        print("passes change the numbers: --bisect-passes finds the rewrite")


def _facts(found: Comparison) -> dict[str, Any]:
    def facts(deviation: "Deviation") -> dict[str, Any]:
        relative = deviation.relative
        return {"error": deviation.error, "scale": deviation.scale, "relative": relative}

    first = found.first()
    return {
        "ok": found.is_fine(),
        "tolerance": found.tolerance,
        "first": None if first is None else first.position,
        "ops": [
            {
                "position": row.position,
                "op": row.op.name,
                "value": row.value,
                "type": str(row.op.results[0].type),
                "locations": origins(row.op.location),
                **facts(row.deviation),
            }
            for row in found.worst()
        ],
        "results": [
            {"name": row.name, "passes": facts(row.passes), "target": facts(row.target)}
            for row in found.results
        ],
    }
