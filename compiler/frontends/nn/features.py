"""The interface of a network: how features become blobs, and blobs features.

Images are [N, H, W, C] bytes with colours in the order red, green, blue, whatever order the network
wants; preprocessing (scale, bias, mean image, colour order) is part of the graph. Arrays keep
Core ML's shape and dtype. What IR types can't say (colour space, defaults, class labels) goes into
attributes of arguments, results and the function, from which the runtime and targets read it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....ir.attributes import Dims
from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import elementwise, index, reduce, shape
from ....ir.dims import Dim, product, symbol
from ....ir.location import InModel
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...source.interface import Feature, Interface
from .context import cast, floats

CHANNELS = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def can_batch(interface: Interface, arrays: bool) -> bool:
    """Whether the inputs have a batch dimension: images have; arrays if they may get one."""
    if not interface.inputs:
        return False
    return all(f.kind == "image" or (arrays and f.kind == "array") for f in interface.inputs)


@dataclass(frozen=True)
class Freedom:
    """Which extents stay open.

    Attributes:
        batch: the name of the dynamic batch dimension; empty for a batch of one.
        flexible: extents that the model declares flexible become symbols; otherwise the default
            shape is the only one.
        shapes: full shapes [sequence, batch, C, H, W] of array inputs of rank-5 networks, by name:
            Core ML lets such inputs be given with a sequence and a batch at run time.
    """

    batch: str = ""
    flexible: bool = True
    shapes: Mapping[str, Dims] = field(default_factory=dict[str, Dims])


def is_flexible(interface: Interface) -> bool:
    """Whether an input has more than one shape."""
    return any(feature.flexibility is not None for feature in interface.inputs)


class Inputs:
    """The function's arguments, and the blobs that the layers see."""

    def __init__(self, network: Any, interface: Interface, freedom: Freedom) -> None:
        self.interface = interface
        self.freedom = freedom
        self.batch: Dim = symbol(freedom.batch) if freedom.batch else 1
        self.batched_arrays = bool(freedom.batch)
        self.rank5 = network.arrayInputShapeMapping == 0
        self.rank5_images = network.imageInputShapeMapping == 0
        self.preprocessing: dict[str, list[Any]] = {}
        for item in network.preprocessing:
            # An old model with one image may leave the feature's name out.
            images = [f.name for f in interface.inputs if f.kind == "image"]
            name = item.featureName or (images[0] if len(images) == 1 else "")
            if name not in images:
                raise _problem(
                    name, "input", "preprocessing is for an image input, which this is not"
                )
            self.preprocessing.setdefault(name, []).append(item)

    def signature(self) -> tuple[list[Tensor], list[str]]:
        """Types and names of the arguments."""
        return [self._type(f) for f in self.interface.inputs], [
            f.name for f in self.interface.inputs
        ]

    def _type(self, feature: Feature) -> Tensor:
        if feature.kind == "image" and feature.image is not None:
            image = feature.image
            dtype = DType.F16 if image.color == "GRAYSCALE_FLOAT16" else DType.U8
            height, width = self._sizes(feature, (image.height, image.width))
            return Tensor(dtype, (self.batch, height, width, CHANNELS[image.color]))
        if feature.kind != "array" or feature.dtype is None:
            raise _problem(
                feature.name, "input", f"a {feature.kind} input can't feed a neural network"
            )
        if feature.name in self.freedom.shapes:
            return Tensor(feature.dtype, self._given_shape(feature))
        sizes = self._sizes(feature, feature.shape)
        if self.rank5 and len(sizes) not in (1, 3):
            raise _problem(
                feature.name,
                "input",
                f"an array of {len(sizes)} dimensions in a network that maps arrays to rank 5",
                "shapes of such networks have 1 or 3 dimensions",
            )
        if not self.batched_arrays:
            return Tensor(feature.dtype, sizes)
        if self.rank5:
            return Tensor(feature.dtype, (self.batch, *sizes))
        if sizes[0] != 1:
            raise _problem(feature.name, "input", "its first extent is not a batch of 1")
        return Tensor(feature.dtype, (self.batch, *sizes[1:]))

    def _given_shape(self, feature: Feature) -> Dims:
        """A shape that the user gave, checked against the declared one."""
        given, declared = self.freedom.shapes[feature.name], feature.shape
        expected = (*declared, 1, 1)[:3] if len(declared) in (1, 3) else ()
        if not self.rank5 or len(given) != 5 or tuple(given[2:]) != expected:
            shown = ", ".join(map(str, expected)) or "…"
            raise CompileError(
                Diagnostic(
                    f"the shape {list(map(str, given))} does not fit this input",
                    "usage",
                    InModel("input", None, feature.name),
                    remedy=f"give [sequence, batch, {shown}], for array inputs of rank-5 networks",
                )
            )
        return given

    def _sizes(self, feature: Feature, default: tuple[int, ...]) -> tuple[Dim, ...]:
        """The extents, with a symbol for each that the model leaves open."""
        if not self.freedom.flexible or feature.flexibility is None:
            return default
        name = re.sub(r"\W", "_", f"d_{feature.name}", flags=re.ASCII)
        choices = [*feature.flexibility.enumerated, default]
        ranges = feature.flexibility.ranges or ((0, 0),) * len(default)
        return tuple(
            symbol(f"{name}_{axis}")
            if low != high or len({choice[axis] for choice in choices}) > 1
            else size
            for axis, (size, (low, high)) in enumerate(zip(default, ranges, strict=True))
        )

    def attributes(self) -> list[dict[str, Any]]:
        """Interface facts of the arguments."""
        found = [_attributes(feature, self.rank5) for feature in self.interface.inputs]
        for facts in found:
            if facts["kind"] == "array" and self.rank5 and self.batched_arrays:
                facts["batched"] = True
        return found

    def blob(self, feature: Feature, argument: Value) -> Value:
        """The value that the layers see: preprocessed, of Core ML's rank."""
        if feature.kind == "image":
            return self._image(feature, argument)
        value = floats(argument)
        if not self.rank5:
            return value
        if feature.name in self.freedom.shapes:
            one = value.type.shape[0] == 1
            return shape.Squeeze(value, (0,)).result if one else value
        # [C] is [1, 1, C, 1, 1], [C, H, W] is [1, 1, C, H, W]; the sequence stays implicit.
        lead = () if self.batched_arrays else (0,)
        units = (2, 3) if len(feature.shape) == 1 else ()
        return shape.ExpandDims(value, (*lead, *units)).result

    def _image(self, feature: Feature, argument: Value) -> Value:
        assert feature.image is not None
        value = floats(argument)
        if feature.image.color == "BGR":
            value = shape.Reverse(value, (3,)).result
        for item in self.preprocessing.get(feature.name, []):
            if item.WhichOneof("preprocessor") == "scaler":
                value = _scale(value, item.scaler, feature.image.color)
        value = shape.Transpose(value, (0, 3, 1, 2)).result
        for item in self.preprocessing.get(feature.name, []):
            if item.WhichOneof("preprocessor") == "meanImage":
                value = _subtract_mean(feature, value, item.meanImage)
        if self.rank5_images and not self.rank5:
            return shape.ExpandDims(value, (0,)).result
        return value


