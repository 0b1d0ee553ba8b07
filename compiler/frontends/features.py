"""What inputs and outputs of all model types have in common: Core ML's description in the IR.

What IR types can't express (colour space, defaults, class labels, …) is stored next to arguments
and results (`ir/interface.py`), where the runtime and targets read it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.core import elementwise, shape
from ...ir.dialects.core.asserting import OPEN
from ...ir.dims import Dim, Interval, bare_symbol, symbol
from ...ir.interface import Argument, Classifier, Color, Description, Labels, ModuleFacts, Result
from ...ir.location import InModel
from ...ir.names import SYMBOL, written
from ...ir.ssa import Value
from ...ir.types import DType
from ..source.interface import Feature, Flexibility, Interface
from .values import cast

DescriptionT = TypeVar("DescriptionT", bound=Description)
CHANNELS: dict[Color, int] = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def argument_of(feature: Feature) -> Argument:
    """The interface attributes of the argument for an input or a state."""
    default = float(feature.default or 0) if feature.optional else None
    return replace(_described(Argument, feature), optional=feature.optional, default=default)


def result_of(feature: Feature) -> Result:
    """The interface attributes of the result for an output or a state."""
    return _described(Result, feature)


def _described(cls: type[DescriptionT], feature: Feature) -> DescriptionT:
    flexibility = feature.flexibility or Flexibility()
    ranges = () if flexibility.enumerated else flexibility.ranges
    return cls(
        kind=feature.kind,
        dtype=feature.dtype if feature.kind == "state" else None,
        color=None if feature.image is None else feature.image.color,
        shape=feature.shape if feature.kind == "array" else (),
        enumerated_shapes=flexibility.enumerated,
        shape_ranges=tuple((low, high or 0) for low, high in ranges),
    )


def classifier_of(interface: Interface, labels: Labels) -> Classifier:
    """The classes that a function predicts; empty if it is not a classifier."""
    if not labels:
        return Classifier()
    return Classifier(labels, interface.predicted_feature, interface.predicted_probabilities)


def metadata_of(interface: Interface) -> ModuleFacts:
    """The model's type, version and metadata."""
    found: ModuleFacts = {"source": interface.kind, "spec_version": interface.spec_version}
    for key in ("author", "license", "shortDescription", "versionString"):
        if interface.metadata.get(key):
            found[key] = interface.metadata[key]
    return found


def module_facts(network: Any, interface: Interface) -> ModuleFacts:
    """The model's metadata, and the parts of the model that inference does not use."""
    found = metadata_of(interface)
    if network.HasField("updateParams") or interface.updatable:
        losses = [loss.name for loss in network.updateParams.lossLayers]
        shown = f" (loss {', '.join(losses)})" if losses else ""
        found["ignored"] = f"how the model is trained on a device{shown}"
    return found


def problem(name: str, where: str, message: str, remedy: str = "") -> CompileError:
    """A diagnostic about one input or output."""
    return CompileError(
        Diagnostic(message, "malformed", InModel(where, None, name), subject=where, remedy=remedy)
    )


def is_flexible(interface: Interface) -> bool:
    """Whether an input has more than one shape."""
    return any(feature.flexibility is not None for feature in interface.inputs)


def words_of(features: Iterable[Feature]) -> Mapping[str, str]:
    """A word for each feature's name, which the symbols of its dimensions have in them."""
    return written(SYMBOL, (feature.name for feature in features))


def open_sizes(feature: Feature, default: tuple[int, ...], word: str) -> tuple[Dim, ...]:
    """The shape of an input, with a symbol for each dimension that the model leaves open.

    Args:
        feature: the input.
        default: its shape in the model's description.
        word: its word, see `words_of`.
    """
    if feature.flexibility is None:
        return default
    choices = [*feature.flexibility.enumerated, default]
    ranges = feature.flexibility.ranges or ((0, 0),) * len(default)
    return tuple(
        symbol(f"d_{word}_{axis}")
        if low != high or len({choice[axis] for choice in choices}) > 1
        else size
        for axis, (size, (low, high)) in enumerate(zip(default, ranges, strict=True))
    )


def limits_of(features: Iterable[Feature]) -> dict[str, Interval]:
    """Between which sizes the dimensions are that the model leaves open, by symbol."""
    features, found = list(features), dict[str, Interval]()
    words = words_of(features)
    for feature in features:
        if feature.flexibility is None or feature.kind not in ("array", "image"):
            continue  # a sequence of values is not an array, which is told where it is an input
        image = feature.image
        default = feature.shape if image is None else (image.height, image.width)
        for axis, dim in enumerate(open_sizes(feature, default, words[feature.name])):
            choices = [choice[axis] for choice in feature.flexibility.enumerated]
            name = bare_symbol(dim)
            if name is not None and choices:
                found[name] = min(choices), max(choices)
            elif name is not None:
                found[name] = feature.flexibility.ranges[axis]
    return found


def allowed_shapes(feature: Feature) -> tuple[tuple[int, ...], ...]:
    """The shapes that `tensor.assert_shape` allows for a flexible input; images have N and C."""
    assert feature.flexibility is not None
    entries = limits_of_sizes(feature.flexibility)
    if feature.image is None:
        return entries
    channels = CHANNELS[feature.image.color]
    return tuple((0, OPEN, *entry, channels, channels) for entry in entries)


def limits_of_sizes(flexibility: Flexibility) -> tuple[tuple[int, ...], ...]:
    """The shapes that a model allows, as entries of `tensor.assert_shape`; [H, W] of images."""
    shapes = [[(size, size) for size in entry] for entry in flexibility.enumerated]
    ranges = [(low, OPEN if high is None else high) for low, high in flexibility.ranges]
    return tuple(tuple(number for pair in pairs for number in pair) for pairs in shapes or [ranges])


def pixels(argument: Value, color: Color, dtype: DType) -> Value:
    """[N, H, W, C] bytes, red first, as numbers in the model's colour order."""
    value = cast(argument, dtype)
    return shape.Reverse(value, (3,)).result if color == "BGR" else value


def channels_first(image: Value) -> Value:
    """[N, H, W, C] as [N, C, H, W]."""
    return shape.Transpose(image, (0, 3, 1, 2)).result


def image_from_channels_first(name: str, value: Value, color: Color) -> Value:
    """Convert to [N, H, W, C] bytes, red first; values are limited to 0…255 and rounded."""
    while value.type.rank > 4 and value.type.shape[0] == 1:
        value = shape.Squeeze(value, (0,)).result
    if value.type.rank == 3:
        value = shape.ExpandDims(value, (0,)).result
    if value.type.rank != 4 or value.type.shape[1] != CHANNELS[color]:
        raise problem(name, "output", f"{value.type} is not an image in {color}")
    pixels = shape.Transpose(value, (0, 2, 3, 1)).result
    if color == "BGR":
        pixels = shape.Reverse(pixels, (3,)).result
    if color == "GRAYSCALE_FLOAT16":
        return elementwise.Cast(pixels, DType.F16).result
    limited = elementwise.Clip(pixels, alpha=0.0, beta=255.0).result
    return elementwise.Cast(elementwise.Round(limited).result, DType.U8).result
