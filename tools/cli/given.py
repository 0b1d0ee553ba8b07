"""What was given on a command line, as choices and options."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...compiler.choices import choices
from ...compiler.options import Options
from ...ir.diagnostics import usage_error
from .choices import COMPILING, PRINTING, form_choices

if TYPE_CHECKING:
    from ...ir.text.printer import PrintOptions


def chosen(given: argparse.Namespace) -> dict[str, Any]:
    """What is given on the command line, by the names of choices.

    Raises:
        CompileError: of kind "usage": a shape is malformed.
    """
    found: dict[str, Any] = {}
    for choice in (*choices(), *form_choices().values()):
        if choice.name in given:
            value = getattr(given, choice.name)
            found[choice.name] = _shapes(value) if choice.spelling == "shapes" else value
    return found


def _shapes(texts: Iterable[str]) -> dict[str, list[str]]:
    shapes: dict[str, list[str]] = {}
    for text in texts:
        name, equals, entries = text.rpartition("=")
        if not equals:
            raise usage_error(f"--shape {text}", "write NAME=SIZES, such as x=1,3,64,64")
        shapes[name] = [entry.strip() for entry in entries.split(",")]
    return shapes


def options_of(given: argparse.Namespace, **usual: Any) -> Options:
    """How to compile, by the command line; `usual` are the command's own defaults."""
    return Options(**{**usual, **{k: v for k, v in chosen(given).items() if k in COMPILING}})


def print_options(given: argparse.Namespace) -> "PrintOptions":
    """What IR text shows, by the command line."""
    from ...ir.text.printer import PrintOptions

    locations, statistics = (bool(getattr(given, name, False)) for name in PRINTING)
    return PrintOptions(locations=locations, statistics=statistics)
