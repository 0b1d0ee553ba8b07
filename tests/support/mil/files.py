"""ML Programs and their files written from plain Python: messages, text, weights, folders.

    add = op("add", {"y": tensor("fp32", 4)}, x="x", y=value(tensor("fp32", 4), [1, 2, 3, 4]))
    model = program(add, x=tensor("fp32", 4))
    folder = compiled_program(tmp_path, model)

What is packed here is packed by arithmetic on Python's integers, not as the package reads it.
"""

import json
import struct
from pathlib import Path

import numpy as np
from cmlc.compiler.source.spec import messages
from support.networks.builders import add_array
from support.networks.compiled_models import archive

MIL = messages("MIL_pb2")
DTYPES = {
    **{"bool": "BOOL", "string": "STRING", "fp16": "FLOAT16", "fp32": "FLOAT32"},
    **{"fp64": "FLOAT64", "bf16": "BFLOAT16"},
    **{f"int{bits}": f"INT{bits}" for bits in (4, 8, 16, 32, 64)},
    **{f"uint{bits}": f"UINT{bits}" for bits in (1, 2, 3, 4, 6, 8, 16, 32, 64)},
}
NAMES = {MIL.DataType.Value(value): key for key, value in DTYPES.items()}
OPSETS = {f"CoreML{n}": f"ios{n + 10}" for n in range(5, 9)} | {"CoreML9": "ios26"}
CODES = {
    **{"fp16": 1, "fp32": 2, "uint8": 3, "int8": 4, "bf16": 5, "int16": 6, "uint16": 7},
    **{"int4": 8, "uint1": 9, "uint2": 10, "uint4": 11, "uint3": 12, "uint6": 13},
    **{"int32": 14, "uint32": 15, "fp8e4m3fn": 16, "fp8e5m2": 17},
}
FLOATS = {"fp16": "<f2", "fp32": "<f4", "fp64": "<f8"}
IN_BYTES = (
    "fp16",
    "bf16",
    "int4",
    "int8",
    "uint32",
    *(f"uint{bits}" for bits in (1, 2, 3, 4, 6, 8)),
)
FIELDS = {
    **{"bool": "bools", "string": "strings", "fp32": "floats", "fp64": "doubles"},
    **{"int64": "longInts", "uint64": "longInts"},
    **dict.fromkeys(("int16", "uint16", "int32"), "ints"),
    **dict.fromkeys(IN_BYTES, "bytes"),
}


# -- types and values ------------------------------------------------------------------------------


def tensor(dtype, *shape):
    """A ValueType; extents of None are open."""
    made = MIL.ValueType()
    made.tensorType.dataType = MIL.DataType.Value(DTYPES[dtype])
    made.tensorType.rank = len(shape)
    for extent in shape:
        dimension = made.tensorType.dimensions.add()
        if extent is None:
            dimension.unknown.variadic = False
        else:
            dimension.constant.size = extent
    return made


def value(kind, data):
    """A Value of a type: numbers in nested lists, dictionaries, or a place `(file, offset)`."""
    made = MIL.Value(type=kind)
    which = kind.WhichOneof("type")
    if which == "tensorType" and isinstance(data, tuple):
        made.blobFileValue.fileName, made.blobFileValue.offset = data
    elif which == "tensorType":
        set_tensor(made.immediateValue.tensor, NAMES[kind.tensorType.dataType], data)
    elif which == "dictionaryType":
        made.immediateValue.dictionary.SetInParent()
        for key, item in data.items():
            pair = made.immediateValue.dictionary.values.add()
            pair.key.CopyFrom(value(kind.dictionaryType.keyType, key))
            pair.value.CopyFrom(value(kind.dictionaryType.valueType, item))
    else:
        is_list = which == "listType"
        kinds = [kind.listType.type] * len(data) if is_list else kind.tupleType.types
        field = made.immediateValue.list if is_list else made.immediateValue.tuple
        field.SetInParent()
        field.values.extend(map(value, kinds, data))
    return made


def set_tensor(field, dtype, data):
    leaves = list(flat(data))
    numbers = getattr(field, FIELDS[dtype])
    numbers.SetInParent()
    if FIELDS[dtype] == "bytes":
        numbers.values = packed(dtype, leaves)
    elif dtype == "uint64":
        numbers.values.extend(n - (n >> 63 << 64) for n in leaves)
    else:
        numbers.values.extend(leaves)


