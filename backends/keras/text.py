"""How code is laid out: numbers and calls as text, line breaks as `ruff format` has them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...ir.types import DType
from ..names import quoted
from .definitions import DEFINITIONS
from .steps import Literal, Reference

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True)
class CallText:
    """A call to be written: the text before the arguments, the arguments, and what follows.

    Another call may follow, as in `layers.Dense(4)(x)`.
    """

    head: str
    arguments: "Sequence[str | CallText]"
    tail: str = ")"
    following: "CallText | None" = None

    @property
    def is_call(self) -> bool:
        """Whether it isn't a list, a tuple or a dictionary: those have one line for each item."""
        return self.head.endswith("(") and self.head != "("

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.arguments))
        return f"{self.head}{inside}{self.tail}{self.following or ''}"


def listed(items: "Sequence[str | CallText]") -> CallText:
    """[a, b]."""
    return CallText("[", items, "]")


def statement(
    before: str, item: str | CallText, indent: str = INDENT, after: str = ""
) -> list[str]:
    """One line, or several with the arguments of calls that don't fit on one."""
    whole = f"{indent}{before}{item}{after}"
    if len(whole) <= WIDTH or isinstance(item, str) or not (item.arguments or item.following):
        return [whole]
    following, apart = item.following, False
    if following is not None:
        first = str(CallText(item.head, item.arguments, item.tail))
        apart = len(f"{indent}{before}{first}{following.head}") <= WIDTH
        if apart and isinstance(following.arguments[0], CallText):
            return statement(f"{before}{first}", following, indent, after)
    lines = [f"{indent}{before}{item.head}"]
    together = f"{indent}{INDENT}{', '.join(map(str, item.arguments))}"
    # If only what follows doesn't fit, the formatter would break that; commas prevent it.
    if len(together) <= WIDTH and len(item.arguments) > 1 and item.is_call and not apart:
        lines.append(together)
    else:
        for argument in item.arguments:
            lines += statement("", argument, indent + INDENT, ",")
    if following is None:
        return [*lines, f"{indent}{item.tail}{after}"]
    return lines + statement(item.tail, following, indent, after)


# Arguments that layers accept as one number for several dimensions: (3, 3) as 3.
_PER_DIMENSION = frozenset(
    (
        *("kernel_size", "pool_size", "strides", "dilation_rate", "size"),
        *("scale", "offset"),
    )
)


def slot_text(slot: str, value: Any) -> str:
    """A number in the form of the argument of that name."""
    match slot, value:
        case (("padding" | "cropping"), tuple()):
            return text_of(_border(value))
        case _, (first, *others) if slot in _PER_DIMENSION and set(others) <= {first}:
            return _quotient_text(first) if slot == "scale" else text_of(first)
        case (("axis" | "shift"), (only,)):
            return text_of(only)
        case _, str() if value in DEFINITIONS:
            return value
        case _:
            return text_of(value)


def _border(pairs: Sequence[tuple[int, int]]) -> Any:
    """(before, after) of each dimension, as Keras abbreviates them."""
    if len({amount for pair in pairs for amount in pair}) == 1:
        return pairs[0][0]
    if len(pairs) == 1:
        return pairs[0]
    symmetric = all(low == high for low, high in pairs)
    return tuple(low for low, _ in pairs) if symmetric else pairs


def text_of(value: Any) -> str:
    """A number, string or tuple as people write it."""
    match value:
        case Reference(text) | Literal(text):
            return text
        case tuple():
            items = ", ".join(map(text_of, value))
            return f"({items},)" if len(value) == 1 else f"({items})"
        case DType():
            return f'"{value.numpy.name}"'
        case str():
            return quoted(value)
        case float() if not math.isfinite(value):
            return f"np.{value}" if value > 0 or value != value else "-np.inf"
        case float():
            return re.sub(r"e([-+])0", r"e\1", repr(value))
        case _:
            return str(value)


_DIVISORS = (255.0, 127.5, 128.0, 256.0, 127.0)


def _quotient_text(value: float) -> str:
    """The number; the usual scales of pixels as quotients."""
    for divisor in _DIVISORS:
        if float(np.float32(1 / divisor)) == float(np.float32(value)):
            return f"1 / {divisor:g}"
    return repr(value)
