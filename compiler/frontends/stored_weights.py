"""Weights as a model stores them, not imported, folded or renamed."""

from dataclasses import dataclass

from ...ir.weights.resources import Resource


@dataclass(frozen=True)
class StoredWeight:
    """One weight of a model.

    Attributes:
        name: unique in the model: the layer's name and the weight's (`conv1.weights`), or the name
            of the constant in an ML Program.
        resource: the numbers, dequantized when they are read.
        axes: the names of the axes, in order; empty if the specification gives them no meaning.
        kind: the type of the layer or operation; empty if nothing uses the weight.
        layer: the name of the layer or operation.
        parameter: which of its weights or parameters it is.
        encoding: how the model stores it: `float16`, `lut4`, `affine_dequantize of int8`, …
    """

    name: str
    resource: Resource
    axes: tuple[str, ...]
    kind: str
    layer: str
    parameter: str
    encoding: str