def _scale(value: Value, scaler: Any, color: str) -> Value:
    """ChannelScale * x + bias of each channel, in the network's channel order."""
    biases = {
        "RGB": (scaler.redBias, scaler.greenBias, scaler.blueBias),
        "BGR": (scaler.blueBias, scaler.greenBias, scaler.redBias),
    }.get(color, (scaler.grayBias,))
    if scaler.channelScale != 1:
        value = elementwise.Mul(value, constant(np.asarray(scaler.channelScale, np.float32))).result
    if any(biases):
        bias = constant(np.asarray(biases, np.float32), "image_bias")
        value = elementwise.Add(value, bias).result
    return value


def _subtract_mean(feature: Feature, value: Value, mean: Any) -> Value:
    data = np.asarray(mean.meanImage, np.float32)
    sizes = tuple(dim for dim in value.type.shape[1:] if isinstance(dim, int))
    if data.size != np.prod(sizes):
        raise _problem(
            feature.name, "input", f"its mean image has {data.size} values for {list(sizes)}"
        )
    return elementwise.Sub(value, constant(data.reshape(sizes), "mean_image")).result


class Outputs:
    """The function's results."""

    def __init__(self, network: Any, interface: Interface, inputs: Inputs) -> None:
        self.network = network
        self.interface = interface
        self.inputs = inputs
        self.features = interface.outputs
        self.names = [feature.name for feature in self.features]

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
            raise _problem(feature.name, "output", "no layer makes this output")
        if feature.kind == "image":
            return self._image(feature, blob)
        dtype = feature.dtype or DType.F32
        return cast(self._array(feature, blob), dtype)

    def _probabilities(self, blobs: dict[str, Value | None]) -> Value:
        """[classes], or [N, classes] with a dynamic batch."""
        interface = self.interface
        name = interface.probabilities_layer or interface.predicted_probabilities
        blob = blobs.get(name) or self._last_blob(blobs)
        count = len(interface.class_labels)
        lead = self._lead()
        total = product(blob.type.shape)
        if total != product((*lead, count)):
            raise _problem(
                name,
                "output",
                f"{blob.type} does not give one probability for each of {count} classes",
            )
        return shape.Reshape(blob, (*lead, count)).result

    def _last_blob(self, blobs: dict[str, Value | None]) -> Value:
        """Without a name, the probabilities are what the last layer makes."""
        last = blobs.get(self.network.layers[-1].output[0]) if self.network.layers else None
        if last is None:
            raise _problem(
                self.interface.predicted_probabilities, "output", "no layer makes probabilities"
            )
        return last

    def _lead(self) -> tuple[Dim, ...]:
        """The leading batch dimension of results, if they have one."""
        return (
            (self.inputs.batch,) if not isinstance(self.inputs.batch, int) else self._image_lead()
        )

    def _image_lead(self) -> tuple[Dim, ...]:
        """Images come as [1, H, W, C] in a batch of one, so results have that dimension too."""
        images = [f for f in self.interface.inputs if f.kind == "image"]
        return (1,) if images and len(images) == len(self.interface.inputs) else ()

    def _array(self, feature: Feature, blob: Value) -> Value:
        if not self.inputs.rank5:
            return blob
        lead, total = self._lead(), product(blob.type.shape)
        declared = feature.shape
        if declared and product((*lead, *declared)) == total:
            return shape.Reshape(blob, (*lead, *declared)).result
        if blob.type.rank == 4 and blob.type.shape[0] in (1, self.inputs.batch):
            sizes = blob.type.shape[1:]
            # An undeclared [C, 1, 1] has the rank of the inputs: [C] where they are vectors.
            vectors = all(len(f.shape) == 1 for f in self.interface.inputs)
            kept = sizes[:1] if not declared and vectors and sizes[1:] == (1, 1) else sizes
            return shape.Reshape(blob, (*lead, *kept)).result
        return blob

    def _image(self, feature: Feature, blob: Value) -> Value:
        """[N, H, W, C] bytes in the order red, green, blue; values are limited to 0…255."""
        assert feature.image is not None
        channels = CHANNELS[feature.image.color]
        while blob.type.rank > 4 and blob.type.shape[0] == 1:
            blob = shape.Squeeze(blob, (0,)).result
        if blob.type.rank == 3:
            blob = shape.ExpandDims(blob, (0,)).result
        if blob.type.rank != 4 or blob.type.shape[1] != channels:
            raise _problem(feature.name, "output", f"{blob.type} is no {feature.image.color} image")
        value = shape.Transpose(blob, (0, 2, 3, 1)).result
        if feature.image.color == "BGR":
            value = shape.Reverse(value, (3,)).result
        if feature.image.color == "GRAYSCALE_FLOAT16":
            return cast(value, DType.F16)
        limited = elementwise.Clip(value, alpha=0.0, beta=255.0).result
        return cast(elementwise.Round(limited).result, DType.U8)

    def attributes(self, values: list[Value]) -> list[dict[str, Any]]:
        """Interface facts of the results."""
        found = [_attributes(feature, False) for feature in self.features]
        for facts, value in zip(found, values, strict=True):
            lead = len(self._lead())
            if facts["kind"] != "array" or not self.inputs.rank5:
                continue
            if value.type.rank == 3 + lead:
                facts["axes"] = "CHW"
            if lead and value.type.shape[0] == self.inputs.batch:
                facts["batched"] = True  # the leading dimension is ours, not Core ML's
        return found

    def function_attributes(self) -> dict[str, Any]:
        """Class labels and which output is which."""
        interface = self.interface
        if not interface.class_labels:
            return {}
        return {
            "class_labels": tuple(interface.class_labels),
            "predicted_feature": interface.predicted_feature,
            "predicted_probabilities": interface.predicted_probabilities,
        }


