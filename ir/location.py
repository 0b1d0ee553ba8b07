"""Where an operation came from. Every op in a block has a location; rewrites fuse them.

An op that was inlined comes from its place in the called function, through a call.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
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
    """An element of the source model, such as `layers[3] 'conv1'` or `input 'image'`.

    Attributes:
        kind: where elements of its kind are.
        index: which of them it is.
        name: what the model calls it.
        type: what the model says that it does, such as `convolution`; not part of its place.
    """

    kind: str
    index: int | None
    name: str
    type: str = field(default="", compare=False)

    def __str__(self) -> str:
        index = "" if self.index is None else f"[{self.index}]"
        return f"{self.kind}{index} '{self.name}'"


@dataclass(frozen=True)
class CallSite:
    """An element of a function that was inlined into a call.

    Attributes:
        callee: the element's place in the function; not fused, but perhaps a call site itself.
        caller: the place of the call.
    """

    callee: "Location"
    caller: "Location"

    def __str__(self) -> str:
        return f"{self.callee}, called by {self.caller}"


@dataclass(frozen=True)
class Fused:
    """Several origins, merged by the rewrite `by`."""

    by: str
    parts: tuple["Location", ...]

    def __str__(self) -> str:
        return f"{self.by}({', '.join(map(str, self.parts))})"


Location: TypeAlias = Unknown | InText | InModel | CallSite | Fused
UNKNOWN = Unknown()


def fuse(by: str, locations: Iterable[Location]) -> Location:
    """The merged origin: flattened, without repetitions or unknowns.

    One surviving part is returned as it is; a rewrite of a single op needs no wrapper.
    """
    found: dict[Location, None] = {}
    for location in locations:
        known = (part for part in parts(location) if not isinstance(part, Unknown))
        found.update(dict.fromkeys(known))
    if not found:
        return UNKNOWN
    return next(iter(found)) if len(found) == 1 else Fused(by, tuple(found))


def called_by(callee: Location, caller: Location) -> Location:
    """The origin of an inlined op: that of each part, and the call's."""
    if isinstance(callee, Fused):
        return Fused(callee.by, tuple(called_by(part, caller) for part in callee.parts))
    known = [place for place in (callee, caller) if not isinstance(place, Unknown)]
    return CallSite(callee, caller) if len(known) == 2 else known[0] if known else UNKNOWN


def parts(location: Location) -> tuple[Location, ...]:
    """The unfused origins, with the calls that they were inlined through."""
    return location.parts if isinstance(location, Fused) else (location,)


def leaves(location: Location) -> tuple[Location, ...]:
    """The unfused origins, each in its original function."""
    return tuple(map(_written, parts(location)))


def callers(place: Location) -> tuple[Location, ...]:
    """The calls that an unfused origin was inlined through, the innermost first."""
    return (*callers(place.callee), place.caller) if isinstance(place, CallSite) else ()


def _written(place: Location) -> Location:
    while isinstance(place, CallSite):
        place = place.callee
    return place


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
