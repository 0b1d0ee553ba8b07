"""TFLite metadata: descriptions of a model, its inputs and outputs, for code generators.

The metadata are a separate flatbuffer inside the file (TensorFlow's `metadata_schema.fbs`, version
1.0.0), and files after it in a zip archive: labels. No available package writes them. Here are the
tables for which Core ML has content; fields are given by their positions in the schema.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...ir.interface import Argument, Description, Result
from ...ir.names import FILE, written
from ...ir.ssa import Function, Module
from ...ir.types import Tensor
from ..names import one_line_each
from ..tf.names import Signature
from .contents import Contents

_NAME, _IDENTIFIER, _PARSER = "TFLITE_METADATA", b"M001", "1.0.0"
_IMAGE_PROPERTIES, _NORMALIZATION = 2, 1  # the variant of the following union
_AXIS_LABELS = 2
_COORDINATES = "a row for each box: centre x, centre y, width, height; the image is 1 wide and high"
_COLORS = {"RGB": 1, "BGR": 1, "GRAYSCALE": 2, "GRAYSCALE_FLOAT16": 2}


def with_metadata(file: bytes, module: Module, signatures: Mapping[str, Signature]) -> bytes:
    """The TFLite file with metadata of the functions that its signatures are.

    Class labels are files in it, one label per line: `labels.txt` for the default function.

    Args:
        file: the file.
        module: the lowered module.
        signatures: what the functions of the module are called in the file, by their names.
    """
    files: dict[str, str] = {}
    content, graphs = Contents(file), dict[int, _Table]()
    stems = written(FILE, signatures, "function")
    for name, signature in signatures.items():
        function = signature.function
        labels = "labels.txt" if function is module.main else f"{stems[name]}.labels.txt"
        index, graph = _subgraph(content, signature, labels)
        graphs[index] = graph
        if is_labelled(function):
            files[labels] = "\n".join(one_line_each(function.classifier.class_labels)) + "\n"
    subgraphs = [graphs.get(index, _Table()) for index in range(max(graphs) + 1)]
    made = _attached(file, _packed(_model(module, subgraphs)))
    if not files:
        return made
    stream = io.BytesIO(made)
    with zipfile.ZipFile(stream, "a") as archive:  # after the model, where readers expect it
        for name, text in files.items():
            # A fixed date, so that the same model gives the same file.
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


# -- content ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """A table of the schema: texts, tables, lists of both, and lists of floats, by position."""

    fields: Mapping[int, Any] = field(default_factory=dict[int, Any])


@dataclass(frozen=True)
class _Byte:
    """A field of one byte: an enumeration, or the variant of the union in the next field."""

    value: int


@dataclass(frozen=True)
class _Floats:
    values: Sequence[float]


def _model(module: Module, subgraphs: list[_Table]) -> _Table:
    facts = module.attributes
    texts = {
        0: module.name,
        1: facts.get("shortDescription"),
        2: facts.get("versionString"),
        4: facts.get("author"),
        5: facts.get("license"),
        7: _PARSER,
    }
    return _Table({3: subgraphs, **{slot: str(text) for slot, text in texts.items() if text}})


def _subgraph(content: Contents, signature: Signature, labels: str) -> tuple[int, _Table]:
    """(index of the subgraph of a function, its description)."""
    function = signature.function
    values = zip(function.arguments, function.inputs, strict=True)
    given = {signature.inputs[value.name]: (value.type, known) for value, known in values}
    index, inputs = content.tensors(signature.key, "Inputs")
    rows = zip(function.result_names, function.results, function.outputs, strict=True)
    made = {signature.outputs[name]: (value.type, known) for name, value, known in rows}
    _, outputs = content.tensors(signature.key, "Outputs")
    named = labels if is_labelled(function) else ""
    return index, _Table(
        {
            0: signature.key,
            2: [_tensor(name, *given[name], "") for name in inputs],
            3: [_tensor(name, *made[name], named) for name in outputs],
        }
    )


def is_labelled(function: Function) -> bool:
    """Whether the labels of a function's classes are a file."""
    told = any(_of_classes(known) for known in function.outputs)
    return bool(function.classifier.class_labels) and told


def _of_classes(known: Description) -> str:
    """What an input or output says of each class; empty if nothing."""
    detected = known.detected if isinstance(known, Result) else None
    if detected == "confidence":
        return "a row for each box: the confidence of each class"
    return "the probability of each class" if known.kind == "dictionary" else ""


def _tensor(name: str, kind: Tensor, known: Description, labels: str) -> _Table:
    fields: dict[int, Any] = {0: name}
    if labels and (content := _of_classes(known)):
        file = {0: labels, 1: "the classes, in the order of the numbers", 2: _Byte(_AXIS_LABELS)}
        fields |= {1: content, 6: [_Table(file)]}
    elif isinstance(known, Result) and known.detected == "coordinates":
        fields[1] = _COORDINATES
    if isinstance(known, Argument) and known.own_number is not None:
        fields[1] = f"the model's own choice is {known.own_number:g}"
    if known.kind != "image":
        return _Table(fields)
    height, width = kind.shape[1:3]
    image: dict[int, Any] = {0: _Byte(_COLORS[known.color or "RGB"])}
    if isinstance(height, int) and isinstance(width, int):
        image[1] = _Table({0: width, 1: height})
    # The graph scales and shifts, so inputs are plain pixels.
    normalization = _Table({0: _Floats([0.0]), 1: _Floats([1.0])})
    return _Table(
        fields
        | {
            1: "pixels from 0 to 255; the model itself normalizes them",
            3: _Table({0: _Byte(_IMAGE_PROPERTIES), 1: _Table(image)}),
            4: [_Table({0: _Byte(_NORMALIZATION), 1: normalization})],
            5: _Table({0: _Floats([255.0]), 1: _Floats([0.0])}),
        }
    )


# -- writing ---------------------------------------------------------------------------------------


def _packed(table: _Table) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(_written(builder, table), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _written(builder: Any, item: Any) -> int:
    """The position of an item that others refer to; items that it refers to come first."""
    if isinstance(item, str):
        return builder.CreateString(item)
    if isinstance(item, _Floats):
        builder.StartVector(4, len(item.values), 4)
        for value in reversed(item.values):
            builder.PrependFloat32(value)
        return builder.EndVector()
    if isinstance(item, list):
        return _vector(builder, [_written(builder, entry) for entry in item])
    inline = (_Byte, int)
    fields = item.fields
    places = {s: _written(builder, v) for s, v in fields.items() if not isinstance(v, inline)}
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, value in fields.items():
        if isinstance(value, _Byte):
            builder.PrependUint8Slot(slot, value.value, 0)
        elif isinstance(value, int):
            builder.PrependUint32Slot(slot, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, places[slot], 0)
    return builder.EndObject()


def _vector(builder: Any, places: Iterable[int]) -> int:
    places = list(places)
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()


def _attached(file: bytes, content: bytes) -> bytes:
    """The TFLite file with one more buffer and its name, as the converter adds its own."""
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model: Any = flatbuffer_utils.convert_bytearray_to_object(file)
    buffer: Any = schema.BufferT()
    entry: Any = schema.MetadataT()
    buffer.data = np.frombuffer(content, np.uint8)
    entry.name, entry.buffer = _NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
