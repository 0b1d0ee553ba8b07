"""What tokens mean: names, strings, bare words, the elements of inline constants."""

import json
import math
from typing import Any, cast

from lark import Token

from ..dims import symbol
from ..types import DType


def check_elements(data: Any, dtype: DType) -> None:
    """Raise TypeError for elements that numpy would convert with a loss, or without a word."""
    if isinstance(data, tuple | list):
        for item in cast(list[Any], data):
            check_elements(item, dtype)
        return
    wanted = float | int if dtype.is_float else int if dtype.is_integer else str
    wanted = bool if dtype is DType.BOOL else wanted
    if not isinstance(data, wanted) or (isinstance(data, bool) and wanted is not bool):
        raise TypeError(f"{data!r} is no {dtype.value}")


def named(name: str) -> Any:
    """What a bare word stands for: a constant, a dtype, else a symbolic dimension."""
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
    return json.loads(str(token), strict=False)


def key(token: Token) -> str:
    """The key of a dictionary entry: a bare or a quoted name."""
    return string(token) if token.type == "STRING" else str(token)


def unquote(token: Token) -> str:
    """The name in a `%value` or `@symbol` token."""
    text = str(token)[1:]
    return json.loads(text, strict=False) if text.startswith('"') else text
