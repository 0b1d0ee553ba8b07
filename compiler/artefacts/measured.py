"""How far what is written is off, against the interpreter in float32."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...ir.deviation import deviation
from ...ir.diagnostics import CompileError
from ...ir.interpret import run
from ...ir.ssa import Module
from ...ir.types import Array
from ..binding import bind_inputs
from ..input_files import random_values
from .samples import Samples

MEASURED = 8  # samples that errors are taken from


@dataclass(frozen=True)
class Errors:
    """What was measured.

    Attributes:
        largest: the largest error of each output, relative to the largest of its numbers.
        on: which inputs it was measured on.
        samples: how many typical inputs there were.
        problem: why nothing could be measured; empty otherwise.
    """

    largest: Mapping[str, float] = field(default_factory=dict[str, float])
    on: str = ""
    samples: int = 0
    problem: str = ""

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        on = f"nothing: {self.problem}" if self.problem else self.on
        return {"errors": self.largest, "measured_on": on}

    def rows(self) -> tuple[tuple[str, str], ...]:
        """The same for people."""
        if self.problem:
            return (("error", f"not measured: {self.problem}"),)
        rows = [
            f"{name}: {error:.1e} of its largest number" for name, error in self.largest.items()
        ]
        rows.append(f"on {self.on}, against the interpreter in float32")
        return tuple(("" if position else "error", row) for position, row in enumerate(rows))


def measure(
    module: Module,
    computes: Callable[[Mapping[str, Array]], Mapping[str, Array]],
    samples: Samples | None,
) -> Errors:
    """The errors of what computes a module's default function.

    A model may have no use for random inputs: indices beyond a table, divisors of 0, shapes that
    don't fit each other. Then nothing is measured.

    Args:
        module: in core IR, as it was lowered.
        computes: outputs by name for inputs by name.
        samples: typical inputs; random numbers without them.

    Raises:
        CompileError: a sample can't be read, or can't be computed.
    """
    function, found, is_empty = module.main, dict[str, float](), False
    try:
        for inputs in _inputs(module, samples):
            ours, theirs = run(module, inputs, function.name), computes(inputs)
            for name, array in ours.items():
                if not array.size:  # as of a detector that finds nothing
                    is_empty = True
                elif array.dtype.kind in "fiub":
                    apart = deviation(array, theirs[name]).relative
                    found[name] = max(found.get(name, 0.0), apart)
    except CompileError as error:
        if samples is not None:
            raise
        return Errors(problem=error.diagnostics[0].message)
    if is_empty and not found:
        on = "random numbers" if samples is None else "the samples"
        return Errors(problem=f"the outputs have no elements on {on}")
    if samples is None:
        return Errors(found, "random numbers")
    return Errors(found, f"{min(MEASURED, len(samples))} of the samples", len(samples))


def _inputs(module: Module, samples: Samples | None) -> Iterator[Mapping[str, Array]]:
    if samples is None:
        inputs = bind_inputs(module.main, random_values(module.main, 0))[0]
        yield {name: _with_repetition(array) for name, array in inputs.items()}
    else:
        yield from itertools.islice(samples, MEASURED)


def _with_repetition(array: Array) -> Array:
    """Whole numbers of which the last repeat the first: as positions, they name one place twice."""
    if array.dtype.kind not in "iu" or array.ndim == 0 or len(array) < 2:
        return array
    return np.concatenate([array[:-1], array[:1]])
