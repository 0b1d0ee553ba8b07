"""Results of the function: Core ML's outputs, from the blobs that layers made."""

from dataclasses import replace
from typing import Any

import numpy as np

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import index, reduce, shape
from ....ir.dims import Dim, product
from ....ir.interface import Result
from ....ir.ssa import Value
from ....ir.types import DType
from ...source.interface import Feature, Interface
from ..features import image_from_channels_first, problem, result_of
from ..values import cast
from .inputs import Inputs


class Outputs:
    """The function's results."""

    def __init__(self, network: Any, interface: Interface, inputs: Inputs) -> None:
        self.network = network
        self.interface = interface
        self.inputs = inputs
        self.features = interface.outputs
        self.names = [feature.name for feature in self.features]

    def blobs(self) -> frozenset[str]:
        """Names of the blobs that results are made from."""
        probabilities = (
            self.interface.probabilities_layer,
            self.interface.predicted_probabilities,
            self._last_name(),
        )
        return frozenset((*self.names, *probabilities))

    def values(self, blobs: dict[str, Value | None]) -> list[Value]:
        """One value for each output feature.

        Raises:
            CompileError: an output that no layer makes.
        """
        found: list[Value] = []
        problems: list[Diagnostic] = []
        for feature in self.features:
            try:
                found.append(self._value(feature, blobs))
            except CompileError as error:
                problems += error.diagnostics
        if problems:
            raise CompileError(problems)
        return found

    def _value(self, feature: Feature, blobs: dict[str, Value | None]) -> Value:
        interface = self.interface
        if feature.name == interface.predicted_feature and interface.class_labels:
            best = reduce.ReduceArgmax(self._probabilities(blobs), axis=-1).result
            kind = object if isinstance(interface.class_labels[0], str) else np.int64
            labels = constant(np.asarray(interface.class_labels, kind), "class_labels")
            return index.Gather(labels, best, axis=0).result
        if feature.kind == "dictionary":
            return self._probabilities(blobs)
        blob = blobs.get(feature.name)
        if blob is None:
            raise problem(feature.name, "output", "no layer makes this output")
        if feature.kind == "image":
            assert feature.image is not None
            return image_from_channels_first(feature.name, blob, feature.image.color)
        dtype = feature.dtype or DType.F32
        value = self._array(feature, blob)
        if value.type.rank == 0:
            value = shape.Reshape(
                value, (1,)
            ).result  # Core ML's arrays have at least one dimension
        return cast(value, dtype)

    def _probabilities(self, blobs: dict[str, Value | None]) -> Value:
        """[classes], or [1, classes] of images."""
        interface = self.interface
        name = interface.probabilities_layer or interface.predicted_probabilities
        blob = blobs.get(name) or self._last_blob(blobs)
        count = len(interface.class_labels)
        lead = self._lead()
        total = product(blob.type.shape)
        if total != product((*lead, count)):
            raise problem(
                name,
                "output",
                f"{blob.type} is not one probability for each of {count} classes",
            )
        return shape.Reshape(blob, (*lead, count)).result

    def _last_name(self) -> str:
        """The first output of the last layer."""
        layers = self.network.layers
        return layers[-1].output[0] if layers and layers[-1].output else ""

    def _last_blob(self, blobs: dict[str, Value | None]) -> Value:
        """The last layer's output, which holds the probabilities if they have no name."""
        last = blobs.get(self._last_name())
        if last is None:
            raise problem(
                self.interface.predicted_probabilities, "output", "no layer makes probabilities"
            )
        return last

    def _lead(self) -> tuple[Dim, ...]:
        """The leading batch dimension of results: images are [1, H, W, C], so they have it too."""
        images = [f for f in self.interface.inputs if f.kind == "image"]
        return (1,) if images and len(images) == len(self.interface.inputs) else ()

    def _array(self, feature: Feature, blob: Value) -> Value:
        if not self.inputs.rank5:
            sizes = self._exact_sizes(feature, blob)
            return blob if sizes in ((), blob.type.shape) else shape.Reshape(blob, sizes).result
        lead, total = self._lead(), product(blob.type.shape)
        declared = feature.shape
        if declared and product((*lead, *declared)) == total:
            return shape.Reshape(blob, (*lead, *declared)).result
        if blob.type.rank == 4 and blob.type.shape[0] == 1:
            sizes = blob.type.shape[1:]
            # An undeclared [C, 1, 1] has the rank of the inputs: [C] where they are vectors.
            vectors = all(len(f.shape) == 1 for f in self.interface.inputs)
            kept = sizes[:1] if not declared and vectors and sizes[1:] == (1, 1) else sizes
            return shape.Reshape(blob, (*lead, *kept)).result
        return blob

    def _exact_sizes(self, feature: Feature, blob: Value) -> tuple[Dim, ...]:
        """The declared shape, if the blob of an exact network has as many elements, else ()."""
        return feature.shape if product(feature.shape) == product(blob.type.shape) else ()

    def described(self, values: list[Value]) -> list[Result]:
        """The interface attributes of each result."""
        return [self._described(*row) for row in zip(self.features, values, strict=True)]

    def _described(self, feature: Feature, value: Value) -> Result:
        known, lead = result_of(feature), self._lead()
        if feature.kind != "array":
            return known
        if not self.inputs.rank5:
            return known
        if value.type.rank == 3 + len(lead):
            known = replace(known, axes="CHW")
        # The leading dimension was added here; Core ML does not have it.
        return known.with_batch() if lead and value.type.shape[0] == 1 else known
