"""Calls of one block in a row, each of the result of the one before, as one loop."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...ir.ssa import Value
from .blocks import Block
from .steps import Body, Reference, Step

_LEAST = 3  # calls; two are as short as a loop
_MOST_VARYING = 2  # with more, a list of calls is easier to read

# Variables of loops.
NUMBER = "i"
NAME = "layer_name"


@dataclass(frozen=True)
class Loop:
    """Consecutive calls of a block.

    Attributes:
        calls: in order.
        stop: the position after the last one.
        begin: what the first call takes, and each other one of the one before.
        varying: parameters whose values differ, by name; each has a value for every call.
        label: the layers' name, with `{i}` where they are numbered, or a variable.
        numbers: these numbers; None if the names are listed.
    """

    calls: Sequence[Step]
    stop: int
    begin: Value
    varying: dict[str, tuple[Any, ...]]
    label: str
    numbers: range | None

    def call(self, variables: Mapping[str, str]) -> Step:
        """The call in the loop, with a variable for each parameter that varies."""
        first = self.calls[0]
        slots = first.slots | {name: Reference(variables[name]) for name in self.varying}
        return replace(first, slots=slots, label=self.label)


def loops_of(body: Body) -> dict[int, Loop]:
    """The loops of a function's body by the position where each begins."""
    found: dict[int, Loop] = {}
    uses, position = body.uses(), 0
    while position < len(body.steps):
        calls = _Chain(body, position, uses).calls
        loop = _loop(calls, position) if len(calls) >= _LEAST else None
        if loop is not None:
            found[position] = loop
        position += len(calls)
    return found


def _loop(calls: Sequence[Step], start: int) -> Loop | None:
    first, second = calls[:2]
    varying = {
        parameter.name: values
        for parameter in first.source.parameters
        if len(set(values := tuple(step.slots[parameter.name] for step in calls))) > 1
    }
    if len(varying) > _MOST_VARYING:
        return None
    begin = first.inputs[second.inputs.index(first.outputs[0])]
    label, numbers = _numbered([step.label for step in calls])
    return Loop(calls, start + len(calls), begin, varying, label, numbers)


class _Chain:
    """The calls of one block from a position on that make nothing but what the next one takes."""

    def __init__(self, body: Body, start: int, uses: Mapping[Value, int]) -> None:
        self.calls = [body.steps[start]]
        self._uses = uses
        if isinstance(self.calls[0].source, Block):
            for step in body.steps[start + 1 :]:
                if not self._goes_on(step):
                    break
                self.calls.append(step)

    def _goes_on(self, step: Step) -> bool:
        first, before = self.calls[0], self.calls[-1]
        (made,) = before.outputs
        if step.source is not first.source or self._uses[made] != step.inputs.count(made):
            return False
        places = [i for i, value in enumerate(step.inputs) if value is made]
        if not places or len({first.inputs[i] for i in places}) > 1:
            return False
        rows = zip(step.inputs, first.inputs, strict=True)
        same = all(i in places or a is b for i, (a, b) in enumerate(rows))
        begin = first.inputs[places[0]]
        return same and [i for i, value in enumerate(first.inputs) if value is begin] == places


def _numbered(names: Sequence[str]) -> tuple[str, range | None]:
    """The names as one text, and its numbers, one more each time; None if names are listed."""
    if not any(names):
        return "", range(len(names))
    parts = [re.split(r"(\d+)", name) for name in names]
    rows = [*zip(*parts, strict=False)]
    differing = [i for i, row in enumerate(rows) if len(set(row)) > 1]
    listed = f"{{{NAME}}}", None
    if len({len(part) for part in parts}) > 1 or len(differing) != 1:
        return listed
    (place,) = differing
    row = rows[place]
    if not row[0].isdigit():
        return listed
    numbers = range(int(row[0]), int(row[0]) + len(row))
    if row != tuple(map(str, numbers)):
        return listed
    return "".join([*parts[0][:place], f"{{{NUMBER}}}", *parts[0][place + 1 :]]), numbers
