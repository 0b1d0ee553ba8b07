"""The table of targets.

Importing this costs next to nothing: commands read all names from the table. A target's package has
`forms.FORMS`, which costs nothing either, and `target.TARGET`, loaded when something is compiled.
"""

import importlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .form import Form, OfTarget

if TYPE_CHECKING:
    from .target import Target


class Row(NamedTuple):
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


def load_target(name: str) -> "Target":
    """The target called `name`.

    Raises:
        CompileError: there is none.
    """
    return _part(name, "target").TARGET


def forms_of(name: str) -> tuple[Form[OfTarget], ...]:
    """The forms of a target, what it writes by default first.

    Raises:
        CompileError: there is no such target.
    """
    return _part(name, "forms").FORMS


def _part(name: str, module: str) -> Any:
    if name not in TARGETS:
        from ..ir.diagnostics import usage_error

        raise usage_error(f"there is no target '{name}'", f"the targets are {', '.join(TARGETS)}")
    return importlib.import_module(f"{TARGETS[name].package}.{module}", __package__)
