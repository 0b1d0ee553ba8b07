"""Results of a function: what the model's description says, from the values of the program."""

from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.core.shape import Reshape
from ....ir.location import InModel
from ....ir.ssa import Value
from ...source.interface import Feature, Interface
from ..features import feature_attributes, image_from_channels_first
from .context import cast
from .walk import Names


class Outputs:
    """The results of one function."""

    def __init__(self, interface: Interface) -> None:
        self.features = interface.outputs

    def values(self, names: Names) -> list[Value]:
        """One value for each output feature.

        Raises:
            CompileError: every output that the program doesn't make, or that doesn't fit.
        """
        found: list[Value] = []
        problems: list[Diagnostic] = []
        for feature in self.features:
            try:
                found.append(self._value(feature, names))
            except CompileError as error:
                problems += error.diagnostics
        if problems:
            raise CompileError(problems)
        return found

    def _value(self, feature: Feature, names: Names) -> Value:
        location = InModel("output", None, feature.name)
        value = names.get(feature.name)
        if value is None:
            message = "the program makes no such output"
            raise CompileError(Diagnostic(message, "malformed", location))
        if feature.image is not None:
            return image_from_channels_first(feature.name, value, feature.image.color)
        if feature.kind != "array":
            message = f"a {feature.kind} output is not supported"
            raise CompileError(Diagnostic(message, "unsupported", location))
        if value.type.rank == 0:
            value = Reshape(value, (1,)).result  # Core ML's arrays have an extent at least
        return cast(value, feature.dtype) if feature.dtype is not None else value

    def attributes(self) -> list[dict[str, Any]]:
        """Interface facts of the results."""
        return [feature_attributes(feature, False) for feature in self.features]
