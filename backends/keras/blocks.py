"""Functions of the generated code, and the runs of steps that they are made from."""

from dataclasses import dataclass, field
from typing import Any

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


def input_names(body: Body) -> list[str]:
    """`x` for an input that only the first step reads, `inputs` for one that is read again."""
    last = body.last_uses()
    names = ["x" if last.get(body.inputs[0], 0) == 0 else "inputs"]
    names += ["skip", "other"][: len(body.inputs) - 1]
    return names


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
