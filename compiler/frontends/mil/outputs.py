"""Results of a function: the outputs of the model's description, from the program's values.

The final values of states follow the outputs.
"""

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.core.shape import Reshape
from ....ir.interface import Labels, Result
from ....ir.location import InModel
from ....ir.ssa import Value
from ...source.interface import Feature, Interface
from ..features import image_from_channels_first, result_of
from ..values import cast
from .scope import Names


class Outputs:
    """The results of one function."""

    def __init__(self, interface: Interface, labels: Labels = ()) -> None:
        self.interface = interface
        self.features = (*interface.outputs, *interface.states)
        self.labels = labels

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
        if feature.kind == "state":
            return value
        if feature.image is not None:
            return image_from_channels_first(feature.name, value, feature.image.color)
        if feature.kind in ("string", "int64", "dictionary"):
            return self._of_classifier(feature, value, location)
        if feature.kind != "array":
            message = f"a {feature.kind} output is not supported"
            raise CompileError(Diagnostic(message, "unsupported", location))
        if value.type.rank == 0:
            value = Reshape(value, (1,)).result  # Core ML's arrays have at least one dimension
        return cast(value, feature.dtype) if feature.dtype is not None else value

    def _of_classifier(self, feature: Feature, value: Value, location: InModel) -> Value:
        """The result of `classify`: a label, or the probabilities of all classes."""
        interface = self.interface
        dictionary = feature.kind == "dictionary"
        wanted = interface.predicted_probabilities if dictionary else interface.predicted_feature
        if not self.labels or feature.name != wanted:
            message = f"a {feature.kind} output must be a classifier's prediction"
            raise CompileError(Diagnostic(message, "unsupported", location))
        return value

    def described(self) -> list[Result]:
        """The interface attributes of each result."""
        return [result_of(feature) for feature in self.features]
