"""Text to syntax tree: the grammar, and errors that show line, column and what would fit."""

import functools
from importlib import resources as package_resources
from typing import Any, TypeAlias

from lark import Lark
from lark.exceptions import UnexpectedInput

from ..diagnostics import CompileError, Diagnostic, caret_excerpt
from ..location import InText

# lark's trees are untyped by nature: what a rule's children are is the grammar's business.
Node: TypeAlias = Any


class ParseError(CompileError):
    """The text is no IR, or IR that an op rejects."""


@functools.cache
def _lark() -> Lark:
    grammar = package_resources.files(__package__ or "").joinpath("grammar.lark").read_text()
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def read(text: str, file: str) -> Node:
    """The tree of a whole text.

    Raises:
        ParseError: with line, column and excerpt.
    """
    try:
        return _lark().parse(text)  # pyright: ignore[reportUnknownMemberType]  lark's own generics
    except UnexpectedInput as error:
        raise _syntax_error(error, text, file) from None


def _syntax_error(error: UnexpectedInput, text: str, file: str) -> ParseError:
    line, column = error.line, error.column
    token: Any = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        lines = text.splitlines() or [""]
        line, column = len(lines), len(lines[-1]) + 1
        message = "the text ends too early"
    else:
        offset: int = error.pos_in_stream or 0
        message = f"unexpected {str(token) if token is not None else text[offset]!r}"
    expected = sorted(getattr(error, "accepts", None) or getattr(error, "allowed", None) or ())
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
    for definition in _lark().terminals:
        if definition.name == terminal and definition.pattern.type == "str":
            return f"'{definition.pattern.value}'"
    return terminal.lower()
