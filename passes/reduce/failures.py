"""Failures of a module in this process: an exception, or changed numbers."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...ir.deviation import worst
from ...ir.diagnostics import CompileError
from ...ir.interpret import random_inputs
from ...ir.rewrite import clone_module
from ...ir.ssa import Module
from ...ir.types import Array
from ..bisect import Experiment

Results = dict[str, Array]


@dataclass(frozen=True)
class Failure:
    """An operation on modules that may fail.

    Attributes:
        transform: changes a module in place; may raise.
        run: computes the results of the changed module's function; None to compare no numbers.
        tolerance: how far results may move, relative to their largest number.
        seed: the seed of the inputs.
    """

    transform: Callable[[Module], object]
    run: Callable[[Module, Results], Results] | None
    tolerance: float
    seed: int = 0

    def signature(self, module: Module) -> str:
        """What fails; empty if nothing does. The module is not changed."""
        copy = clone_module(module)
        try:
            self.transform(copy)
        except Exception as error:  # whatever it raises is what is looked for
            return signature_of(error)
        return self._moved(module, copy) if self.run is not None else ""

    def _moved(self, module: Module, changed: Module) -> str:
        function = module.main
        inputs = random_inputs(function, self.seed)
        try:
            expected = interpreted(module, inputs)
        except Exception:  # random numbers that the module does not take: no failure of ours
            return ""
        assert self.run is not None
        try:
            got = self.run(changed, inputs)
        except Exception as error:
            return signature_of(error)
        # Results that were infinite before can't be judged.
        expected = {name: array for name, array in expected.items() if _is_finite(array)}
        if not all(_is_finite(array) for name, array in got.items() if name in expected):
            return "infinite numbers"
        return "other numbers" if not worst(expected, got)[1].relative <= self.tolerance else ""


def interpreted(module: Module, inputs: Results) -> Results:
    """The interpreter's results for a module that passes changed."""
    return Experiment(module.main.name, inputs).run(module)


def _is_finite(array: Array) -> bool:
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def signature_of(error: Exception) -> str:
    """What two equal failures share: the first message without numbers and names, and its cause."""
    if not isinstance(error, CompileError):
        return _raised(error)
    first = error.diagnostics[0]
    if all(problem.kind == "unsupported" for problem in error.diagnostics):
        return ""  # a refusal says that what is asked for isn't possible: no failure
    cause = error.__cause__
    inner = _raised(cause) if isinstance(cause, Exception) else ""
    return f"{first.kind} {first.subject}: {inner}"


def _raised(error: Exception) -> str:
    """The exception's class, and the function that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    if isinstance(error, CompileError):
        return f"{type(error).__name__} of {error.diagnostics[0].subject}"
    return f"{type(error).__name__}{where}"
