"""The hooks that an op class may define, and whether it does; `ssa.Op` says what each is."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args

Hook = Literal["infer", "evaluate", "fold", "permute", "effects", "batch"]
HOOKS: tuple[str, ...] = get_args(Hook)
_PREFIXES = (
    *("infer", "verify", "eval", "fold", "permute", "effect", "batch"),
    *("_verify", "_infer", "_batch"),
)
_ALIKE = 0.8


def check_hooks(cls: type) -> None:
    """Hold a class to the closed sets of hooks and of class attributes.

    Raises:
        TypeError: a method is called almost as a hook is, or a class attribute is set that no base
            declares: a misspelt one would be ignored.
    """
    for name, item in cls.__dict__.items():
        if name.startswith("__") or name in HOOKS:
            continue
        if callable(item):
            if name.startswith(_PREFIXES) or difflib.get_close_matches(name, HOOKS, 1, _ALIKE):
                message = f"looks like a hook but is not one of {', '.join(HOOKS)}"
                raise TypeError(f"{cls.__name__}.{name} {message}")
        elif _is_plain(item) and not _is_declared(cls, name):
            message = "is declared by no base; annotate it as a ClassVar if it is new"
            raise TypeError(f"{cls.__name__}.{name} {message}")


def _is_plain(item: Any) -> bool:
    """Whether a class attribute is a value, not a property or a field."""
    return not hasattr(item, "__get__")


def _is_declared(cls: type, name: str) -> bool:
    """Whether a base has it, or a class body annotates it."""
    bases = cls.__mro__[1:]
    return any(name in base.__dict__ for base in bases) or any(
        name in inspect.get_annotations(each) for each in (cls, *bases)
    )


def hook_of(op: object, hook: Hook) -> Callable[..., Any] | None:
    """The op's own hook; None where its class doesn't define it, and `Op` has no default."""
    return getattr(op, hook, None)
