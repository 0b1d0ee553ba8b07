"""Computations that the IR knows only by name: users register their meaning."""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ...batch.rule import refuse
from ...declare import attr, operand
from ...diagnostics import CompileError, Diagnostic
from ...ssa import Op, Value
from ...types import ANY, Array, Tensor, Type

Parameter: TypeAlias = bool | int | float | str
# (inputs, weights, parameters) → the result, or a tuple of results; arrays or a target's tensors.
Function: TypeAlias = Callable[[Sequence[Any], Sequence[Any], Mapping[str, Parameter]], Any]


@dataclass(frozen=True)
class Definition:
    """The computation of a `custom.call`.

    Attributes:
        evaluate: computes it with numpy.
        tensorflow: computes it with TensorFlow; None if it is only interpreted.
    """

    evaluate: Function
    tensorflow: Function | None = None


# Filled by `cmlc.register_custom_layer`; importing a module never adds to it.
DEFINITIONS: dict[str, Definition] = {}


def definition_of(name: str) -> Definition:
    """The definition of a custom computation.

    Raises:
        CompileError: it was not registered.
    """
    if name not in DEFINITIONS:
        remedy = f"call cmlc.register_custom_layer('{name}', …), in a file named by --plugin"
        raise CompileError(
            Diagnostic(f"custom layer '{name}' has no definition", "unsupported", remedy=remedy)
        )
    return DEFINITIONS[name]


class Call(Op):
    """A registered computation (Core ML's custom layers); a pure function of its operands.

    The last `weights` operands are its weights. Nothing is known about its dimensions, so no pass
    moves anything across it.

    (C1) there are at least as many operands as weights.
    """

    name = "custom.call"
    batch = refuse("works along dimensions that nobody knows, maybe the batch")

    inputs: tuple[Value, ...] = operand(ANY)
    definition: str = attr()
    results_are: tuple[Tensor, ...] = attr()
    parameters: tuple[tuple[Parameter, ...], ...] = attr(default=())
    weights: int = attr(default=0)

    def infer(self) -> tuple[Type, ...]:
        fits = 0 <= self.weights <= len(self.inputs)
        self.require("C1", fits, f"{self.weights} of {len(self.inputs)} operands are weights")
        return self.results_are

    def evaluate(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        function = definition_of(self.definition).evaluate
        found = called(function, inputs, self.weights, self.parameters)
        if len(found) != len(self.results_are):
            expected = len(self.results_are)
            raise ValueError(f"it returns {len(found)} results, {expected} were declared")
        return tuple(
            np.asarray(array, expected.dtype.numpy)
            for array, expected in zip(found, self.results_are, strict=True)
        )


def called(
    function: Function,
    operands: Sequence[Any],
    weights: int,
    parameters: Sequence[Sequence[Parameter]],
) -> tuple[Any, ...]:
    """The results of a definition's function; `parameters` are (name, value) pairs."""
    split = len(operands) - weights
    named = {str(name): value for name, value in parameters}
    found = function(list(operands[:split]), list(operands[split:]), named)
    return typing.cast(tuple[Any, ...], found) if isinstance(found, tuple) else (found,)


OPS = (Call,)
