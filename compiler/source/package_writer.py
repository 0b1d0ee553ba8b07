"""Writes model packages: manifest, specification, weight files."""

import json
import posixpath
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.writing import check_replaceable, writing_whole
from .blob import FileRange
from .package import MANIFEST, is_package
from .programs import stored_values
from .reading import ModelSource
from .spec import LARGEST_MESSAGE, model_kind, parts
from .weight_files import MODEL_PATH, relative_name

_AUTHOR = "com.apple.CoreML"
_ITEMS = (
    ("model.mlmodel", "CoreML Model Specification"),
    ("weights", "CoreML Model Weights"),
)
_CHUNK = 1 << 22


def write_package(source: ModelSource, path: Path) -> Any:
    """Write a model as a `.mlpackage` folder, which appears whole or not at all.

    Weight files are copied unchanged; files with the same name get different ones.

    Returns:
        the Model message in the package.

    Raises:
        CompileError: weights are missing or damaged, or the folder contains something else.
        OSError: the package can't be written.
    """
    check_replaceable(path, "package", is_package)
    files = _weight_files(source)
    spec, copies = _renamed(source.spec, files)
    if spec.ByteSize() > LARGEST_MESSAGE:
        message = "the model without its weight files is larger than 2 GiB, more than a file holds"
        raise CompileError(Diagnostic(message, "unsupported"))
    with writing_whole(path) as made:
        inside = made / "Data" / _AUTHOR
        inside.mkdir(parents=True)
        (inside / _ITEMS[0][0]).write_bytes(spec.SerializeToString(deterministic=True))
        has_weights = any(model_kind(part) == "mlProgram" for part in parts(spec))
        if has_weights:
            (inside / "weights").mkdir()
        for name, file in copies.items():
            _copy(file, inside / "weights" / name)
        manifest = json.dumps(_manifest(_ITEMS if has_weights else _ITEMS[:1]), indent=4)
        (made / MANIFEST).write_text(manifest)
    return spec


def _weight_files(source: ModelSource) -> dict[str, FileRange]:
    """The weight files that the model names, by name; checks every constant in them."""
    files: dict[str, FileRange] = {}
    problems: list[Diagnostic] = []
    for name, value in stored_values(source.spec):
        stored = value.blobFileValue
        try:
            source.weights.resource(stored, value.type.tensorType, name)
        except CompileError as error:
            problems += error.diagnostics
            continue
        if stored.fileName not in files:
            files[stored.fileName] = source.weights.find(stored.fileName, name)
    if problems:
        raise CompileError(problems)
    return files


def _renamed(spec: Any, files: dict[str, FileRange]) -> tuple[Any, dict[str, FileRange]]:
    """(the model with the new names of weight files, the files by these names)."""
    names = dict(zip(files, _unique(list(files)), strict=True))
    stored = {old: f"{MODEL_PATH}/weights/{name}" for old, name in names.items()}
    if any(old != new for old, new in stored.items()):
        copy = type(spec)()
        copy.CopyFrom(spec)
        for _, value in stored_values(copy):
            value.blobFileValue.fileName = stored[value.blobFileValue.fileName]
        spec = copy
    return spec, {names[old]: file for old, file in files.items()}


def _unique(files: list[str]) -> Iterator[str]:
    """The files' names without their folders, numbered where two are equal."""
    names = [posixpath.basename(relative_name(file) or file) for file in files]
    alike = len({name.casefold() for name in names}) < len(names)
    for position, name in enumerate(names):
        yield f"{position}-{name}" if alike else name


def _copy(file: FileRange, target: Path) -> None:
    left = file.size
    with file.path.open("rb") as source, target.open("wb") as made:
        source.seek(file.start)
        while data := source.read(_CHUNK if left is None else min(left, _CHUNK)):
            made.write(data)
            left = None if left is None else left - len(data)


def _manifest(items: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    entries: dict[str, dict[str, str]] = {}
    for name, description in items:
        path = f"{_AUTHOR}/{name}"
        entries[str(uuid.uuid5(uuid.NAMESPACE_URL, path)).upper()] = {
            "author": _AUTHOR,
            "description": description,
            "name": name,
            "path": path,
        }
    return {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries,
        "rootModelIdentifier": next(iter(entries)),
    }
