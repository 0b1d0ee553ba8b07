"""Written forms, declared as data: what files and folders a target makes of a model.

Nothing heavy is imported here, nor by a target's `forms.py`: commands list all forms in `--help`.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..ir.choices import Choice, Chosen

if TYPE_CHECKING:
    from ..ir.diagnostics import Diagnostic
    from .artefact import Artefact, Request

MadeOf = TypeVar("MadeOf")


class OfTarget(NamedTuple):
    """A form that a target makes of its executable.

    Attributes:
        make: may raise a CompileError: what can't be written, all of it at once.
        signatures: whether it has all functions of a module: then it gets one for each shape that a
            model lists, if the model compiles for one shape only.
    """

    make: "Callable[[Any, Request], Artefact]"
    signatures: bool = False


def _nothing_wrong(chosen: Chosen) -> "Iterable[Diagnostic]":
    return ()


class Form(NamedTuple, Generic[MadeOf]):
    """A form that a model can be written in.

    Attributes:
        name: what `--emit` and `form=` call it.
        title: what messages call it.
        made_of: what it is made of, and how.
        suffix: what its files are called; a folder has none.
        default: what comes after the model's name where a command is given no other; empty if it
            must be given one.
        sign: the file by which a folder of this form is known: only such a folder is replaced.
        without: choices about compiling that mean nothing for it, by name, besides its target's.
        choices: its own choices.
        check: what is wrong with a combination of them.
        loading: lines that load what was written: `{path}` is its path as a Python string,
            `{shell}` as a word of a shell, `{load}` what imports `load` from its `model.py`.
    """

    name: str
    title: str
    made_of: MadeOf
    suffix: str = ""
    default: str = ""
    sign: str = ""
    without: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    check: "Callable[[Chosen], Iterable[Diagnostic]]" = _nothing_wrong
    loading: str = ""


def plural(count: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
