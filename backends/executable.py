"""The executable form of a lowered module: the contract that every target keeps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic, unknown_function
from ..ir.ssa import Function, Module
from ..ir.types import Array


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
