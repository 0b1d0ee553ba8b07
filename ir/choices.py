"""What users choose by name: a keyword in Python, an option of a command, one declaration for both.

Nothing heavy is imported here: `--help` of every command shows them.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, cast

# How a choice is spelled: a text; whether it is given at all; names, one for each option; full
# shapes by name; typical inputs.
Spelling = Literal["text", "flag", "names", "shapes", "samples"]
# Values by the names of choices.
Chosen: TypeAlias = Mapping[str, Any]
Group = Literal["model", "shapes", "numbers", "output", "debugging"]


class Choice(NamedTuple):
    """Something that users choose.

    Attributes:
        name: as Python spells it.
        help: what it is about, in a few words.
        values: what it may be; anything of its spelling if there are none.
        group: where `--help` lists it.
        spelling: see `Spelling`.
        metavar: what `--help` calls a value, if it can't list them.
        option: as commands spell it; by default the name with dashes.
    """

    name: str
    help: str
    values: tuple[str, ...] = ()
    group: Group = "model"
    spelling: Spelling = "text"
    metavar: str = ""
    option: str = ""

    @property
    def spelled(self) -> str:
        """The option of commands."""
        return self.option or f"--{self.name.replace('_', '-')}"

    def check(self, value: object) -> None:
        """Refuse what it can't be.

        Raises:
            CompileError: of kind "usage".
        """
        from .diagnostics import usage_error  # which --help doesn't need

        if self.values and value not in self.values:
            known = ", ".join(self.values)
            raise usage_error(f"{self.name} is '{value}', expected one of {known}")
        if self.spelling == "names" and (
            not isinstance(value, list | tuple)
            or not all(isinstance(item, str) for item in cast(Sequence[object], value))
        ):
            raise usage_error(f"{self.name} is {value!r}, expected a list of names")

    def on_command_line(self, value: object) -> str:
        """The options that choose a value, each with a space before it; data in memory has none."""
        if self.spelling == "flag":
            return f" {self.spelled}" if value else ""
        if self.spelling == "shapes":
            shapes = cast(Mapping[str, Sequence[int | str]], value)
            texts = [f"{name}={','.join(map(str, sizes))}" for name, sizes in shapes.items()]
        elif self.spelling == "names":
            texts = list(cast(Sequence[str], value))
        else:
            texts = [str(value)] if isinstance(value, str | Path) else []
        return "".join(f" {self.spelled}={shlex.quote(text)}" for text in texts)
