"""Weights as a model stores them: what is left when nothing is imported, folded or renamed."""

from dataclasses import dataclass

from ...ir.weights.resources import Resource


@dataclass(frozen=True)
class StoredWeight:
    """One weight of a model.

    Attributes:
        name: unique in the model: the layer's name and the weight's (`conv1.weights`), or the name
            of the constant in an ML Program.
        resource: the numbers, dequantized when they are read.
        axes: what the dimensions are, in order; empty if the specification gives them no meaning.
        kind: the layer's or operation's type; empty if nothing uses the weight.
        layer: its name.
        parameter: which of its weights or parameters.
        encoding: how the model stores it: `float16`, `lut4`, `affine_dequantize of int8`, …
    """

    name: str
    resource: Resource
    axes: tuple[str, ...]
    kind: str
    layer: str
    parameter: str
    encoding: str
