"""Where an operation came from. Every op in a block has a location; rewrites fuse them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Unknown:
    """No origin: ops made by hand in tests."""

    def __str__(self) -> str:
        return "unknown"


@dataclass(frozen=True)
class InText:
    """A position in IR text; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class InModel:
    """An element of the source model, such as `layers[3] 'conv1'` or `input 'image'`."""

    kind: str
    index: int | None
    name: str

    def __str__(self) -> str:
        index = "" if self.index is None else f"[{self.index}]"
        return f"{self.kind}{index} '{self.name}'"


@dataclass(frozen=True)
class Fused:
    """Several origins, merged by the rewrite `by`."""

    by: str
    parts: tuple["Location", ...]

    def __str__(self) -> str:
        return f"{self.by}({', '.join(map(str, self.parts))})"


Location: TypeAlias = Unknown | InText | InModel | Fused
UNKNOWN = Unknown()


def fuse(by: str, locations: Iterable[Location]) -> Location:
    """The merged origin: flattened, without repetitions or unknowns.

    One surviving part is returned as it is; a rewrite of a single op needs no wrapper.
    """
    parts: dict[Location, None] = {}
    for location in locations:
        inner = location.parts if isinstance(location, Fused) else (location,)
        parts.update(dict.fromkeys(part for part in inner if not isinstance(part, Unknown)))
    if not parts:
        return UNKNOWN
    return next(iter(parts)) if len(parts) == 1 else Fused(by, tuple(parts))


def leaves(location: Location) -> tuple[Location, ...]:
    """The unfused origins."""
    return location.parts if isinstance(location, Fused) else (location,)


_IN_MODEL = re.compile(
    r"(?P<kind>[\w.]+(?:\[\d+\]\.[\w.]+)*)(?:\[(?P<index>\d+)\])? '(?P<name>.*)'", re.DOTALL
)
_IN_TEXT = re.compile(r"(?P<file>.*):(?P<line>\d+):(?P<column>\d+)", re.DOTALL)


def parse_location(text: str) -> Location:
    """The inverse of `str` for unfused locations.

    Raises:
        ValueError: the text is not a location.
    """
    if text == "unknown":
        return UNKNOWN
    if match := _IN_MODEL.fullmatch(text):
        index = match["index"]
        return InModel(match["kind"], None if index is None else int(index), match["name"])
    if match := _IN_TEXT.fullmatch(text):
        return InText(match["file"], int(match["line"]), int(match["column"]))
    raise ValueError(f"{text!r} is not a location")
