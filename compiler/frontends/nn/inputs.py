"""Arguments of the function, and the blobs that layers read.

Images are [N, H, W, C] bytes with colours in the order red, green, blue, whatever order the network
uses; preprocessing (scale, bias, mean image, colour order) is part of the graph. Arrays keep Core
ML's shape and dtype. Shapes that the model leaves open are symbols, and are checked at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ....ir.attributes import Dims
from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import elementwise, shape
from ....ir.dims import Dim
from ....ir.interface import Argument
from ....ir.location import InModel
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...source.interface import Feature, Interface
from ..features import (
    CHANNELS,
    allowed_shapes,
    argument_of,
    channels_first,
    open_sizes,
    pixels,
    problem,
    words_of,
)
from .context import floats


@dataclass(frozen=True)
class ShapePolicy:
    """The shape policy: which dimensions stay dynamic.

    Attributes:
        flexible: dimensions that the model declares flexible become symbols; otherwise only the
            default shape is compiled.
        shapes: full shapes [sequence, batch, C, H, W] of array inputs of rank-5 networks, by name:
            Core ML accepts such inputs with a sequence and a batch at run time.
    """

    flexible: bool = True
    shapes: Mapping[str, Dims] = field(default_factory=dict[str, Dims])


class Inputs:
    """The function's arguments, and the blobs that the layers read."""

    def __init__(self, network: Any, interface: Interface, policy: ShapePolicy) -> None:
        self.interface = interface
        self.words = words_of(interface.inputs)
        self.policy = policy
        self.rank5 = network.arrayInputShapeMapping == 0
        self.rank5_images = network.imageInputShapeMapping == 0
        self.preprocessing: dict[str, list[Any]] = {}
        for item in network.preprocessing:
            # An old model with one image may omit the feature's name.
            images = [f.name for f in interface.inputs if f.kind == "image"]
            name = item.featureName or (images[0] if len(images) == 1 else "")
            if name not in images:
                raise problem(name, "input", "has preprocessing, but is not an image input")
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
            return Tensor(dtype, (1, height, width, CHANNELS[image.color]))
        if feature.kind != "array" or feature.dtype is None:
            raise problem(
                feature.name, "input", f"a {feature.kind} input can't feed a neural network"
            )
        if feature.name in self.policy.shapes:
            return Tensor(feature.dtype, self._given_shape(feature))
        sizes = self._sizes(feature, feature.shape)
        if self.rank5 and len(sizes) not in (1, 3):
            raise problem(
                feature.name,
                "input",
                f"an array of {len(sizes)} dimensions in a network that maps arrays to rank 5",
                "shapes of such networks have 1 or 3 dimensions",
            )
        return Tensor(feature.dtype, sizes)

    def _given_shape(self, feature: Feature) -> Dims:
        """A shape given by the user, checked against the declared one."""
        given, declared = self.policy.shapes[feature.name], feature.shape
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
        word = self.words[feature.name]
        return open_sizes(feature, default, word) if self.policy.flexible else default

    def described(self) -> list[Argument]:
        """The interface attributes of each argument."""
        return [self._described(feature) for feature in self.interface.inputs]

    def _described(self, feature: Feature) -> Argument:
        known = argument_of(feature)
        if feature.kind != "array" or not self.rank5:
            return known
        axes = "CHW" if len(feature.shape) == 3 else "C"  # by definition of that mapping
        return replace(known, axes=axes)

    def blob(self, feature: Feature, argument: Value) -> Value:
        """The value that layers read: checked, preprocessed, and with Core ML's rank."""
        argument = self._asserted(feature, argument)
        if feature.kind == "image":
            return self._image(feature, argument)
        value = floats(argument)
        if not self.rank5:
            return value
        if feature.name in self.policy.shapes:
            one = value.type.shape[0] == 1
            return shape.Squeeze(value, (0,)).result if one else value
        # [C] is [1, 1, C, 1, 1], [C, H, W] is [1, 1, C, H, W]; the sequence stays implicit.
        units = (2, 3) if len(feature.shape) == 1 else ()
        return shape.ExpandDims(value, (0, *units)).result

    def _asserted(self, feature: Feature, argument: Value) -> Value:
        """The argument, with a check that it has one of the declared shapes."""
        found = feature.flexibility
        if not self.policy.flexible or found is None or feature.name in self.policy.shapes:
            return argument
        return shape.AssertShape(
            argument, allowed_shapes(feature), f"input '{feature.name}'"
        ).result

    def _image(self, feature: Feature, argument: Value) -> Value:
        assert feature.image is not None
        value = pixels(argument, feature.image.color, DType.F32)
        for item in self.preprocessing.get(feature.name, []):
            if item.WhichOneof("preprocessor") == "scaler":
                value = _scale(value, item.scaler, feature.image.color)
        value = channels_first(value)
        for item in self.preprocessing.get(feature.name, []):
            if item.WhichOneof("preprocessor") == "meanImage":
                value = _subtract_mean(feature, value, item.meanImage)
        if self.rank5_images and not self.rank5:
            return shape.ExpandDims(value, (0,)).result
        return value


def _scale(value: Value, scaler: Any, color: str) -> Value:
    """ChannelScale * x + the bias of each channel, in the network's channel order."""
    biases = {
        "RGB": (scaler.redBias, scaler.greenBias, scaler.blueBias),
        "BGR": (scaler.blueBias, scaler.greenBias, scaler.redBias),
    }.get(color, (scaler.grayBias,))
    if scaler.channelScale != 1:
        value = elementwise.Mul(value, constant(np.asarray(scaler.channelScale, np.float32))).result
    if any(biases):
        # A scalar if possible: kernels are slow with rows of three numbers.
        one = biases[0] if len(set(biases)) == 1 else biases
        bias = constant(np.asarray(one, np.float32), "image_bias")
        value = elementwise.Add(value, bias).result
    return value


def _subtract_mean(feature: Feature, value: Value, mean: Any) -> Value:
    data = np.asarray(mean.meanImage, np.float32)
    sizes = tuple(dim for dim in value.type.shape[1:] if isinstance(dim, int))
    if data.size != np.prod(sizes):
        raise problem(
            feature.name, "input", f"its mean image has {data.size} values for {list(sizes)}"
        )
    return elementwise.Sub(value, constant(data.reshape(sizes), "mean_image")).result
