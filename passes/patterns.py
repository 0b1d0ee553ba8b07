"""Rewrite patterns: plain functions over typed Python `match`, and the greedy driver.

A pattern takes a root op and returns the replacement (built from detached ops), `None` when the op
does not match, or `no("why")` when it matches but may not be rewritten; `--explain` prints these
reasons. The docstring of a pattern is the rewrite in one line, with →.
"""

import inspect
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.builtin import shapes_may_agree
from ..ir.location import Location
from ..ir.rewrite import is_dead, producers, replace_op
from ..ir.ssa import Module, Op, Value
from ..ir.weights.resources import MissingResourceError


@dataclass(frozen=True)
class Declined:
    """The pattern matched, but a condition failed."""

    reason: str


Rewrite: TypeAlias = Value | tuple[Value, ...] | Declined | None
OpT = TypeVar("OpT", bound=Op)


def no(reason: str) -> Declined:
    """Decline a rewrite, saying why."""
    return Declined(reason)


@dataclass(frozen=True)
class Pattern:
    """A rewrite rule and the op classes it starts from."""

    roots: tuple[type[Op], ...]
    function: Callable[[Any], Rewrite]

    @property
    def name(self) -> str:
        return self.function.__name__.replace("_", "-")

    @property
    def doc(self) -> str:
        return (inspect.getdoc(self.function) or "").split("\n")[0]

    @property
    def where(self) -> str:
        """File and line of the rule, for traces."""
        code = inspect.unwrap(self.function).__code__
        return f"{Path(code.co_filename).name}:{code.co_firstlineno}"


def pattern(*roots: type[OpT]) -> Callable[[Callable[[OpT], Rewrite]], Pattern]:
    """Turn a function into a pattern rooted at the given op classes (and their subclasses)."""

    def wrap(function: Callable[[OpT], Rewrite]) -> Pattern:
        return Pattern(cast(tuple[type[Op], ...], roots), function)

    return wrap


@dataclass(frozen=True)
class Event:
    """A rewrite that happened (`after` is set) or was declined (`reason` is)."""

    pattern: Pattern
    location: Location
    before: str
    after: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class Trace:
    """Collects events; the manager prints them for `--explain` and `--trace-rewrites`."""

    events: list[Event] = field(default_factory=list[Event])

    def declined(self) -> list[Event]:
        return [event for event in self.events if event.reason]


@dataclass
class RewriteLimit:
    """Stops pattern passes after some rewrites, so that a bisection can find the wrong one.

    Attributes:
        allowed: how many rewrites may happen.
        done: how many have happened.
    """

    allowed: int
    done: int = 0


# Rewrites per op of the module before the driver assumes a cycle; real pipelines stay below 3.
_BUDGET = 50


