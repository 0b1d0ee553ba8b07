"""Whether an output agrees with the recorded one, and if not, why.

Owns the two formulas: agreement, `|got - expected| <= atol*max(1, S) + rtol*|expected|`, and strict
agreement, `|got - expected| <= strict*S`, with S the largest finite magnitude of that expected
output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from case import Tolerance


@dataclass(frozen=True)
class Verdict:
    """How one output, or all outputs of a case, compare."""

    agrees: bool
    strict: bool
    reason: str = ""


AGREES = Verdict(agrees=True, strict=True)


def disagrees(reason: str) -> Verdict:
    """A verdict with the reason a reader needs."""
    return Verdict(agrees=False, strict=False, reason=reason)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """All must agree; the first that does not gives the reason."""
    strict = True
    for verdict in verdicts:
        if not verdict.agrees:
            return verdict
        strict = strict and verdict.strict
    return Verdict(agrees=True, strict=strict)


@dataclass(frozen=True)
class Comparison:
    """What holds for all outputs of a case."""

    tolerance: Tolerance
    shapes_only: bool = False
    relaxed_shape: bool = False

    def outputs(self, got: Mapping[str, Any], expected: Mapping[str, Any]) -> Verdict:
        """Every expected output, looked up by its name; more than that is fine."""
        return overall(
            self.output(name, got[name], wanted)
            if name in got
            else disagrees(f"no output '{name}', only {sorted(got)}")
            for name, wanted in expected.items()
        )

    def output(self, name: str, got: Any, expected: Any) -> Verdict:
        """One output of any kind; the reason names it."""
        if isinstance(expected, Mapping):
            verdict = self.dictionary(got, expected)
        elif is_text(expected):
            verdict = self.text(got, expected)
        else:
            verdict = self.array(got, expected)
        return verdict if verdict.agrees else disagrees(f"output '{name}': {verdict.reason}")

    def dictionary(self, got: Any, expected: Mapping[Any, Any]) -> Verdict:
        """The same keys, and values close to each other."""
        if not isinstance(got, Mapping):
            return disagrees(f"a dictionary expected, got {type(got).__name__}")
        found = {plain_key(key): value for key, value in got.items()}
        wanted = {plain_key(key): value for key, value in expected.items()}
        if found.keys() != wanted.keys():
            missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
            return disagrees(f"keys differ: missing {some(missing)}, extra {some(extra)}")
        if any(is_text(value) for value in wanted.values()):
            return overall(self.text(found[key], value) for key, value in wanted.items())
        return self.array([found[key] for key in wanted], list(wanted.values()))

    def text(self, got: Any, expected: Any) -> Verdict:
        """Strings and arrays of strings are equal or not."""
        found, wanted = as_text(got), np.asarray(expected)
        if found is None:
            return disagrees(f"text expected, got {type(got).__name__} {str(got)[:60]!r}")
        if found.shape != wanted.shape:
            return disagrees(f"shape {list(found.shape)}, expected {list(wanted.shape)}")
        if self.shapes_only or np.array_equal(found, wanted):
            return AGREES
        return disagrees(f"{some(found.ravel())}, expected {some(wanted.ravel())}")

    def array(self, got: Any, expected: Any) -> Verdict:
        """Shapes first, then values."""
        found, wanted = as_numbers(got, expected), np.asarray(expected).astype(np.float64)
        if found is None:
            return disagrees(f"numbers expected, got {type(got).__name__} {str(got)[:60]!r}")
        if self.relaxed_shape and found.size == wanted.size:
            found, wanted = found.ravel(), wanted.ravel()
        if found.shape != wanted.shape:
            return disagrees(f"shape {list(found.shape)}, expected {list(wanted.shape)}")
        return AGREES if self.shapes_only else self.values(found, wanted)

    def values(self, got: Any, expected: Any) -> Verdict:
        """The formulas. NaN agrees with NaN, an infinity with the same infinity."""
        finite = np.isfinite(expected)
        scale = float(np.max(np.abs(expected[finite]), initial=0.0))
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.where(same, 0.0, np.abs(got - expected))
            bound = self.tolerance.atol * max(1.0, scale) + self.tolerance.rtol * np.abs(expected)
        # A distance that is not a finite number is one between a number and none.
        distance = np.where(np.isfinite(distance), distance, np.inf)
        bad = ~same & ((distance > bound) | ~finite)
        if bad.any():
            return disagrees(worst(got, expected, distance, bad))
        strict = bool(np.all(distance <= self.tolerance.strict * scale))
        return Verdict(agrees=True, strict=strict)


def worst(got: Any, expected: Any, distance: Any, bad: Any) -> str:
    """How many values are off, and the one that is off most."""
    at = np.unravel_index(int(np.argmax(np.where(bad, distance, -1.0))), bad.shape)
    place = [int(index) for index in at]
    values = f"at {place} {got[at]:.6g}, expected {expected[at]:.6g}"
    return f"{int(bad.sum())} of {bad.size} values off, {values}"


def as_numbers(got: Any, expected: Any) -> Any:
    """Whatever came back as float64: an array, a number, an image; None if it is none of these."""
    if hasattr(got, "getbands"):  # a PIL image: of RGBA only as many channels as were recorded
        array = np.asarray(got)
        channels = np.shape(expected)[2:]
        got = array[..., : channels[0]] if array.ndim == 3 and channels else array
    try:
        array = np.asarray(got)
        return None if array.dtype.kind in "USO" else array.astype(np.float64)
    except (TypeError, ValueError):
        return None


def as_text(got: Any) -> Any:
    """An array of strings, also from bytes and from objects; None when there is anything else."""
    array = np.asarray(got)
    if array.dtype.kind == "O" and all(isinstance(item, str | bytes) for item in array.flat):
        array = np.asarray([plain_key(item) for item in array.flat]).reshape(array.shape)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    return array if array.dtype.kind == "U" else None


def is_text(value: Any) -> bool:
    """Strings, and lists or arrays of them."""
    return np.asarray(value).dtype.kind in "US"


def plain_key(key: Any) -> Any:
    """A class label in Python's own types, so that 3 and int64(3) are one key."""
    if isinstance(key, bytes):
        return key.decode()
    return key.item() if isinstance(key, np.generic) else key


def some(values: Iterable[Any]) -> str:
    """The first few of many, for a message."""
    listed = [str(value) for value in values]
    return f"[{', '.join(listed[:4])}{', …' if len(listed) > 4 else ''}]"
