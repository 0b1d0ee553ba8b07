"""Reads the interface of a compiled ML Program from `metadata.json`, for want of `coremldata.bin`.

Compilers since Xcode 13 write it for people. It is used only if the archive is missing, because it
says less (no class labels, no defaults of optional inputs); what it can't express is refused.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

from ...ir.diagnostics import CompileError, Diagnostic
from .spec import messages

FILE = "metadata.json"
_PROGRAM = "MLModelType_mlProgram"
_LARGEST = 1 << 24
_DTYPES = {"Float16": 65552, "Float32": 65568, "Double": 65600, "Int32": 131104, "Int8": 131080}
_COLORS = {"Grayscale": 10, "RGB": 20, "BGR": 30}
_REMEDY = "copy the whole .mlmodelc folder again: its coremldata.bin says everything"


def read_metadata(folder: Path) -> Any:
    """A Model message without its program: version and description.

    Raises:
        CompileError: the file is damaged, or does not say enough.
    """
    path = folder / FILE
    facts = _facts(path)
    kind = facts["modelType"].get("name") if isinstance(facts.get("modelType"), dict) else None
    if kind != _PROGRAM:
        _fail(path, f"it describes a model of type {kind}, for which it doesn't say enough")
    version = facts.get("specificationVersion")
    if not isinstance(version, int) or not 0 < version < 1000:
        _fail(path, f"it says that the specification version is {version}", "malformed")
    model = messages("Model_pb2").Model(specificationVersion=version)
    described = model.description
    for key, features in (
        ("inputSchema", described.input),
        ("outputSchema", described.output),
        ("stateSchema", described.state),
    ):
        for entry in facts.get(key, []):
            try:
                _describe(features.add(), entry, key == "stateSchema")
            except _UnknownError as error:
                name = entry.get("name") if isinstance(entry, dict) else entry
                _fail(path, f"its entry for '{name}' is not understood: {error}")
    return model


class _UnknownError(Exception):
    """A problem of an entry; the message continues a sentence."""


def _facts(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            _fail(path, "it is larger than any such file", "malformed")
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        _fail(path, "it is not JSON", "malformed")
    except OSError as error:
        _fail(path, f"it can't be read: {error.strerror or error}", "malformed")
    entries = content if isinstance(content, list) else [content]
    if len(entries) != 1 or not isinstance(entries[0], dict):
        _fail(path, "it doesn't describe one model", "malformed")
    found = entries[0]
    if "functions" in found:
        _fail(path, "it describes several functions")
    if any(not isinstance(found.get(key, []), list) for key in ("inputSchema", "outputSchema")):
        _fail(path, "its inputs and outputs are not lists", "malformed")
    return found


def _describe(feature: Any, entry: Any, is_state: bool) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise _UnknownError("it has no name")
    feature.name = entry["name"]
    feature.type.isOptional = entry.get("isOptional") == "1"
    kind = entry.get("type")
    if is_state:
        _set_array(feature.type.stateType.arrayType, entry)
    elif kind == "MultiArray":
        _set_array(feature.type.multiArrayType, entry)
    elif kind == "Image":
        _set_image(feature.type.imageType, entry)
    else:
        raise _UnknownError(f"it is a {kind}")


def _set_array(array: Any, entry: dict[str, Any]) -> None:
    dtype = entry.get("dataType")
    if dtype not in _DTYPES:
        raise _UnknownError(f"its elements are {dtype}")
    array.dataType = _DTYPES[dtype]
    array.shape.extend(_integers(entry, "shape"))
    if entry.get("hasShapeFlexibility") != "1":
        return
    if "shapeRange" in entry:
        for low, high in _rows(entry, "shapeRange", 2):
            array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    elif "enumeratedShapes" in entry:
        for shape in _rows(entry, "enumeratedShapes", len(array.shape)):
            array.enumeratedShapes.shapes.add(shape=shape)
    else:
        raise _UnknownError("its shape is flexible, but nothing says how")


def _set_image(image: Any, entry: dict[str, Any]) -> None:
    if entry.get("hasSizeFlexibility") == "1":
        raise _UnknownError("its size is flexible")
    color = entry.get("colorspace")
    if color not in _COLORS:
        raise _UnknownError(f"its colours are {color}")
    image.colorSpace = _COLORS[color]
    image.width, image.height = (_number(entry.get(key)) for key in ("width", "height"))


def _number(text: Any) -> int:
    if not isinstance(text, str) or not text.isdecimal():
        raise _UnknownError(f"{text} is not a number")
    return int(text)


def _integers(entry: dict[str, Any], key: str) -> list[int]:
    return _checked(_parsed(entry, key), entry[key])


def _rows(entry: dict[str, Any], key: str, count: int) -> list[list[int]]:
    rows = _parsed(entry, key)
    if not isinstance(rows, list):
        raise _UnknownError(f"'{entry[key]}' is not a list")
    found = [_checked(row, entry[key]) for row in rows]
    if any(len(row) != count for row in found):
        raise _UnknownError(f"'{entry[key]}' has rows whose length is not {count}")
    return found


def _parsed(entry: dict[str, Any], key: str) -> Any:
    """A list, which the file spells as text."""
    try:
        return json.loads(entry.get(key, ""))
    except (ValueError, TypeError, RecursionError):
        raise _UnknownError(f"'{entry.get(key)}' is not a {key}") from None


def _checked(row: Any, shown: Any) -> list[int]:
    whole = isinstance(row, list) and all(type(n) is int and -1 <= n < 1 << 31 for n in row)
    if not whole:
        raise _UnknownError(f"'{shown}' has no whole numbers")
    return list(row)


def _fail(path: Path, message: str, kind: Any = "unsupported") -> NoReturn:
    raise CompileError(Diagnostic(message, kind, file=str(path), remedy=_REMEDY))