class GreedyDriver:
    """Applies patterns and `fold` hooks until none applies, erasing dead ops on the way.

    The order is deterministic: with a limit, the same first rewrites happen.
    """

    def __init__(
        self,
        patterns: Iterable[Pattern],
        trace: Trace | None = None,
        limit: RewriteLimit | None = None,
    ) -> None:
        self.patterns = tuple(patterns)
        self.trace = trace
        self.limit = limit
        self._by_class: dict[type[Op], tuple[Pattern, ...]] = {}
        self._work: deque[Op] = deque()
        self._queued: set[Op] = set()

    def run(self, module: Module) -> bool:
        """Rewrite the module; True if anything changed.

        Raises:
            CompileError: the patterns undo each other endlessly (an internal error).
        """
        ops = list(module.walk())
        budget = _BUDGET * (len(ops) + 20)
        for op in ops:
            self._push(op)
        changed = False
        while self._work and not self._is_stopped():
            op = self._work.popleft()
            self._queued.discard(op)
            if op.parent is None:
                continue
            if is_dead(op):
                needed = producers(op)
                op.erase()
                changed = True
                for producer in needed:
                    self._push(producer)
                continue
            if self._rewrite(op):
                changed = True
                budget -= 1
                if budget < 0:
                    raise _endless(op, self.trace)
                if self.limit is not None:
                    self.limit.done += 1
        return changed

    def _is_stopped(self) -> bool:
        return self.limit is not None and self.limit.done >= self.limit.allowed

    def _push(self, op: Op) -> None:
        if op not in self._queued:
            self._queued.add(op)
            self._work.append(op)

    def _rewrite(self, op: Op) -> bool:
        cls = type(op)
        folded = op.fold()
        if folded is not None:
            self._replace(op, (folded,), Pattern((cls,), cls.fold), "fold")
            return True
        rules = self._by_class.get(cls)
        if rules is None:
            rules = tuple(rule for rule in self.patterns if issubclass(cls, rule.roots))
            self._by_class[cls] = rules
        for rule in rules:
            result = _answer(rule, op)
            if result is None:
                continue
            if isinstance(result, Declined):
                if self.trace is not None:
                    event = Event(rule, op.location, repr(op), reason=result.reason)
                    self.trace.events.append(event)
                continue
            values = result if isinstance(result, tuple) else (result,)
            _check_values(rule, op, values)
            _check_types(rule, op, values)
            self._replace(op, values, rule, rule.name)
            return True
        return False

    def _replace(self, op: Op, values: tuple[Value, ...], rule: Pattern, by: str) -> None:
        before, location = repr(op) if self.trace is not None else "", op.location
        needed = producers(op)
        inserted = replace_op(op, values, by)
        for item in inserted:
            self._push(item)
        for value in values:
            for user in value.users:
                self._push(user)
        for producer in needed:
            if producer.parent is not None:
                self._push(producer)
                # Users of a producer may match now that it has fewer of them.
                for result in producer.results:
                    for user in result.users:
                        self._push(user)
        if self.trace is not None:
            self.trace.events.append(Event(rule, location, before, tuple(map(repr, inserted))))


def _answer(rule: Pattern, op: Op) -> Rewrite:
    """The pattern's answer for the op; an exception becomes an error that names both."""
    try:
        return rule.function(op)
    except MissingResourceError:  # a weight file is at fault
        raise
    except Exception as error:
        known = error.diagnostics if isinstance(error, CompileError) else ()
        if known and all(problem.kind == "unsupported" for problem in known):
            raise  # a refusal, meant
        notes = () if known else (f"{type(error).__name__}: {error}",)
        raise CompileError((_fault(rule, op, "fails on", notes), *known)) from error


def _check_values(rule: Pattern, op: Op, answers: tuple[Any, ...]) -> None:
    """A pattern returns values; the usual mistake is to return an op."""
    for answer in answers:
        if isinstance(answer, Op):
            text = f"it returns the op {answer!r}; return its result, op.result"
        elif not isinstance(answer, Value):
            text = f"it returns {answer!r}; return a value, a tuple of values, None or no('why')"
        else:
            continue
        raise CompileError(_fault(rule, op, "may not rewrite", (text,)))


def _check_types(rule: Pattern, op: Op, values: tuple[Value, ...]) -> None:
    """A pattern may make types more precise, not different."""
    old, new = [value.type for value in op.results], [value.type for value in values]
    if len(old) == len(new) and all(map(shapes_may_agree, old, new)):
        return
    text = f"it returns {', '.join(map(str, new))} in place of {', '.join(map(str, old))}"
    raise CompileError(_fault(rule, op, "may not rewrite", (text,)))


def _fault(rule: Pattern, op: Op, what: str, notes: tuple[str, ...]) -> Diagnostic:
    message = f"pattern '{rule.name}' ({rule.where}) {what} '{op.name}'"
    return Diagnostic(message, "internal", op.location, subject=op.name, notes=notes)


def _endless(op: Op, trace: Trace | None) -> CompileError:
    last = [event.pattern.name for event in trace.events[-6:]] if trace else []
    notes = (f"the last rewrites: {', '.join(last)}",) if last else ()
    return CompileError(
        Diagnostic(
            f"rewriting does not end around '{op.name}'",
            kind="internal",
            location=op.location,
            notes=notes,
        )
    )
