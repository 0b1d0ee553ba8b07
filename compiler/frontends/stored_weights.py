"""Weights as a model stores them, not imported, folded or renamed; and what can't be read."""

from dataclasses import dataclass
from typing import TypeAlias

from ...ir.weights.resources import Resource


@dataclass(frozen=True)
class StoredWeight:
    """One weight of a model.

    Attributes:
        name: unique in the model: the layer's name and the weight's (`conv1.weights`), or the name
            of the constant in an ML Program; of other models, the field of the message.
        resource: the numbers or strings, dequantized when they are read.
        axes: the names of the axes, in order; empty if the specification gives them no meaning.
        kind: the type of the layer, operation or model; empty if nothing uses the weight.
        layer: the name of the layer or operation, or the place of the model in a pipeline.
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


@dataclass(frozen=True)
class Unread:
    """A part of a model whose weights can't be read.

    Attributes:
        layer: where it is: `models[0]`, or `model`.
        kind: the type of the model.
        reason: why not, after "…: ".
    """

    layer: str
    kind: str
    reason: str


Stored: TypeAlias = StoredWeight | Unread
