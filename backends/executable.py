"""The executable form of a lowered module: the contract that every target keeps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic, unknown_function
from ..ir.ssa import Function, Module
from ..ir.types import Array


class StateStore(ABC):
    """The values of states between runs, by name, in the form in which a target keeps them."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The states."""

    @abstractmethod
    def read(self, name: str) -> Array:
        """A state's value, which doesn't change when the state does."""

    @abstractmethod
    def write(self, name: str, array: Array) -> None:
        """Set a state to an array of its dtype and shape, which is copied or never changed."""


class StoredArrays(StateStore):
    """States as arrays: the form that needs no library."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._arrays)

    def read(self, name: str) -> Array:
        return self._arrays[name]

    def write(self, name: str, array: Array) -> None:
        self._arrays[name] = array


class Executable(ABC):
    """A lowered module in the form that its target runs.

    A target that can't run a module at all (states, several functions) raises a CompileError when
    the module is lowered or the executable is made; `run` raises one for inputs that it can't run.

    Attributes:
        module: the lowered module.
    """

    def __init__(self, module: Module) -> None:
        self.module = module

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that `run` takes, including the default one."""
        return tuple(self.module.public_functions)

    @abstractmethod
    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        """Results by name for inputs by name. States are inputs and results like others.

        Args:
            inputs: arrays of exactly the dtypes and shapes of the function's arguments; others are
                ignored.
            function: one of `functions`; the default one without it.

        Raises:
            CompileError: there is no such function, an input is missing, or the inputs don't fit
                each other (dimensions known only at run time).
        """

    def store(self, states: StateStore) -> StateStore:
        """The states in the form in which `run_on` is fastest; the given ones are not used again.

        Without a form of its own, a target leaves them as they are.
        """
        return states

    def run_on(
        self, states: StateStore, inputs: Mapping[str, Array], function: str = ""
    ) -> dict[str, Array]:
        """`run` for states that are kept: they are read, and set to what the function returns.

        Args:
            states: all states of the function, in any form.
            inputs: the other arguments, as for `run`.
            function: as for `run`.

        Returns:
            the results that are not states.

        Raises:
            CompileError: as `run` does.
        """
        held = {name: states.read(name) for name in states.names}
        results = self.run({**inputs, **held}, function)
        callee = self.called(function, {**inputs, **held})
        for value, known in zip(callee.arguments, callee.inputs, strict=True):
            if known.kind == "state":
                states.write(value.name, results.pop(value.name))
        return results

    def called(self, function: str, inputs: Mapping[str, Array]) -> Function:
        """The function of that name, after checking that all its arguments are given.

        Raises:
            CompileError: there is no such function, or an input is missing.
        """
        if function and function not in self.functions:
            raise unknown_function(function, self.functions)
        callee = self.module.functions[function] if function else self.module.main
        missing = [value.name for value in callee.arguments if value.name not in inputs]
        if missing:
            raise CompileError(
                Diagnostic(f"input '{name}' is missing", "usage") for name in missing
            )
        return callee


def decoded(array: Array) -> Array:
    """Strings of a library, which are bytes, as the IR has them; other arrays as they are."""
    if array.dtype.kind not in "OS":
        return array
    found = np.empty(array.shape, object)
    for index in np.ndindex(array.shape):
        item = array[index]
        found[index] = item.decode() if isinstance(item, bytes) else item
    return found


def failed_run(what: str, error: Exception) -> CompileError:
    """The error for a library that fails on inputs of the right types, with its first words."""
    said = str(error).strip().split("\n")[0][:300] or type(error).__name__
    return CompileError(Diagnostic(f"{what} fails on these inputs: {said}", "usage"))
