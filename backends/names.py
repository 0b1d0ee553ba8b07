"""What the formats of targets take for a name, and what people are told about names that changed.

Each grammar says what one format takes; the table in this folder's README says it in words. Names
are decided nowhere else: `distinct` and its relatives in `ir/names.py` are given a grammar.

Text that comes from the model and isn't a name in code is put there by `quoted` and `documented`.
"""

import functools
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..ir.names import ANYTHING, LINE, NO_TEXT, Grammar, written

# `self` is what Python calls the signature itself: no call can give an argument of that name.
_SELF = frozenset(("self",))
_NOT_WORDS = re.compile(r"[^A-Za-z0-9_]")

NODE = Grammar(
    takes=re.compile(r"[A-Za-z0-9.]([A-Za-z0-9_./-]*[A-Za-z0-9_.-])?").fullmatch,
    replaced=re.compile(r"[^A-Za-z0-9_./-]|/+$"),
    begin=re.compile("[_/-]+"),
    stem="node",
    alike=str.lower,
)
ARGUMENT = Grammar(
    takes=re.compile(r"[A-Za-z][A-Za-z0-9_]*").fullmatch,
    replaced=_NOT_WORDS,
    begin=re.compile("_+"),
    stem="input",
    reserved=_SELF | frozenset(keyword.kwlist),
    alike=str.lower,
)
KEY = replace(ANYTHING, longest=1 << 16)
LITE_INPUT = replace(KEY, stem="input", reserved=_SELF)
LAYER = replace(
    KEY,
    takes=re.compile(rf"[^/{NO_TEXT}]+", re.DOTALL).fullmatch,
    replaced=re.compile(rf"[/{NO_TEXT}]"),
    stem="layer",
    second=2,
)
# What generated code calls its own: the libraries, what flows through, what layers are called, and
# what loops count, name and call.
_NAMES_OF_CODE = (
    *("layers", "ops", "keras", "np", "name", "x"),
    *("i", "layer_name", "range", "enumerate"),
)
VARIABLE = Grammar(
    takes=re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch,
    replaced=re.compile(r"[^A-Za-z0-9_]+"),
    begin=re.compile("_+"),
    stem="x",
    reserved=frozenset((*keyword.kwlist, *_NAMES_OF_CODE)),
    second=2,
)


@functools.cache
def parameter(name: str) -> str:
    """What TensorFlow makes of a keyword of a call before it looks for the argument."""
    text = "".join(letter if letter.isalnum() else "_" for letter in name)
    return text if text[:1].isalpha() else f"arg_{text}"


def _is_keyword_of_a_call(name: str) -> bool:
    """Whether an input is found by this name when a loaded signature is called."""
    return parameter(name).isidentifier() and KEY.fits(name)


INPUT = replace(ARGUMENT, takes=_is_keyword_of_a_call, alike=parameter, longest=KEY.longest)


# -- text in code ----------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """A string of Python that means the text, on one line."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_printable(plain)}"'


def documented(text: str) -> str:
    """Text inside a docstring, but not at its end; its lines stay lines."""
    plain = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "\n".join(map(_printable, plain.split("\n")))


def _printable(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def one_line_each(texts: Iterable[object]) -> list[str]:
    """Each text on one line; different texts stay different."""
    texts = [str(text) for text in texts]
    lines = written(LINE, texts)
    return [lines[text] for text in texts]


def variable(name: str) -> str:
    """A name as a variable of generated code: in small letters, and hiding nothing."""
    return VARIABLE.nearest(words(name).lower() or "value")


def words(name: str) -> str:
    """The words of a name, joined by underscores; empty if there are none."""
    return VARIABLE.replaced.sub("_", name).strip("_")


# -- what people are told --------------------------------------------------------------------------

Kind = Literal["function", "input", "output", "state", "layer", "weight", "label"]
_SHOWN = 6


@dataclass(frozen=True)
class Renamed:
    """Something that has another name where it is written than in the model.

    Attributes:
        kind: what it is.
        name: in the model.
        written: in what is written.
        function: which function's input or output it is, if there are several.
    """

    kind: Kind
    name: str
    written: str
    function: str = ""

    def __str__(self) -> str:
        where = f" of {self.function}" if self.function else ""
        return f"{self.kind} {shown(self.name)}{where} is called {shown(self.written)}"


def shown(name: str) -> str:
    """A name for people: in quotes if it has blanks or what can't be seen."""
    return name if name.isprintable() and name and " " not in name else quoted(name)


def changed(
    kind: Kind, names: Iterable[str], written: Iterable[str], function: str = ""
) -> Iterator[Renamed]:
    """Those whose written name is another one; of several things of one name, the first counts."""
    firsts: dict[str, str] = {}
    for name, other in zip(names, written, strict=True):
        firsts.setdefault(name, other)
    for name, other in firsts.items():
        if name != other:
            yield Renamed(kind, name, other, function)


def facts_of(renamed: Sequence[Renamed]) -> dict[str, Any]:
    """All of them as plain data."""
    entries = [
        {"kind": item.kind, "name": item.name, "written": item.written}
        | ({"function": item.function} if item.function else {})
        for item in renamed
    ]
    return {"renamed": entries}


def rows_of(renamed: Sequence[Renamed], rest: str) -> tuple[tuple[str, str], ...]:
    """Some of them for people, (title, text).

    Args:
        renamed: interfaces come first.
        rest: where all of them are listed.
    """
    texts = [*map(str, renamed[:_SHOWN])]
    if len(renamed) > _SHOWN:
        texts.append(f"and {len(renamed) - _SHOWN} more, listed in {rest}")
    return tuple(("" if number else "renamed", text) for number, text in enumerate(texts))
