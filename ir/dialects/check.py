"""Assertions on values, for tests only: the interpreter fails where they don't hold."""

from typing import Any

import numpy as np

from ..attributes import quote
from ..declare import attr, operand
from ..diagnostics import CompileError, Diagnostic
from ..ssa import Op, Value
from ..types import ANY, FLOAT, Array
from .builtin import shapes_may_agree


class CheckError(CompileError):
    """Values are not what a check op asserts."""


class Check(Op):
    """Base: compares two tensors of the same dtype and shape; has no results.

    (C1) the types can be equal at run time.
    """

    actual: Value = operand(ANY)
    expected: Value = operand(ANY, like="actual")

    def infer(self) -> tuple[()]:
        actual, expected = self.actual.type, self.expected.type
        fits = shapes_may_agree(actual, expected)
        self.require("C1", fits, f"can't compare {actual} with {expected}")
        return ()

    def effects(self) -> bool:
        return True

    def fail(self, problem: str, actual: Array, expected: Array) -> CheckError:
        """The error to raise, showing both sides."""
        notes = (f"actual {_shown(actual)}", f"expected {_shown(expected)}")
        message = f"'{self.name}' {quote(self.actual.name)} {problem}"
        return CheckError(
            Diagnostic(message, location=self.location, subject=self.name, notes=notes)
        )


class Close(Check):
    """|actual - expected| <= atol + rtol * |expected| everywhere; NaN equals NaN.

    Example:
        check.close(%actual, %expected) {atol = 0.001}
    """

    name = "check.close"

    actual: Value = operand(FLOAT)
    expected: Value = operand(FLOAT, like="actual")
    rtol: float = attr(default=1e-5)
    atol: float = attr(default=1e-6)

    def evaluate(self, actual: Array, expected: Array) -> tuple[()]:
        ours, theirs = actual.astype(np.float64), expected.astype(np.float64)
        if not np.allclose(ours, theirs, self.rtol, self.atol, equal_nan=True):
            alike = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            difference: Any = np.max(np.where(alike, 0, np.abs(ours - theirs)))
            raise self.fail(f"differs by up to {float(difference):g}", actual, expected)
        return ()


class Equal(Check):
    """Every element is equal; NaN equals NaN.

    Example:
        check.equal(%actual, %expected)
    """

    name = "check.equal"

    def evaluate(self, actual: Array, expected: Array) -> tuple[()]:
        same = np.array_equal(actual, expected, equal_nan=actual.dtype.kind == "f")
        if not same:
            count = int(np.count_nonzero(actual != expected))
            raise self.fail(f"differs in {count} of {actual.size} elements", actual, expected)
        return ()


def _shown(array: Array) -> str:
    return np.array2string(array, threshold=16, separator=", ").replace("\n", "")


OPS = (Close, Equal)
