"""What a target is, and the table of targets.

Importing this costs next to nothing: commands read all names from the table. A target's package has
`forms.FORMS`, which costs nothing either, and `target.TARGET`, loaded when something is compiled.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..ir.diagnostics import CompileError, Diagnostic
from ..passes import INLINE
from .form import TargetForm

if TYPE_CHECKING:
    from ..ir.ssa import Module, Op
    from ..ir.verify import Legal
    from .executable import Executable
    from .lowering import Rule
    from .refusals import Refusal


@dataclass(frozen=True)
class Target:
    """A target's tables.

    Attributes:
        name: its name in commands.
        title: its name in messages.
        pipeline: the passes that prepare core IR without calls for it.
        lowering: core op class → rule.
        unsupported: core op class → why there is no rule.
        ops: the target dialect, by textual name.
        executable: makes what runs a lowered module; see the target's `emit`.
        library: the module that executables need; importing it takes seconds.
        requires: what core IR must satisfy before it is lowered; the pipeline ensures it.
        after: the passes that follow, on the target's own dialect; see `backends.PASSES`.
    """

    name: str
    title: str
    pipeline: str
    lowering: "Mapping[type[Op], Rule]"
    unsupported: "Mapping[type[Op], Refusal]"
    ops: "Mapping[str, type[Op]]"
    executable: "Callable[[Module], Executable]"
    library: str = ""
    requires: "Legal | None" = None
    after: str = ""

    @property
    def preparation(self) -> str:
        """All passes that core IR needs before it is lowered."""
        return f"{INLINE}, {self.pipeline}"

    def lower(self, module: "Module") -> None:
        """Lower core IR to this target's dialect, in place; see `lower_module`.

        The lowered module can run only after the passes of `after`.
        """
        from .lowering import lower_module

        lower_module(module, dict(self.lowering), dict(self.unsupported), self.title)


@dataclass(frozen=True)
class Row:
    """What the table knows of a target without loading it.

    Attributes:
        package: where it is.
        batch: what the choice of batch "auto" means for it.
        without: choices about compiling that mean nothing for it, by name.
    """

    package: str
    batch: Literal["auto", "static"] = "auto"
    without: frozenset[str] = frozenset()


# These hold dense weights and compute in float32.
_IN_FLOAT32 = frozenset(("weights", "precision"))

# By name. A varying batch costs phones time, and some operations need to know it.
TARGETS: dict[str, Row] = {
    "tf": Row(".tf"),
    "keras": Row(".keras", without=_IN_FLOAT32),
    "tflite": Row(".tflite", batch="static", without=_IN_FLOAT32),
}


def load_target(name: str) -> Target:
    """The target called `name`.

    Raises:
        CompileError: there is none.
    """
    return _part(name, "target").TARGET


def forms_of(name: str) -> tuple[TargetForm, ...]:
    """The forms of a target, what it writes by default first.

    Raises:
        CompileError: there is no such target.
    """
    return _part(name, "forms").FORMS


def _part(name: str, module: str) -> Any:
    if name not in TARGETS:
        remedy = f"the targets are {', '.join(TARGETS)}"
        raise CompileError(Diagnostic(f"there is no target '{name}'", "usage", remedy=remedy))
    return importlib.import_module(f"{TARGETS[name].package}.{module}", __package__)
