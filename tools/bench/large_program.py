"""Large ML Programs with random weights, for measurements: many operations, or many bytes."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.source.spec import messages
from .program_builder import FLOAT16, FLOAT32, ProgramBuilder, fill_type

_WIDTH = 2048  # width of the products that hold the weights
# A dtype's number in weight files and in programs, and numpy's dtype.
_HALF, _SINGLE = (1, FLOAT16, np.float16), (2, FLOAT32, np.float32)


def many_operations(count: int, width: int = 16) -> Any:
    """A Model message of at least `count` operations: residual blocks of ten each."""
    random = np.random.default_rng(0)
    rows, halves, turned = (4, width), (2, 2, width), (width, 2, 2)
    builder = ProgramBuilder(rows)
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


def many_statements(count: int) -> str:
    """The text of a compiled program with `count` statements, as compilers print it."""
    kind = "tensor<fp16, [1, 64, 16]>"
    lines: list[str] = []
    last = "x"
    for index in range(count // 4):
        name = f"block_{index}"
        lines += [
            f'string {name}_mode = const()[name = string("{name}_mode"), val = string("EXACT")];',
            f'{kind} {name}_weight = const()[name = string("{name}_weight"), val = {kind}'
            '(BLOBFILE(path = string("@model_path/weights/weight.bin"), '
            f"offset = uint64({64 * index})))];",
            f'{kind} {name}_sum = add(x = {last}, y = {name}_weight)[name = string("{name}_sum")];',
            f'{kind} {name} = gelu(mode = {name}_mode, x = {name}_sum)[name = string("{name}")];',
        ]
        last = name
    body = "\n".join(f"            {line}" for line in lines)
    return f"program(1.3)\n{{\n    func main<ios18>({kind} x) {{\n{body}\n    }} -> ({last});\n}}"


def many_weights(folder: Path, size: int, half: bool = False) -> Path:
    """A package with a chain of products whose weights take at least `size` bytes.

    Args:
        folder: where to write the package.
        size: the size of the weight file, in bytes.
        half: whether weights are float16, not float32.

    Returns:
        the package's path.
    """
    number, dtype, numpy = _HALF if half else _SINGLE
    path = folder / "weights.mlpackage"
    inside = path / "Data" / "com.apple.CoreML"
    (inside / "weights").mkdir(parents=True)
    each = _WIDTH * _WIDTH * np.dtype(numpy).itemsize
    count = -(-size // each)
    builder = ProgramBuilder((1, _WIDTH))
    random = np.random.default_rng(0)
    with (inside / "weights" / "weight.bin").open("wb") as file:
        file.write(struct.pack("<II", count, 2).ljust(64, b"\0"))
        for _ in range(count):
            offset = file.tell()
            file.write(struct.pack("<IIQQ", 0xDEADBEEF, number, each, offset + 64).ljust(64, b"\0"))
            file.write((random.random((_WIDTH, _WIDTH), np.float32) - 0.5).astype(numpy).data)
            stored = messages("MIL_pb2").Value()
            fill_type(stored.type, (_WIDTH, _WIDTH), dtype)
            stored.blobFileValue.fileName = "@model_path/weights/weight.bin"
            stored.blobFileValue.offset = offset
            if half:
                builder.op("cast", (1, _WIDTH), FLOAT16, dtype=np.array("fp16"))
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