def _attributes(feature: Feature, rank5: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": feature.kind}
    if feature.kind == "array" and rank5:
        found["axes"] = "CHW" if len(feature.shape) == 3 else "C"  # by contract of that mapping
    if feature.image is not None:
        found["color"] = feature.image.color
    if feature.kind == "array" and feature.shape:
        found["shape"] = tuple(feature.shape)
    if feature.flexibility is not None:
        if feature.flexibility.enumerated:
            found["enumerated_shapes"] = feature.flexibility.enumerated
        else:
            # An open range is written as 0.
            found["shape_ranges"] = tuple((a, b or 0) for a, b in feature.flexibility.ranges)
    if feature.optional:
        found["optional"] = True
        found["default"] = float(feature.default or 0)
    return found


def module_attributes(interface: Interface) -> dict[str, Any]:
    """What the model says about itself."""
    found: dict[str, Any] = {"source": interface.kind, "spec_version": interface.spec_version}
    for key in ("author", "license", "shortDescription", "versionString"):
        if interface.metadata.get(key):
            found[key] = interface.metadata[key]
    return found


def _problem(name: str, where: str, message: str, remedy: str = "") -> CompileError:
    return CompileError(
        Diagnostic(message, "malformed", InModel(where, None, name), subject=where, remedy=remedy)
    )
