"""Measurements of running passes: time, ops before and after, what patterns did."""

import functools
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..ir.ssa import Module
from .patterns import Declined, Pattern, Rewrite

# Ops that compute nothing.
_SILENT = ("const", "return", "yield")


class Step(NamedTuple):
    """A place in a pipeline: a group that repeats, or a pass.

    Attributes:
        position: which stage of the pipeline or of the group around it, from 0.
        text: the stage as pipelines spell it.
        round: the round of a group, from 1; 0 for a pass.
    """

    position: int
    text: str
    round: int = 0


@dataclass
class PatternCount:
    """What one pattern did in one run of a pass.

    Attributes:
        calls: how many ops it was tried on.
        declined: how often it declined with a reason.
        seconds: spent in the pattern's function, without inserting its result.
    """

    calls: int = 0
    rewrites: int = 0
    declined: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class PassRun:
    """One run of a pass.

    Attributes:
        path: its place in the pipeline: the groups around it, outermost first, then the pass.
        seconds: its time, including the checks before and after it.
        changed: whether the pass says that it changed something.
        before: ops by kind before it.
        after: ops by kind after it.
        patterns: counts by name, if patterns were counted.
    """

    name: str
    path: tuple[Step, ...]
    seconds: float
    changed: bool
    before: Counter[str]
    after: Counter[str]
    patterns: dict[str, PatternCount] = field(default_factory=dict[str, PatternCount])


def ops_by_kind(module: Module) -> Counter[str]:
    """How many ops of each kind compute something."""
    counts = Counter([op.name for op in module.walk()])
    for name in _SILENT:
        counts.pop(name, None)
    return counts


def counted(rule: Pattern, counts: dict[str, PatternCount]) -> Pattern:
    """The pattern, recording in `counts` what it does."""
    count = counts.setdefault(rule.name, PatternCount())

    @functools.wraps(rule.function)
    def function(op: Any) -> Rewrite:
        begun = time.perf_counter()
        found = rule.function(op)
        count.seconds += time.perf_counter() - begun
        count.calls += 1
        count.declined += isinstance(found, Declined)
        count.rewrites += not (found is None or isinstance(found, Declined))
        return found

    return replace(rule, function=function)
