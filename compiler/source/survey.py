"""Counts the content of a specification: layers or operations by type, weights by encoding."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

from .blob import KINDS
from .programs import operations, stored_values
from .spec import parts
from .weight_params import encoding

_LAYER = "CoreML.Specification.NeuralNetworkLayer"
_WEIGHTS = "CoreML.Specification.WeightParams"
_PROGRAM = "CoreML.Specification.MILSpec.Program"
_BLOBS = {kind.number: kind for kind in KINDS.values()}


@dataclass(frozen=True)
class Survey:
    """Counts for summaries.

    Attributes:
        layers: number of layers or operations by type, including nested ones, without constants.
        encodings: number of weight tensors by encoding.
        weight_bytes: the size of the weights in the file.
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
        elif name == _WEIGHTS and (kind := encoding(message)) != "empty":
            encodings[kind] += 1
            size += 4 * len(message.floatValue) + len(message.float16Value)
            size += len(message.rawValue) + len(message.int8RawValue)
    for part in parts(spec):
        layers.update(op.type for op in operations(part.mlProgram) if op.type != "const")
    # Constants at the same place in a file count once.
    stored = {
        (value.blobFileValue.fileName, value.blobFileValue.offset): value.type.tensorType
        for _, value in stored_values(spec)
    }
    for tensor in stored.values():
        if blob := _BLOBS.get(tensor.dataType):
            encodings[blob.name] += 1
            size += -(-prod(dim.constant.size for dim in tensor.dimensions) * blob.bits // 8)
    return Survey(layers, encodings, size)


def _messages(message: Any) -> Iterator[Any]:
    """A message and all messages inside it, without ML Programs."""
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None or descriptor.message_type.full_name == _PROGRAM:
            continue
        if hasattr(value, "ListFields"):
            children = (value,)
        else:
            children = value.values() if hasattr(value, "values") else value
        for child in children:
            if hasattr(child, "ListFields"):  # a map's values may be numbers
                yield from _messages(child)
