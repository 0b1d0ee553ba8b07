"""Calls of one block in a row, each of the result of the one before, as one loop."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...ir.ssa import Value
from .blocks import Block
from .steps import Body, Reference, Step

_LEAST = 3  # calls; two are as short as a loop
_MOST_VARYING = 2  # with more, a list of calls is easier to read

NUMBER = "i"
NAME = "layer_name"


@dataclass(frozen=True)
class Loop:
    """Consecutive calls of a block.

    Attributes:
        stop: the position after the last call.
        varying: parameters whose values differ, by name; each has a value for every call.
        label: the layers' name, with `{i}` where they are numbered.
        numbers: these numbers; None if the names are listed.
        names: the layers' names.
    """

    stop: int
    varying: dict[str, tuple[Any, ...]]
    label: str
    numbers: range | None
    names: tuple[str, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the loop that aren't numbers."""
        return (*([] if self.numbers is not None else [NAME]), *self.varying)

    def call(self, step: Step) -> Step:
        """The call in the loop, from one of its calls."""
        slots = step.slots | {name: Reference(name) for name in self.varying}
        return replace(step, slots=slots, label=self.label)


def loops_of(body: Body) -> dict[int, Loop]:
    """The loops of a function's body by the position where each begins."""
    found: dict[int, Loop] = {}
    start = 0
    while start < len(body.steps):
        loop = _from(body, start)
        if loop is not None:
            found[start] = loop
        start = loop.stop if loop is not None else start + 1
    return found


def _from(body: Body, start: int) -> Loop | None:
    calls = [*_chain(body, start)]
    if len(calls) < _LEAST:
        return None
    block = calls[0].source
    varying = {
        parameter.name: values
        for parameter in block.parameters
        if len(set(values := tuple(step.slots[parameter.name] for step in calls))) > 1
    }
    if len(varying) > _MOST_VARYING:
        return None
    names = tuple(step.label for step in calls)
    label, numbers = _numbered(names)
    if numbers is None and any(names):
        label = f"{{{NAME}}}"
    return Loop(start + len(calls), varying, label, numbers, names)


def _chain(body: Body, start: int) -> Iterator[Step]:
    """The calls of one block from here on that make nothing but what the next one takes."""
    first = body.steps[start]
    if not isinstance(first.source, Block):
        return
    yield first
    uses = body.uses()
    before, position = first, None
    for step in body.steps[start + 1 :]:
        (made,) = before.outputs
        if step.source is not first.source or uses[made] != step.inputs.count(made):
            return
        places = [i for i, value in enumerate(step.inputs) if value is made]
        others = [value for value in step.inputs if value is not made]
        if not places or position not in (None, places):
            return
        if others != [v for i, v in enumerate(first.inputs) if i not in places]:
            return
        if len({first.inputs[i] for i in places}) > 1:
            return
        before, position = step, places
        yield step


def _numbered(names: Sequence[str]) -> tuple[str, range | None]:
    """The one number by which names differ, and its values, one more each time."""
    if not any(names):
        return "", range(len(names))
    parts = [re.split(r"(\d+)", name) for name in names]
    if len({len(part) for part in parts}) > 1:
        return "", None
    rows = [*zip(*parts, strict=True)]
    differing = [i for i, row in enumerate(rows) if len(set(row)) > 1]
    if len(differing) != 1:
        return "", None
    (place,) = differing
    row = rows[place]
    if not all(text.isdigit() for text in row):
        return "", None
    numbers = range(int(row[0]), int(row[0]) + len(row))
    if row != tuple(map(str, numbers)):
        return "", None
    first = list(parts[0])
    first[place] = f"{{{NUMBER}}}"
    return "".join(first), numbers


def start_of(loop_body: Body, start: int) -> Value:
    """What the first call of the loop that begins here takes, and each other of the one before."""
    first, second = loop_body.steps[start : start + 2]
    return first.inputs[second.inputs.index(first.outputs[0])]
