"""What a specification holds, counted: layers or operations by type, weights by encoding."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .weights import encoding

_LAYER = "CoreML.Specification.NeuralNetworkLayer"
_OPERATION = "CoreML.Specification.MILSpec.Operation"
_WEIGHTS = "CoreML.Specification.WeightParams"


@dataclass(frozen=True)
class Survey:
    """Counts for summaries.

    Attributes:
        layers: number of layers by type, nested networks included; of a program's operations.
        encodings: number of weight tensors by encoding.
        weight_bytes: what they take in the file.
    """

    layers: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    weight_bytes: int = 0


def survey(spec: Any) -> Survey:
    """Count what a Model message holds; reads no weights."""
    layers, encodings, size = Counter[str](), Counter[str](), 0
    for message in _messages(spec):
        name = message.DESCRIPTOR.full_name
        if name == _LAYER:
            layers[message.WhichOneof("layer") or "(none)"] += 1
        elif name == _OPERATION:
            layers[message.type] += message.type != "const"
        elif name == _WEIGHTS and (kind := encoding(message)) != "empty":
            encodings[kind] += 1
            size += 4 * len(message.floatValue) + len(message.float16Value)
            size += len(message.rawValue) + len(message.int8RawValue)
    return Survey(+layers, encodings, size)


def _messages(message: Any) -> Iterator[Any]:
    """A message and all inside it."""
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if hasattr(value, "ListFields"):
            children = (value,)
        else:
            children = value.values() if hasattr(value, "values") else value
        for child in children:
            if hasattr(child, "ListFields"):  # a map's values may be numbers
                yield from _messages(child)
