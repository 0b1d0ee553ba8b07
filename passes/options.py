"""Options of passes as text, `limit=7 name="a, b" axes=[0, 1]`: their types and defaults.

The options of a pass are the fields of its dataclass. They may be bool, int, float, str, a Literal
of strings, a `tuple[…, ...]` of those, and any of them `| None`.
"""

import dataclasses
import difflib
import json
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from ..ir.diagnostics import usage_error

PASS_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^\s,="\[\]{}]+'
_LIST = rf"\[(?:{_QUOTED}|[^\]\"])*\]"
# The text in braces after a pass's name; a closing brace in it may be quoted.
BRACES = rf'\{{(?P<options>(?:{_QUOTED}|[^}}"])*)\}}'
_PAIR = re.compile(rf"(?P<key>{_BARE})\s*(?:=\s*(?P<value>{_QUOTED}|{_LIST}|{_BARE})?)?[\s,]*")
_ITEM = re.compile(rf"\s*(?P<item>{_QUOTED}|{_BARE})\s*(?:,|$)")
_SCALARS = (bool, int, float, str)


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a pass.

    Attributes:
        hint: the type of the dataclass field.
        default: `dataclasses.MISSING` where one must be given.
    """

    name: str
    hint: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def kind(self) -> str:
        """The accepted values, for people: `int`, `left|right`, `[int, …]`, `float|none`."""
        return _kind(self.hint)


def options_of(cls: type) -> tuple[Option, ...]:
    """The options of a pass class, in the order of its fields.

    Raises:
        TypeError: a field has a type that text can't express.
    """
    if not dataclasses.is_dataclass(cls):
        return ()
    hints = typing.get_type_hints(cls)
    found = tuple(
        Option(item.name, hints[item.name], _default(item))
        for item in dataclasses.fields(cls)
        if item.init
    )
    for option in found:
        if not _is_supported(option.hint):
            raise TypeError(f"its option '{option.name}' is of type {_kind(option.hint)}")
    return found


def _default(item: Any) -> Any:
    made = item.default_factory
    return item.default if made is dataclasses.MISSING else made()


def _parts(hint: Any) -> tuple[Any, ...]:
    """The alternatives of `a | b`, without None; a tuple of one for anything else."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(part for part in typing.get_args(hint) if part is not type(None))
    return (hint,)


def _is_optional(hint: Any) -> bool:
    return len(_parts(hint)) < len(typing.get_args(hint)) and _parts(hint) != (hint,)


def _element(hint: Any) -> Any:
    """The type of the elements of `tuple[element, ...]`; None for other types."""
    arguments = typing.get_args(hint)
    is_list = typing.get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is ...
    return arguments[0] if is_list else None


def _is_supported(hint: Any) -> bool:
    parts = _parts(hint)
    if len(parts) != 1:
        return False
    part = _element(parts[0]) or parts[0]
    if typing.get_origin(part) is Literal:
        return all(isinstance(choice, str) for choice in typing.get_args(part))
    return part in _SCALARS


def _kind(hint: Any) -> str:
    parts = [_kind_of_part(part) for part in _parts(hint)]
    return "|".join([*parts, *(["none"] if _is_optional(hint) else [])])


def _kind_of_part(hint: Any) -> str:
    element = _element(hint)
    if element is not None:
        return f"[{_kind(element)}, …]"
    if typing.get_origin(hint) is Literal:
        return "|".join(map(str, typing.get_args(hint)))
    return "true|false" if hint is bool else getattr(hint, "__name__", str(hint))


# -- text → values --------------------------------------------------------------------------------


def parse_options(name: str, options: Iterable[Option], text: str) -> dict[str, Any]:
    """The values that the text gives to the options of the pass `name`.

    Raises:
        CompileError: of kind "usage": an option that doesn't exist, is given twice, is missing, or
            has a value of another type.
    """
    known = {option.name: option for option in options}
    given: dict[str, Any] = {}
    for key, value in _pairs(name, text):
        option = known.get(key)
        if option is None:
            raise usage_error(
                f"'{name}' has no option '{key}'", near(key, known, "its options are:")
            )
        if key in given:
            raise usage_error(f"'{name}': option {key} is given twice")
        if value is None:
            raise usage_error(f"'{name}': option {key} has no value", f"write {key}={option.kind}")
        try:
            given[key] = _value(option.hint, value)
        except ValueError as error:
            shown = value.strip('"')
            raise usage_error(f"'{name}': option {key} can't be '{shown}'", str(error)) from None
    missing = [o for o in known.values() if o.required and o.name not in given]
    if missing:
        example = " ".join(f"{option.name}={option.kind}" for option in missing)
        raise usage_error(
            f"'{name}' needs the option {missing[0].name}", f"write {name}{{{example}}}"
        )
    return given


def _pairs(name: str, text: str) -> Iterator[tuple[str, str | None]]:
    position = len(text) - len(text.lstrip(" \t\r\n,"))
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            rest = text[position:].strip()
            remedy = 'write key=value; quote a text with commas or brackets: key="a, b"'
            raise usage_error(f"'{name}': '{rest}' is not an option", remedy)
        yield match["key"], match["value"]
        position = match.end()


def _value(hint: Any, text: str) -> Any:
    if _is_optional(hint) and text == "none":
        return None
    (part,) = _parts(hint)
    element = _element(part)
    if element is None:
        return _scalar(part, text)
    if not text.startswith("["):
        raise ValueError(f"expected {_kind(part)}")
    return tuple(_scalar(element, item) for item in _items(text[1:-1], part))


def _items(text: str, hint: Any) -> Iterator[str]:
    position = 0
    while text[position:].strip():
        match = _ITEM.match(text, position)
        if match is None:
            raise ValueError(f"expected {_kind(hint)}")
        yield match["item"]
        position = match.end()


def _scalar(hint: Any, text: str) -> Any:
    if hint is bool:
        if text not in ("true", "false"):
            raise ValueError("expected true or false")
        return text == "true"
    if hint is str and text.startswith("["):
        raise ValueError("expected str")
    choices = typing.get_args(hint)
    text = unquoted(text) if choices or hint is str else text
    if choices and text not in choices:
        raise ValueError(f"expected one of {', '.join(choices)}")
    if choices or hint is str:
        return text
    try:
        return hint(text)
    except ValueError:
        raise ValueError(f"expected {hint.__name__}") from None


def unquoted(text: str) -> str:
    """The text that a value spells, which may be in quotes.

    Raises:
        ValueError: an escape is unknown.
    """
    try:
        return json.loads(text, strict=False) if text.startswith('"') else text
    except ValueError:
        raise ValueError("escape quotes and backslashes with a backslash") from None


# -- values → text --------------------------------------------------------------------------------


def option_text(value: Any) -> str:
    """A value as text that `parse_options` parses to the same value."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(option_text, typing.cast(tuple[Any, ...], value)))}]"
    text = str(value)
    is_plain = re.fullmatch(_BARE, text) and text != "none"
    return text if is_plain or not isinstance(value, str) else json.dumps(text, ensure_ascii=False)


def near(name: str, known: Mapping[str, Any] | Iterable[str], title: str) -> str:
    """The names there are, the most similar one first, as a remedy."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower().replace("_", "-"), names, 1)
    close = close or difflib.get_close_matches(name, names, 1)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return f"{guess}{title} {', '.join(names) or 'none'}"
