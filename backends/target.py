"""What a target is: the tables of its package, in `target.TARGET`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..passes import INLINE

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
        holding: the passes that an executable runs on a copy, for functions that keep states
            themselves.
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
    holding: str = ""

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
