"""What a target is, and the table of targets (loaded on first use)."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Module, Op
from ..ir.verify import Legal
from ..passes import INLINE
from .executable import Executable
from .lowering import Rule, lower_module


@dataclass(frozen=True)
class Target:
    """A target's tables.

    Attributes:
        name: how commands call it.
        title: how messages call it.
        pipeline: the passes that prepare core IR without calls for it.
        lowering: core op class → rule.
        unsupported: core op class → why there is no rule.
        ops: the target dialect, by textual name.
        executable: makes what runs a lowered module; see the target's `emit`.
        requires: what core IR must satisfy before it is lowered; the pipeline takes care of it.
        after: the passes that follow, on the target's own dialect; see `backends.PASSES`.
    """

    name: str
    title: str
    pipeline: str
    lowering: Mapping[type[Op], Rule]
    unsupported: Mapping[type[Op], str]
    ops: Mapping[str, type[Op]]
    executable: Callable[[Module], Executable]
    requires: Legal = field(default=Legal())
    after: str = ""

    @property
    def preparation(self) -> str:
        """All passes that core IR needs before it is lowered."""
        return f"{INLINE}, {self.pipeline}"

    def lower(self, module: Module) -> None:
        """Lower core IR to this target's dialect, in place; see `lower_module`.

        What is lowered runs only after the passes of `after`.
        """
        lower_module(module, dict(self.lowering), dict(self.unsupported), self.title)


# name → "module:attribute".
TARGETS = {"tf": ".tf:TARGET", "keras": ".keras:TARGET", "tflite": ".tflite:TARGET"}


def load_target(name: str) -> Target:
    """The target called `name`.

    Raises:
        CompileError: there is none.
    """
    entry = TARGETS.get(name)
    if entry is None:
        known = ", ".join(TARGETS)
        raise CompileError(
            Diagnostic(f"there is no target '{name}'", "usage", remedy=f"the targets are {known}")
        )
    module, _, attribute = entry.partition(":")
    return getattr(importlib.import_module(module, __package__), attribute)
