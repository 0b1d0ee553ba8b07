"""Choices on the command line: declared once (`ir/choices.py`), given to every command alike."""

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ...compiler.artefacts.table import all_forms
from ...compiler.choices import choices
from ...ir.choices import Choice
from .console import CommandParser

# How a model is read and compiled: what one command was told, others can be told, too.
COMPILING = tuple(choice.name for choice in choices())
PRINTING = ("locations", "statistics")
IMPORTING = tuple(name for name in COMPILING if name not in ("passes", "verify_each"))


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
