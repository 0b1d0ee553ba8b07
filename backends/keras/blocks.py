"""Functions of the generated code, and the runs of steps that they are made from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...ir.dims import Dim
from ...ir.names import unique
from ...ir.ssa import Value
from ..names import VARIABLE, variable
from .dialect import layers
from .steps import Body, Step


@dataclass
class Parameter:
    """A parameter of a block.

    Attributes:
        name: its name in code.
        slot: the attribute that it sets.
        values: its value in each occurrence.
        default: the value of most layers of the kind; None if calls must pass it.
    """

    name: str
    slot: str
    values: tuple[Any, ...]
    default: Any = None


@dataclass(eq=False)
class Block:
    """A function of the generated code.

    Attributes:
        name: its name in code.
        body: its steps; values and numbers that don't vary are those of the first occurrence.
        parameters: in the order of the signature.
        inputs: the variables of the body's inputs.
    """

    name: str
    body: Body
    parameters: list[Parameter] = field(default_factory=list[Parameter])
    inputs: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Run:
    """Consecutive steps of a body."""

    body: Body
    start: int
    stop: int

    @property
    def steps(self) -> list[Step]:
        return self.body.steps[self.start : self.stop]


def body_of(run: Run) -> Body:
    """A copy of a run as a separate body."""
    steps = [Step(s.kind, s.inputs, s.outputs, s.slots, s.label, s.source) for s in run.steps]
    made = {value for step in steps for value in step.outputs}
    inputs = dict.fromkeys(value for step in steps for value in step.inputs if value not in made)
    return Body(tuple(inputs), steps, steps[-1].outputs)


def function_of(runs: Sequence[Run]) -> Body:
    """The body of the function that these runs become; its steps are those of the first."""
    bodies = [body_of(run) for run in runs]
    made = bodies[0]
    for values in zip(*(body.values for body in bodies), strict=True):
        rows = zip(values, runs, strict=True)
        made.shapes[values[0]] = tuple(s for value, run in rows for s in run.body.shapes_of(value))
    return made


def extents_of(runs: Sequence[Run]) -> list[tuple[int | None, ...]]:
    """By dimension of the first input, its size in each run; None where it isn't one number."""
    columns: list[list[int | None]] = []
    for run in runs:
        shapes = run.body.shapes_of(body_of(run).inputs[0])
        if len({len(shape) for shape in shapes}) > 1:
            return []
        sizes = [{*dims} for dims in zip(*shapes, strict=True)]
        columns.append([_only(size) for size in sizes])
    if len({len(column) for column in columns}) > 1:
        return []
    return [*zip(*columns, strict=True)]


def _only(sizes: set[Dim]) -> int | None:
    size, *others = sizes
    return size if isinstance(size, int) and not others else None


def input_names(body: Body, labels: Mapping[Value, str]) -> list[str]:
    """`x` for an input that only the first step reads, `inputs` for one that is read again.

    Others are called what they are read as, or what they are.

    Args:
        body: of the block.
        labels: the names of layers, by what they make, for inputs that all calls share.
    """
    last = body.last_uses()
    names = ["x" if last.get(body.inputs[0], 0) == 0 else "inputs"]
    for value in body.inputs[1:]:
        step = next(step for step in body.steps if value in step.inputs)
        name = _role(step, value) or _stem(labels.get(value, "")) or "other"
        names.append(unique(variable(name), {*names, "x"}, VARIABLE))
    return names


def _stem(label: str) -> str:
    """A layer's name without numbers at its end; empty if it is long or says nothing."""
    stem = re.sub(r"[_\d]+$", "", label)
    return stem if len(stem) <= _LONG_STEM and stem not in _SAYING_NOTHING else ""


_LONG_STEM = 24
_SAYING_NOTHING = ("var", "const", "input", "x", "op")


_ROLES = {"bias": "mask", "attention_mask": "mask", "mask": "mask"}
_MEMORIES = ("key", "value")


def _role(step: Step, value: Value) -> str:
    """What an input is for the step that reads it first; empty if that doesn't say it."""
    if isinstance(step.source, Block):
        name = step.source.inputs[step.inputs.index(value)]
        return name if name not in ("x", "inputs", "other") else ""
    if isinstance(step.source, layers.Add | layers.Concatenate):
        return "skip"
    op = step.op
    operand = next(o.name for o in op.spec.operands if value in op.values_of(o.name))
    if operand in _MEMORIES:
        return "memory"
    return _ROLES.get(operand, "")


def columns_of(runs: list[Run]) -> list[dict[str, tuple[Any, ...]]]:
    """By step and slot, the values of all occurrences."""
    rows = zip(*(run.steps for run in runs), strict=True)
    return [
        {name: tuple(step.slots[name] for step in steps) for name in steps[0].slots}
        for steps in rows
    ]


def is_residual(body: Body) -> bool:
    """Whether the input is added to the output."""
    return any(
        isinstance(step.source, layers.Add) and set(body.inputs) & set(step.inputs)
        for step in body.steps
    )
