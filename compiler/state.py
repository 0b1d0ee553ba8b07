"""States of a model between predictions: the interface of coremltools.models.model.MLState."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Function
from ..ir.types import Array, DType, Tensor
from .binding import states_of


class ModelState:
    """The values of a model's states. Two objects are independent of each other.

    Arrays are kept in the dtype that the model computes in, and read and written in the declared
    dtype: float16 states of a model compiled for float32 lose nothing between predictions.
    """

    def __init__(self, function: Function) -> None:
        self._types: dict[str, Tensor] = {}
        self._declared: dict[str, DType] = {}
        self._arrays: dict[str, Array] = {}
        for value, known in states_of(function):
            self._types[value.name] = value.type
            self._declared[value.name] = known.dtype or value.type.dtype
            self._arrays[value.name] = np.zeros(value.type.static_shape, value.type.dtype.numpy)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the states."""
        return tuple(self._types)

    def read_state(self, name: str) -> Array:
        """A copy of a state's value, in the declared dtype.

        Raises:
            CompileError: there is no such state.
        """
        self._check(name)
        return self._arrays[name].astype(self._declared[name].numpy)

    def write_state(self, name: str, value: Any) -> None:
        """Set a state to a copy of an array of its shape, rounded to the declared dtype.

        Raises:
            CompileError: there is no such state, or the shape differs.
        """
        self._check(name)
        array = np.asarray(value)
        expected = self._types[name]
        if array.shape != expected.static_shape:
            message = f"state '{name}' has shape {list(expected.static_shape)}"
            raise CompileError(Diagnostic(f"{message}, not {list(array.shape)}", "usage"))
        rounded = array.astype(self._declared[name].numpy)
        self._arrays[name] = rounded.astype(expected.dtype.numpy)

    def _check(self, name: str) -> None:
        if name not in self._arrays:
            remedy = f"the states are {', '.join(self._arrays) or 'none'}"
            raise CompileError(Diagnostic(f"there is no state '{name}'", "usage", remedy=remedy))

    def arrays(self, function: Function) -> dict[str, Array]:
        """The states that a function takes, by name.

        Raises:
            CompileError: the function has states that are not among these.
        """
        for value, _ in states_of(function):
            if self._types.get(value.name) != value.type:
                message = f"the state has no '{value.name}' of type {value.type}"
                remedy = f"make it with make_state('{function.name}')"
                raise CompileError(Diagnostic(message, "usage", remedy=remedy))
        return {value.name: self._arrays[value.name] for value, _ in states_of(function)}

    def update(self, function: Function, results: Mapping[str, Array]) -> None:
        """Store the states that a run of the function returned."""
        self._arrays |= {value.name: results[value.name] for value, _ in states_of(function)}


def held_arrays(function: Function, state: ModelState | None) -> dict[str, Array]:
    """The state arguments of a function.

    Raises:
        CompileError: it has states and none are given, or the other way round.
    """
    names = [value.name for value, _ in states_of(function)]
    if state is None:
        if not names:
            return {}
        message = f"the model has states ({', '.join(names)})"
        remedy = "predict(inputs, state) with a state = model.make_state()"
        raise CompileError(Diagnostic(message, "usage", remedy=remedy))
    if not names and state.names:
        raise CompileError(Diagnostic("the model has no states", "usage", remedy="predict(inputs)"))
    return state.arrays(function)
