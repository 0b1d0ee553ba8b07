"""Large ML Programs with random weights, for measurements: many operations, or many bytes."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..compiler.source.spec import messages

_FP16, _FP32, _INT32 = 10, 11, 23
_FLOAT32 = 65568  # of arrays in descriptions
_OPSET = "CoreML7"
_WIDTH = 2048  # of the products that hold the weights
# Dtype's number in weight files, in programs, and numpy's.
_HALF, _SINGLE = (1, _FP16, np.float16), (2, _FP32, np.float32)


class _Builder:
    """A function on x, built operation by operation."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.spec = messages("Model_pb2").Model(specificationVersion=8)
        program = self.spec.mlProgram
        program.version = 1
        self.function = program.functions["main"]
        self.function.opset = _OPSET
        self.block = self.function.block_specializations[_OPSET]
        _fill_type(self.function.inputs.add(name="x").type, shape)
        self._describe(self.spec.description.input, "x", shape)
        self.last, self.count = "x", 0

    def op(
        self, kind: str, shape: tuple[int, ...], dtype: int = _FP32, /, **parameters: Any
    ) -> str:
        """Add an operation; parameters are names, messages, or arrays. Gives its result's name."""
        self.count += 1
        operation = self.block.operations.add(type=kind)
        for parameter, value in {"x": self.last, **parameters}.items():
            binding = operation.inputs[parameter].arguments.add()
            if isinstance(value, str):
                binding.name = value
            elif isinstance(value, np.ndarray):
                _fill_constant(binding.value, value)
            else:
                binding.value.CopyFrom(value)
        self.last = f"{kind}_{self.count}"
        _fill_type(operation.outputs.add(name=self.last).type, shape, dtype)
        return self.last

    def model(self, shape: tuple[int, ...]) -> Any:
        """The Model message, which gives what was made last."""
        self.block.outputs.append(self.last)
        self._describe(self.spec.description.output, self.last, shape)
        return self.spec

    def _describe(self, features: Any, name: str, shape: tuple[int, ...]) -> None:
        array = features.add(name=name).type.multiArrayType
        array.shape.extend(shape)
        array.dataType = _FLOAT32


def many_operations(count: int, width: int = 16) -> Any:
    """A Model message of `count` operations at least: residual blocks of ten each."""
    random = np.random.default_rng(0)
    rows, halves, turned = (4, width), (2, 2, width), (width, 2, 2)
    builder = _Builder(rows)
    while builder.count < count:
        before = builder.last
        weight = random.normal(0, width**-0.5, (width, width)).astype(np.float32)
        bias = random.standard_normal(width).astype(np.float32)
        builder.op("linear", rows, weight=weight, bias=bias)
        builder.op("relu", rows)
        builder.op("mul", rows, y=np.array(0.5, np.float32))
        builder.op("add", rows, y=before)
        builder.op("reshape", halves, shape=np.array(halves, np.int32))
        builder.op("transpose", turned, perm=np.array([2, 0, 1], np.int32))
        builder.op("tanh", turned)
        builder.op("transpose", halves, perm=np.array([1, 2, 0], np.int32))
        builder.op("reshape", rows, shape=np.array(rows, np.int32))
        axes, epsilon = np.array([-1], np.int32), np.array(1e-3, np.float32)
        builder.op("layer_norm", rows, axes=axes, epsilon=epsilon)
    return builder.model(rows)


def many_weights(folder: Path, size: int, half: bool = False) -> Path:
    """A package with a chain of products whose weights take `size` bytes at least.

    Args:
        folder: where the package goes.
        size: of the weight file, in bytes.
        half: weights are float16, not float32.

    Returns:
        the package's path.
    """
    number, dtype, numpy = _HALF if half else _SINGLE
    path = folder / "weights.mlpackage"
    inside = path / "Data" / "com.apple.CoreML"
    (inside / "weights").mkdir(parents=True)
    each = _WIDTH * _WIDTH * np.dtype(numpy).itemsize
    count = -(-size // each)
    builder = _Builder((1, _WIDTH))
    random = np.random.default_rng(0)
    with (inside / "weights" / "weight.bin").open("wb") as file:
        file.write(struct.pack("<II", count, 2).ljust(64, b"\0"))
        for _ in range(count):
            offset = file.tell()
            file.write(struct.pack("<IIQQ", 0xDEADBEEF, number, each, offset + 64).ljust(64, b"\0"))
            file.write((random.random((_WIDTH, _WIDTH), np.float32) - 0.5).astype(numpy).data)
            stored = messages("MIL_pb2").Value()
            _fill_type(stored.type, (_WIDTH, _WIDTH), dtype)
            stored.blobFileValue.fileName = "@model_path/weights/weight.bin"
            stored.blobFileValue.offset = offset
            if half:
                builder.op("cast", (1, _WIDTH), _FP16, dtype=np.array("fp16"))
            builder.op("linear", (1, _WIDTH), dtype, weight=stored)
            if half:
                builder.op("cast", (1, _WIDTH), dtype=np.array("fp32"))
    (inside / "model.mlmodel").write_bytes(builder.model((1, _WIDTH)).SerializeToString())
    entries = {
        "1": {"path": "com.apple.CoreML/model.mlmodel", "name": "model.mlmodel"},
        "2": {"path": "com.apple.CoreML/weights", "name": "weights"},
    }
    for entry in entries.values():
        entry["author"] = "com.apple.CoreML"
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries,
        "rootModelIdentifier": "1",
    }
    (path / "Manifest.json").write_text(json.dumps(manifest))
    return path


def _fill_type(message: Any, shape: tuple[int, ...], dtype: int = _FP32) -> None:
    tensor = message.tensorType
    tensor.dataType, tensor.rank = dtype, len(shape)
    for size in shape:
        tensor.dimensions.add().constant.size = size


def _fill_constant(message: Any, array: Any) -> None:
    tensor = message.immediateValue.tensor
    if array.dtype.kind == "U":
        _fill_type(message.type, array.shape, 2)
        tensor.strings.values.append(str(array))
    elif array.dtype == np.float32:
        _fill_type(message.type, array.shape)
        tensor.floats.values.extend(array.ravel().tolist())
    else:
        _fill_type(message.type, array.shape, _INT32)
        tensor.ints.values.extend(array.ravel().tolist())
