"""What inputs and outputs have in common: facts that IR types can't say.

Colour space, defaults and class labels go into attributes of arguments, results and the function,
from which the runtime and targets read them.
"""

import re
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.core import elementwise, shape
from ...ir.dialects.core.asserting import OPEN
from ...ir.dims import Dim, symbol
from ...ir.location import InModel
from ...ir.ssa import Value
from ...ir.types import DType
from ..source.interface import Feature, Interface

CHANNELS = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def feature_attributes(feature: Feature, rank5: bool) -> dict[str, Any]:
    """What is known of an argument or a result besides its type."""
    found: dict[str, Any] = {"kind": feature.kind}
    if feature.kind == "array" and rank5:
        found["axes"] = "CHW" if len(feature.shape) == 3 else "C"  # by contract of that mapping
    if feature.kind == "state" and feature.dtype is not None:
        found["dtype"] = feature.dtype.value  # what it is read and written as
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


def module_attributes(network: Any, interface: Interface) -> dict[str, Any]:
    """What the model says about itself, and what of it inference has no use for."""
    found: dict[str, Any] = {"source": interface.kind, "spec_version": interface.spec_version}
    for key in ("author", "license", "shortDescription", "versionString"):
        if interface.metadata.get(key):
            found[key] = interface.metadata[key]
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


def open_sizes(feature: Feature, default: tuple[int, ...]) -> tuple[Dim, ...]:
    """The extents of an input, with a symbol for each that the model leaves open."""
    if feature.flexibility is None:
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


def allowed_shapes(feature: Feature) -> tuple[tuple[int, ...], ...]:
    """What `tensor.assert_shape` allows of a flexible input; images have a batch and channels."""
    found = feature.flexibility
    assert found is not None
    shapes = [[(size, size) for size in entry] for entry in found.enumerated]
    ranges = [(low, OPEN if high is None else high) for low, high in found.ranges]
    allowed: list[tuple[int, ...]] = []
    for pairs in shapes or [ranges]:
        if feature.image is not None:
            channels = CHANNELS[feature.image.color]
            pairs = [(0, OPEN), *pairs, (channels, channels)]
        allowed.append(tuple(number for pair in pairs for number in pair))
    return tuple(allowed)


def image_to_channels_first(argument: Value, color: str, dtype: DType) -> Value:
    """[N, H, W, C] bytes, red first, as [N, C, H, W] numbers in the network's order of colours."""
    value = elementwise.Cast(argument, dtype).result
    if color == "BGR":
        value = shape.Reverse(value, (3,)).result
    return shape.Transpose(value, (0, 3, 1, 2)).result


def image_from_channels_first(name: str, value: Value, color: str) -> Value:
    """[N, H, W, C] bytes, red first; values are limited to 0…255 and rounded."""
    while value.type.rank > 4 and value.type.shape[0] == 1:
        value = shape.Squeeze(value, (0,)).result
    if value.type.rank == 3:
        value = shape.ExpandDims(value, (0,)).result
    if value.type.rank != 4 or value.type.shape[1] != CHANNELS[color]:
        raise problem(name, "output", f"{value.type} is no {color} image")
    pixels = shape.Transpose(value, (0, 2, 3, 1)).result
    if color == "BGR":
        pixels = shape.Reverse(pixels, (3,)).result
    if color == "GRAYSCALE_FLOAT16":
        return elementwise.Cast(pixels, DType.F16).result
    limited = elementwise.Clip(pixels, alpha=0.0, beta=255.0).result
    return elementwise.Cast(elementwise.Round(limited).result, DType.U8).result