def flat(data):
    if isinstance(data, list | np.ndarray):
        for item in data:
            yield from flat(item)
    else:
        yield data.item() if isinstance(data, np.generic) else data


def packed(dtype, numbers):
    """Elements as bytes, bits in one large integer, the first element lowest."""
    if dtype in FLOATS:
        return np.array(numbers, FLOATS[dtype]).tobytes()
    if dtype.startswith("fp8"):
        return bytes(numbers)  # the numbers' bits
    if dtype == "bf16":
        return b"".join(np.array(n, "<f4").tobytes()[2:] for n in numbers)
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    whole = sum((n & (1 << bits) - 1) << i * bits for i, n in enumerate(numbers))
    return whole.to_bytes(-(-len(numbers) * bits // 8), "little")


# -- programs ------------------------------------------------------------------------------------


def op(kind, outputs, attributes=None, **inputs):
    """An Operation; inputs are names, Values, or lists of them, attributes Values or a name."""
    made = MIL.Operation(type=kind)
    for name, item in outputs.items():
        made.outputs.add(name=name, type=item)
    for key, given in inputs.items():
        for item in given if isinstance(given, list) else [given]:
            argument = made.inputs[key].arguments.add()
            if isinstance(item, str):
                argument.name = item
            else:
                argument.value.CopyFrom(item)
        made.inputs[key].SetInParent()
    for key, item in (attributes or {}).items():
        given = value(tensor("string"), [item]) if isinstance(item, str) else item
        made.attributes[key].CopyFrom(given)
    return made


def const(name, kind, data):
    """A `const` operation."""
    return op("const", {name: kind}, {"name": name, "val": value(kind, data)})


def function(*ops, outputs=None, opset="CoreML7", **inputs):
    """A Function; by default the last operation makes the output."""
    made = MIL.Function(opset=opset)
    for name, kind in inputs.items():
        made.inputs.add(name=name, type=kind)
    block = made.block_specializations[opset]
    block.operations.extend(ops)
    block.outputs.extend(outputs or [item.name for item in ops[-1].outputs])
    return made


def program(*ops, version=8, functions=None, **rest):
    """A Model message of an ML Program with the function main, or with those given."""
    functions = functions or {"main": function(*ops, **rest)}
    model = messages("Model_pb2").Model(specificationVersion=version)
    model.mlProgram.version = 1
    text = tensor("string")
    kind = MIL.ValueType()
    kind.dictionaryType.keyType.CopyFrom(text)
    kind.dictionaryType.valueType.CopyFrom(text)
    info = value(kind, {"coremlc-version": "3500.32.1"})
    model.mlProgram.attributes["buildInfo"].CopyFrom(info)
    for name, item in functions.items():
        model.mlProgram.functions[name].CopyFrom(item)
    first = next(iter(functions.values()))
    for item in first.inputs:
        dims = item.type.tensorType.dimensions
        add_array(model.description.input, item.name, [dim.constant.size for dim in dims])
    for name in first.block_specializations[first.opset].outputs:
        add_array(model.description.output, name, ())
    return model


def weighted(numbers=(1.0, -2.0, 0.5, 4.0), file="@model_path/weights/weight.bin", name="w"):
    """A Model that adds a constant from a weight file, and the weight file."""
    data, (place,) = weight_bin(("fp32", list(numbers)))
    kind = tensor("fp32", len(numbers))
    add = op("add", {"y": kind}, {"name": "y"}, x="x", y=name)
    return program(const(name, kind, (file, place)), add, x=kind), data


# -- text ------------------------------------------------------------------------------------------


def program_text(message, version="1.3"):
    """What compilers print, with the names that are in the message."""
    attributes = attributes_text(message.attributes, version)
    body = "".join(function_text(*item, version) for item in message.functions.items())
    return f"program({version})\n{attributes}\n{{\n{body}}}"


def function_text(name, made, version):
    inputs = ", ".join(f"{type_text(i.type, version)} {i.name}" for i in made.inputs)
    head = f"    func {name}<{OPSETS[made.opset]}>({inputs})"
    extra = attributes_text(made.attributes, version)
    block = made.block_specializations[made.opset]
    lines = "".join(f"            {operation_text(item, version)};\n" for item in block.operations)
    head += f" {extra}" if extra else ""
    return f"{head} {{\n{lines}        }} -> ({', '.join(block.outputs)});\n"


def operation_text(made, version):
    outputs = ", ".join(f"{type_text(o.type, version)} {o.name}" for o in made.outputs)
    inputs = ", ".join(
        f"{key} = {argument_text(made.inputs[key].arguments, version)}"
        for key in sorted(made.inputs)
    )
    extra = attributes_text(made.attributes, version)
    return f"{outputs + ' = ' if outputs else ''}{made.type}({inputs}){extra}"


def argument_text(arguments, version):
    shown = [item.name or value_text(item.value, version) for item in arguments]
    return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"


def attributes_text(attributes, version):
    shown = (f"{key} = {value_text(attributes[key], version)}" for key in sorted(attributes))
    return f"[{', '.join(shown)}]" if attributes else ""


def type_text(kind, version):
    which = kind.WhichOneof("type")
    inside = getattr(kind, which)
    if which == "tensorType":
        dims = ", ".join(extent_text(dim) for dim in inside.dimensions)
        name = NAMES[inside.dataType]
        return name if version > "1.0" and not dims else f"tensor<{name}, [{dims}]>"
    if which == "listType":
        return f"list<{type_text(inside.type, version)}, {extent_text(inside.length)}>"
    if which == "dictionaryType":
        parts = inside.keyType, inside.valueType
    else:
        parts = inside.types if which == "tupleType" else [inside.wrappedType]
    names = {"tupleType": "tuple", "dictionaryType": "dict", "stateType": "state"}
    return f"{names[which]}<{', '.join(type_text(part, version) for part in parts)}>"


def extent_text(dimension):
    return str(dimension.constant.size) if dimension.HasField("constant") else "?"


def value_text(item, version):
    kind = type_text(item.type, version)
    if item.WhichOneof("value") == "blobFileValue":
        path = value_text(value(tensor("string"), [item.blobFileValue.fileName]), version)
        offset = value_text(value(tensor("uint64"), [item.blobFileValue.offset]), version)
        return f"{kind}(BLOBFILE(path = {path}, offset = {offset}))"
    return f"{kind}({literal_text(item)})"


def literal_text(item):
    held = item.immediateValue
    match held.WhichOneof("value"):
        case "tensor":
            kind = item.type.tensorType
            dims = [
                dim.constant.size if dim.HasField("constant") else None for dim in kind.dimensions
            ]
            leaves = elements(held.tensor, NAMES[kind.dataType], dims)
            return nested_text([leaf_text(x, NAMES[kind.dataType]) for x in leaves], dims)
        case "list":
            return f"[{', '.join(map(literal_text, held.list.values))}]"
        case "tuple":
            return f"({', '.join(map(literal_text, held.tuple.values))})"
        case _:
            pairs = ((pair.key, pair.value) for pair in held.dictionary.values)
            shown = (f"{{{literal_text(key)}, {literal_text(item)}}}" for key, item in pairs)
            return f"{{{', '.join(shown)}}}"


def elements(field, dtype, dims):
    held = getattr(field, FIELDS[dtype]).values
    if FIELDS[dtype] != "bytes":
        return [n + (n < 0) * 2**64 for n in held] if dtype == "uint64" else list(held)
    if dtype in FLOATS:
        return np.frombuffer(held, FLOATS[dtype]).tolist()
    if dtype == "bf16":
        halves = [held[i : i + 2] for i in range(0, len(held), 2)]
        return [float(np.frombuffer(b"\0\0" + half, "<f4")[0]) for half in halves]
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    count = int(np.prod([1 if dim is None else dim for dim in dims], dtype=int))
    whole = int.from_bytes(held, "little")
    codes = [whole >> i * bits & (1 << bits) - 1 for i in range(count)]
    return codes if dtype[0] == "u" else [c - (c >> bits - 1 << bits) for c in codes]


def nested_text(leaves, dims):
    if not dims:
        return leaves[0]
    size = len(leaves) if dims[0] is None else dims[0]
    step = len(leaves) // size if size else 0
    rows = (nested_text(leaves[i * step : (i + 1) * step], dims[1:]) for i in range(size))
    return f"[{', '.join(rows)}]"


def leaf_text(leaf, dtype):
    if dtype == "string":
        escaped = leaf.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if dtype == "bool":
        return str(leaf).lower()
    return hexadecimal(leaf) if isinstance(leaf, float) else str(leaf)


def hexadecimal(number):
    """C99's `%a`: no zeros at the end."""
    if not np.isfinite(number):
        return str(number)
    digits, _, exponent = number.hex().partition("p")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}p{exponent}"


# -- files ---------------------------------------------------------------------------------------


def weight_bin(*blobs, garbage=b""):
    """(a weight file, where its blobs are described); blobs are (type, numbers).

    `garbage`: what old writers leave behind the offset of whole bytes' blobs: 40 bytes.
    """
    data, places = bytearray(struct.pack("<II56x", len(blobs), 2)), []
    for dtype, numbers in blobs:
        data += bytes(-len(data) % 64)
        places.append(len(data))
        body = packed(dtype, list(numbers))
        bits = int(dtype.removeprefix("u").removeprefix("int")) if "int" in dtype else 8
        unused = len(body) * 8 - len(list(numbers)) * bits if bits < 8 else 0
        rest = struct.pack("<Q32x", unused) if bits < 8 or not garbage else garbage
        data += struct.pack("<IIQQ", 0xDEADBEEF, CODES[dtype], len(body), len(data) + 64) + rest
        data += body
    return bytes(data), places


def write(path, data):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def compiled_program(folder, model, weights=None, version="1.3", name="p.mlmodelc"):
    """A compiled ML Program; `weights` are bytes of `weights/weight.bin`, or of files by name."""
    folder = Path(folder) / name
    count = len(model.mlProgram.functions)
    tail = struct.pack("<2Q", 502, 0) * max(count, 1)
    made = archive("mlProgram", model.description, tail, model.specificationVersion)
    write(folder / "coremldata.bin", made)
    write(folder / "model.mil", program_text(model.mlProgram, version))
    write_weights(folder, weights)
    return folder


def write_weights(folder, weights):
    files = {"weights/weight.bin": weights} if isinstance(weights, bytes) else weights or {}
    for name, data in files.items():
        write(folder / name, data)


def package(folder, model, weights=None, name="p.mlpackage", author="com.apple.CoreML", **items):
    """A package; `items` are further files beside the model, by name with `_` for the dot."""
    folder = Path(folder) / name
    inside = folder / "Data" / author
    entries = {"id-1": {"name": "model.mlmodel", "path": f"{author}/model.mlmodel"}}
    write(inside / "model.mlmodel", model.SerializeToString())
    write_weights(inside, weights)
    for key, content in items.items():
        file = key.replace("_", ".")
        entries[f"id-{file}"] = {"name": file, "path": f"{author}/{file}"}
        write(inside / file, content if isinstance(content, str) else json.dumps(content))
    for entry in entries.values():
        entry |= {"author": author, "description": ""}
    manifest = {"itemInfoEntries": entries, "rootModelIdentifier": "id-1"}
    write(folder / "Manifest.json", json.dumps(manifest | {"fileFormatVersion": "1.0.0"}))
    return folder


def pipeline_folder(folder, model, stages, kind=202, names=None, name="pipe.mlmodelc"):
    """A compiled pipeline around stages that `stages` writes: functions of a folder and a name."""
    folder = Path(folder) / name
    tail = struct.pack("<2Q", len(stages), kind)
    signature = "generic" + "".join(f".model{i}v8.0.0generic" for i in range(len(stages)))
    data = archive(kind, model.description, tail, model.specificationVersion, signature=signature)
    write(folder / "coremldata.bin", data)
    for position, stage in enumerate(stages):
        stage(folder, f"model{position}")
    if names is not None:
        texts = b"".join(struct.pack("<Q", len(n)) + n.encode() for n in names)
        write(folder / "modelNames/coremldata.bin", struct.pack("<Q", len(names)) + texts)
    return folder
