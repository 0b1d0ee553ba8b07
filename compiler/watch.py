"""Observing a compilation while it runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from ..ir.ssa import Module
from ..passes.manager import Instrumentation
from ..passes.measure import PassRun
from .source.survey import Survey


@dataclass
class Watch:
    """What can be seen of a compilation while it runs.

    Attributes:
        instrumentation: the instrumentation of passes; None for the default of the options.
        started: called with (stage, pass or "") as each begins.
        seconds: time by stage, in the order of running.
        runs: runs of passes by stage, in the order of running; a target's own run in "lower".
        made: called with (name, module) for the module as imported and as lowered.
        survey: the content of the specification; None before it is read, and for IR text.
        quiet: around what makes libraries write on the error stream: it may hold that back.
    """

    instrumentation: Instrumentation | None = None
    started: Callable[[str, str], None] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    runs: dict[str, list[PassRun]] = field(default_factory=dict)
    made: Callable[[str, Module], None] | None = None
    survey: Survey | None = None
    quiet: Callable[[], AbstractContextManager[None]] = nullcontext

    def show(self, name: str, module: Module) -> Module:
        """Announce a module that a stage made; returns it."""
        if self.made is not None:
            self.made(name, module)
        return module

    @property
    def reproducers(self) -> Path | None:
        """The folder for modules that something fails on."""
        return self.instrumentation.reproducers if self.instrumentation is not None else None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce and time a stage."""
        if self.started is not None:
            self.started(name, "")
        begun = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
