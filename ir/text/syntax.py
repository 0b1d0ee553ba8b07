"""Text to syntax tree: the grammar, and errors that show line, column and what was expected.

`read` is fast: it takes phrases (operands, types, dictionaries, lists of numbers, locations) as
single tokens and keeps only the positions of tokens. If the text is wrong, `read_precisely` parses
it again by the same grammar without phrases, so that errors point at the exact place.
"""

import functools
from importlib import resources as package_resources
from typing import Any, TypeAlias

from lark import Lark
from lark.exceptions import UnexpectedInput

from ..diagnostics import CompileError, Diagnostic, caret_excerpt
from ..location import InText

# lark's trees are untyped: the grammar says what a rule's children are.
Node: TypeAlias = Any
PHRASES = frozenset({"OPERANDS", "TYPE", "DICT", "NUMBERS", "LOCATION"})


class ParseError(CompileError):
    """The text is not IR, or an op rejects it."""


@functools.cache
def _lark(precise: bool) -> Lark:
    grammar = package_resources.files(__package__ or "").joinpath("grammar.lark").read_text()
    return Lark(
        grammar,
        parser="lalr",
        start=["start", "type", "dict"],
        maybe_placeholders=True,
        propagate_positions=precise,
        edit_terminals=_spell_out if precise else None,
    )


def _spell_out(terminal: Any) -> None:
    """Make phrases match nothing, so that the rules next to them parse their text."""
    if terminal.name in PHRASES:
        terminal.pattern.value = "(?!x)x"


def read(text: str, start: str = "start") -> Node:
    """The tree of a whole text, or of a phrase parsed by its rule.

    Raises:
        UnexpectedInput: it does not parse; `read_precisely` says where and why.
    """
    return _lark(False).parse(text, start=start)  # pyright: ignore[reportUnknownMemberType]  lark's


def read_precisely(text: str, file: str) -> Node:
    """The tree of a whole text without phrases; its nodes have positions.

    Raises:
        ParseError: with line, column and excerpt.
    """
    try:
        return _lark(True).parse(text, start="start")  # pyright: ignore[reportUnknownMemberType]
    except UnexpectedInput as error:
        raise _syntax_error(error, text, file) from None


def _syntax_error(error: UnexpectedInput, text: str, file: str) -> ParseError:
    line, column = error.line, error.column
    token: Any = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        lines = text.splitlines() or [""]
        line, column = len(lines), len(lines[-1]) + 1
        message = "unexpected end of the text"
    else:
        offset: int = error.pos_in_stream or 0
        message = f"unexpected {str(token) if token is not None else text[offset]!r}"
    fitting: set[str] = getattr(error, "accepts", None) or getattr(error, "allowed", None) or set()
    expected = sorted(fitting - PHRASES)
    notes = (f"expected one of: {', '.join(map(_readable, expected))}",) if expected else ()
    return ParseError(
        Diagnostic(
            message,
            kind="malformed",
            location=InText(file, line, column),
            notes=notes,
            excerpt=caret_excerpt(text, line, column),
        )
    )


def _readable(terminal: str) -> str:
    for definition in _lark(True).terminals:
        if definition.name == terminal and definition.pattern.type == "str":
            return f"'{definition.pattern.value}'"
    return terminal.lower()
