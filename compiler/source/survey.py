"""Counts the content of a specification: layers, operations, weights, and what is in models."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import Any

from .blob import KINDS
from .counts import counts_of
from .programs import operations, stored_values
from .spec import NETWORKS, model_kind, models_in, parts
from .weight_params import encoding

_LAYER = "CoreML.Specification.NeuralNetworkLayer"
_WEIGHTS = "CoreML.Specification.WeightParams"
_PROGRAM = "CoreML.Specification.MILSpec.Program"
_BLOBS = {kind.number: kind for kind in KINDS.values()}


@dataclass(frozen=True)
class Counted:
    """A model that is neither a network nor a program, or a model in a pipeline.

    Attributes:
        place: `model`, or `models[1]` in a pipeline.
        kind: its type.
        counts: of trees, support vectors and so on.
    """

    place: str
    kind: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Survey:
    """Counts for summaries.

    Attributes:
        layers: number of layers or operations by type, including nested ones, without constants.
        encodings: number of weight tensors by encoding.
        weight_bytes: the size of the weights in the file.
        structure: types of a pipeline and of the models in it: `pipeline(scaler, glmRegressor)`.
        models: those of which something is counted, in order.
    """

    layers: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    weight_bytes: int = 0
    structure: str = ""
    models: tuple[Counted, ...] = ()


def survey(spec: Any) -> Survey:
    """Count what a Model message holds; reads no weights."""
    layers, encodings, size = Counter[str](), Counter[str](), 0
    networks = [part for part in parts(spec) if model_kind(part) in NETWORKS]
    for message in chain.from_iterable(map(_messages, networks)):
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
    structure = _structure(spec) if models_in(spec) else ""
    return Survey(layers, encodings, size, structure, tuple(_counted(spec, "")))


def _structure(spec: Any) -> str:
    inner = ", ".join(map(_structure, models_in(spec)))
    kind = model_kind(spec) or "(none)"
    return f"{kind}({inner})" if inner else kind


def _counted(spec: Any, prefix: str) -> Iterator[Counted]:
    if counts := counts_of(spec):
        yield Counted(prefix.removesuffix(".") or "model", model_kind(spec), counts)
    for index, model in enumerate(models_in(spec)):
        yield from _counted(model, f"{prefix}models[{index}].")


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
