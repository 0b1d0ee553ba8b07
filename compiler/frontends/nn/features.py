"""What inputs and outputs have in common: facts that IR types can't say.

Colour space, defaults and class labels go into attributes of arguments, results and the function,
from which the runtime and targets read them.
"""

from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.location import InModel
from ...source.interface import Feature, Interface

CHANNELS = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def feature_attributes(feature: Feature, rank5: bool) -> dict[str, Any]:
    """What is known of an argument or a result besides its type."""
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
