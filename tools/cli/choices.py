"""Choices on the command line: declared once (`ir/choices.py`), given to every command alike."""

import argparse
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...compiler.artefacts.table import all_forms
from ...compiler.options import Options, choices
from ...ir.choices import Choice
from ...ir.diagnostics import usage_error
from .console import CommandParser

if TYPE_CHECKING:
    from ...ir.text.printer import PrintOptions

# How a model is read and compiled: what one command was told, others can be told, too.
COMPILING = tuple(choice.name for choice in choices())
IMPORTING = tuple(name for name in COMPILING if name not in ("passes", "verify_each"))
PRINTING = ("locations", "statistics")


def form_choices() -> dict[str, Choice]:
    """The choices of all forms, by name."""
    return {choice.name: choice for form in all_forms().values() for choice in form.choices}


def add_choices(parser: CommandParser, names: Collection[str]) -> None:
    """Options for choices, each in its group; what is not given is not in the namespace."""
    known = {**{choice.name: choice for choice in choices()}, **form_choices()}
    for choice in known.values():
        if choice.name not in names:
            continue
        details: dict[str, Any] = {"dest": choice.name, "help": choice.help}
        if choice.spelling == "flag":
            details["action"] = "store_true"
        elif choice.values:
            details["choices"] = choice.values
        else:
            details["metavar"] = choice.metavar
        if choice.spelling in ("shapes", "names"):
            details["action"] = "append"
        if choice.spelling == "samples":
            details["type"] = Path
        parser.group(choice.group).add_argument(
            choice.spelled, default=argparse.SUPPRESS, **details
        )


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
