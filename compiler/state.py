"""States of a model between predictions: the interface of coremltools.models.model.MLState."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..backends.executable import Executable, StateStore, StoredArrays
from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Function
from ..ir.types import Array, DType, Tensor
from .binding import states_of


class ModelState:
    """The values of a model's states. Two objects are independent of each other.

    They are kept in the dtype that the model computes in, and read and written in the declared
    dtype: float16 states of a model compiled for float32 lose nothing between predictions. An
    executable that runs on them keeps them in its own form.
    """

    def __init__(self, function: Function) -> None:
        self._types: dict[str, Tensor] = {}
        self._declared: dict[str, DType] = {}
        for value, known in states_of(function):
            self._types[value.name] = value.type
            self._declared[value.name] = known.dtype or value.type.dtype
        self._store: StateStore = StoredArrays(initial_states(function))

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
        return self._store.read(name).astype(self._declared[name].numpy)

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
        self._store.write(name, rounded.astype(expected.dtype.numpy))

    def _check(self, name: str) -> None:
        if name not in self._types:
            remedy = f"the states are {', '.join(self._types) or 'none'}"
            raise CompileError(Diagnostic(f"there is no state '{name}'", "usage", remedy=remedy))

    def run_interpreted(
        self, run: Callable[[Mapping[str, Array]], Mapping[str, Array]], function: Function
    ) -> Mapping[str, Array]:
        """What a function returns for arrays of its states, which are then set to its results."""
        held = [value.name for value, _ in states_of(function)]
        results = run({name: self._store.read(name) for name in held})
        for name in held:
            self._store.write(name, results[name])
        return results

    def run_on(
        self, executable: Executable, inputs: Mapping[str, Array], function: Function
    ) -> Mapping[str, Array]:
        """What an executable's function returns on these states, which stay in its form."""
        self._store = executable.store(self._store)
        return executable.run_on(self._store, inputs, function.name)

    def check(self, function: Function) -> None:
        """Refuse a function with states that are not among these.

        Raises:
            CompileError: of kind "usage".
        """
        for value, _ in states_of(function):
            if self._types.get(value.name) != value.type:
                message = f"the state has no '{value.name}' of type {value.type}"
                remedy = f"make it with make_state('{function.name}')"
                raise CompileError(Diagnostic(message, "usage", remedy=remedy))


def initial_states(function: Function) -> dict[str, Array]:
    """What a function's states are before the first prediction: zeros."""
    types = {value.name: value.type for value, _ in states_of(function)}
    return {name: np.zeros(item.static_shape, item.dtype.numpy) for name, item in types.items()}


def states_for(function: Function, state: ModelState | None) -> ModelState | None:
    """The states that a function runs on; None if it has none.

    Raises:
        CompileError: it has states and none are given, or the other way round.
    """
    names = [value.name for value, _ in states_of(function)]
    if state is None:
        if not names:
            return None
        message = f"the model has states ({', '.join(names)})"
        remedy = "predict(inputs, state) with a state = model.make_state()"
        raise CompileError(Diagnostic(message, "usage", remedy=remedy))
    if not names and state.names:
        raise CompileError(Diagnostic("the model has no states", "usage", remedy="predict(inputs)"))
    state.check(function)
    return state if names else None
