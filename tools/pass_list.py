"""What there is to say about each pass: name, what it does, options. For commands and documents."""

import dataclasses
import inspect
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..passes import PASSES
from ..passes.manager import Pass, load_pass


@dataclass(frozen=True)
class PassFacts:
    """One pass, for people.

    Attributes:
        summary: the first line of its docstring.
        options: `name=default` with what is possible, one text for each option.
    """

    name: str
    summary: str
    options: tuple[str, ...]


def all_passes() -> list[PassFacts]:
    """Every pass by name."""
    return [_facts(name, load_pass(name, PASSES)) for name in sorted(PASSES)]


def _facts(name: str, cls: type[Pass]) -> PassFacts:
    summary = (inspect.getdoc(cls) or "").split("\n")[0]
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(typing.cast(Any, cls)) if dataclasses.is_dataclass(cls) else ()
    return PassFacts(name, summary, tuple(_option(f, hints[f.name]) for f in fields))


def _option(item: Any, hint: Any) -> str:
    choices = typing.get_args(hint)
    kind = "|".join(map(str, choices)) if choices else getattr(hint, "__name__", str(hint))
    if item.default is dataclasses.MISSING:
        return f"{item.name}={kind}"
    return f"{item.name}={kind} (default {str(item.default).lower()})"


def check_names(names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Refuse names that are neither a pass nor one of the others.

    Raises:
        CompileError: there is no such pass.
    """
    for name in names:
        if name not in others:
            load_pass(name, PASSES)
