"""A model at every stage of its compilation, each made when it is first asked for."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..backends.executable import Executable
from ..backends.table import load_target
from ..backends.target import Target
from ..ir.diagnostics import problems_in
from ..ir.ssa import Module
from . import driver
from .choices import Stage
from .options import Options
from .source.rereading import place_of
from .watch import Watch


class Stages:
    """A model at every stage.

    What can't be compiled is a CompileError, with the name of the file, when a stage is first
    asked for.

    Attributes:
        source: what `load` takes.
        options: see `Options`.
        watch: told about stages and passes.
    """

    def __init__(
        self, source: Any, options: Options | None = None, watch: Watch | None = None
    ) -> None:
        self.source = source
        self.options = options or Options()
        self.watch = watch or Watch()
        self._place = place_of(source) if isinstance(source, str | Path) else None

    @functools.cached_property
    def target(self) -> Target:
        """What the model is compiled for."""
        return load_target(self.options.target)

    @functools.cached_property
    def imported(self) -> Module:
        """Core IR as a frontend makes it."""
        return driver.load(self.source, self.options, self.watch)

    @functools.cached_property
    def named(self) -> Module:
        """The same, but that results without a name, as IR text may have them, are numbered."""
        return driver.with_result_names(self.imported)

    @functools.cached_property
    def batched(self) -> Module:
        """The same with the batch that the options choose: what the interpreter computes."""
        with problems_in(driver.file_of(self.source)):
            return driver.with_batch(self.named, self.options)

    @functools.cached_property
    def optimized(self) -> Module:
        """Core IR after the target's passes."""
        with problems_in(driver.file_of(self.source)):
            return driver.optimize(self.named, self.options, watch=self.watch)

    @functools.cached_property
    def lowered(self) -> Module:
        """The target's dialect."""
        with problems_in(driver.file_of(self.source)):
            return driver.lower(self.optimized, self.options, self.watch)

    @functools.cached_property
    def executable(self) -> Executable:
        """What the target runs; this imports its library."""
        with problems_in(driver.file_of(self.source)):
            return self.target.executable(self.lowered)

    def at(self, stage: Stage) -> Module:
        """The module of a stage."""
        found: Module = getattr(self, stage)
        return found

    def for_target(self, name: str) -> "Stages":
        """The same model compiled for a target: these stages if they are for it already."""
        if name == self.options.target:
            return self
        made = Stages(self.source, replace(self.options, target=name), self.watch)
        made.imported = self.imported  # no target changes what frontends make
        return made

    def stored(self) -> Any:
        """What `load` takes, to read the model (again): a path, though the current folder changed.

        Raises:
            CompileError: the model was imported, and a file of it is not as it was then.
        """
        if self._place is None or "imported" not in self.__dict__:
            return self.source
        return self._place.unchanged()
