"""What runs a lowered module: the contract that every target keeps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ..ir.diagnostics import CompileError, Diagnostic, unknown_function
from ..ir.ssa import Function, Module
from ..ir.types import Array


class Executable(ABC):
    """A lowered module in the form that its target runs.

    What a target can't run at all (states, several functions) is a CompileError when the module is
    lowered or the executable is made; what it can't run on certain inputs is one of `run`.

    Attributes:
        module: what was lowered.
    """

    def __init__(self, module: Module) -> None:
        self.module = module

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that `run` takes, the default one among them."""
        return tuple(self.module.public_functions)

    @abstractmethod
    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        """Results by name for inputs by name. States are inputs and results like others.

        Args:
            inputs: of exactly the dtypes and shapes that the function's arguments have; others
                than its arguments play no part.
            function: one of `functions`; the default one without it.

        Raises:
            CompileError: there is no such function, an input is missing, or the inputs don't fit
                each other (extents that only running tells).
        """

    def called(self, function: str, inputs: Mapping[str, Array]) -> Function:
        """The function of that name, whose arguments are all among the inputs.

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


def failed_run(what: str, error: Exception) -> CompileError:
    """What to say when a library fails on inputs of the right types: its own first words."""
    said = str(error).strip().split("\n")[0][:300] or type(error).__name__
    return CompileError(Diagnostic(f"{what} fails on these inputs: {said}", "usage"))
