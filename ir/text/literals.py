"""The meaning of tokens: names, strings, bare words, elements of inline constants."""

import json
import math
from typing import Any, cast

from lark import Token

from ..dims import symbol
from ..types import DType

_DECODE = json.JSONDecoder(strict=False).decode  # strings may hold line breaks


def check_elements(data: Any, dtype: DType) -> None:
    """Check what numpy would convert silently or with a loss.

    Raises:
        TypeError: an element is of another type.
        ValueError: a string has half of a surrogate pair, which is not a character.
    """
    if isinstance(data, tuple | list):
        for item in cast(list[Any], data):
            check_elements(item, dtype)
        return
    wanted = float | int if dtype.is_float else int if dtype.is_integer else str
    wanted = bool if dtype is DType.BOOL else wanted
    if not isinstance(data, wanted) or (isinstance(data, bool) and wanted is not bool):
        raise TypeError(f"{data!r} is not of type {dtype.value}")
    if isinstance(data, str):
        data.encode()


def named(name: str) -> Any:
    """The meaning of a bare word: a constant, a dtype, or else a symbolic dimension."""
    constants: dict[str, Any] = {
        "true": True,
        "false": False,
        "inf": math.inf,
        "nan": math.nan,
        "none": None,
    }
    if name in constants:
        return constants[name]
    try:
        return DType(name)
    except ValueError:
        return symbol(name)


def string(token: Token) -> str:
    """The content of a string token."""
    return _unescaped(token.value)


def _unescaped(text: str) -> str:
    """The content of a quoted text."""
    return _DECODE(text) if "\\" in text else text[1:-1]


def numbers(token: Token) -> tuple[float | int, ...]:
    """The elements of a list of numbers, which are spelled as in JSON."""
    return tuple(_DECODE(token.value))


def location_string(token: Token) -> str:
    """The content of the string in a location of one part."""
    return _unescaped(token.value[len("loc(") : -1])


def key(token: Token) -> str:
    """The key of a dictionary entry: a bare or a quoted name."""
    return string(token) if token.type == "STRING" else token.value


def unquote(token: Token) -> str:
    """The name in a `%value` or `@symbol` token."""
    text: str = token.value[1:]
    return _unescaped(text) if text.startswith('"') else text
