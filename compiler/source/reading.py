"""Reads models from any source: the Model message, and where its external weights are."""

import mmap
import os
import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.weights.resources import Origin
from .compiled import is_compiled, read_compiled
from .package import Package, add_overlays, is_package, open_package
from .spec import DOWNLOAD_AGAIN, LARGEST_MESSAGE, check_model, malformed, model_kind, parse_message
from .weight_files import Folder, Place, WeightFiles, WeightsFolder
from .zipped import ZippedFolder, ZippedModel, find_model, is_zip, reading

_MODEL = "CoreML.Specification.Model"
_NAME_PACKAGE = "name the .mlpackage folder that the model belongs to"


@dataclass(frozen=True)
class ModelSource:
    """A model that was read.

    Attributes:
        spec: the Model message.
        weights: the files that constants of ML Programs are read from.
        name: what its file or folder is called, without the suffix.
        origin: what weights in the message derive their origins from: imported for several shapes,
            a weight stays one.
    """

    spec: Any
    weights: WeightFiles
    name: str = "model"
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True)
class Program:
    """An ML Program, with its description and weights.

    Attributes:
        message: the MILSpec Program.
        description: the ModelDescription.
        weights: the files that its constants are read from.
    """

    message: Any
    description: Any
    weights: WeightFiles


def read_model(source: object, weights_dir: str | Path | None = None) -> ModelSource:
    """A model from a path, a message, or a coremltools MLModel.

    Args:
        source: a `.mlmodel`, a `.mlpackage` or `.mlmodelc` folder, a zip archive with one of them;
            a Model message; an MLModel; or a result of this function.
        weights_dir: the folder of the weight files, for messages of ML Programs.

    Raises:
        CompileError: the source is not a Core ML model, or its version is too new.
    """
    if isinstance(source, ModelSource):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return replace(_read_path(path), name=path.stem)
    place: Place | None = None
    if callable(get_spec := getattr(source, "get_spec", None)):
        place = _place_of(source)
        source = get_spec()
    if weights_dir is not None:
        place = WeightsFolder(Path(weights_dir))
    descriptor = getattr(source, "DESCRIPTOR", None)
    if getattr(descriptor, "full_name", "") != _MODEL:
        message = f"a model is a path, a Model message or an MLModel, not {type(source).__name__}"
        raise CompileError(Diagnostic(message, "usage"))
    check_model(source, "")
    return ModelSource(source, WeightFiles(place, "save the model again"))


def read_spec(source: object) -> Any:
    """Only the Model message of what `read_model` reads.

    Raises:
        CompileError: the source is not a Core ML model, or its version is too new.
    """
    return read_model(source).spec


def program_of(source: object, weights_dir: str | Path | None = None) -> Program:
    """The ML Program that a model is.

    Args:
        source: as in `read_model`.
        weights_dir: as in `read_model`.

    Raises:
        CompileError: the source is not a model, or has another type.
    """
    read = read_model(source, weights_dir)
    kind = model_kind(read.spec)
    if kind != "mlProgram":
        message = f"the model is of type {kind}, not an ML Program"
        raise CompileError(Diagnostic(message, "unsupported", subject=kind))
    return Program(read.spec.mlProgram, read.spec.description, read.weights)


def _place_of(model: object) -> Place | None:
    """Where the weights of an MLModel are; it knows if it came from a package or has one."""
    if weights := getattr(model, "weights_dir", None):
        return WeightsFolder(Path(weights))
    if package := getattr(model, "package_path", None):
        return Folder(Path(str(open_package(Path(package)).model)).parent)
    return None


def _read_path(path: Path) -> ModelSource:
    try:
        if not path.is_dir():
            return _read_archive(path) if is_zip(path) else _read_file(path)
        if not is_package(path) and is_compiled(path):
            return ModelSource(read_compiled(path), WeightFiles(Folder(path)))
        package = open_package(path)
        file = Path(str(package.model))
        return _with_overlays(_read_file(file, Folder(file.parent)), package)
    except FileNotFoundError:
        malformed(str(path), "there is no such file or folder", "check the path")
    except OSError as error:
        malformed(str(path), f"the file can't be read: {error.strerror or error}")


def _read_file(file: Path, place: Place | None = None) -> ModelSource:
    """A `.mlmodel`, or the specification of a package, whose weights are next to it."""
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            malformed(str(file), "the file is empty", DOWNLOAD_AGAIN)
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        with mapped, memoryview(mapped) as data:
            spec = parse_message(data, str(file))
    if place is None:
        return ModelSource(spec, WeightFiles(Folder(file.parent), _NAME_PACKAGE))
    return ModelSource(spec, WeightFiles(place))


def _with_overlays(read: ModelSource, package: Package) -> ModelSource:
    add_overlays(package, read.spec.description)
    return read


def _read_archive(path: Path) -> ModelSource:
    with reading(path):
        found = find_model(path)
        if found.inside.endswith(".mlmodel"):
            return _read_zipped(found, found.inside)
        if is_package(found.folder):
            package = open_package(found.folder)
            file = posixpath.join(found.inside, "Data", package.root)
            return _with_overlays(_read_zipped(found, file), package)
        folder, owner = found.unpacked()
    return ModelSource(read_compiled(folder), WeightFiles(Folder(folder, owner)))


def _read_zipped(model: ZippedModel, file: str) -> ModelSource:
    data = model.read(file, LARGEST_MESSAGE)
    spec = parse_message(memoryview(data), f"{model.archive}/{file}")
    place = ZippedFolder(model.archive, file.rpartition("/")[0])
    return ModelSource(spec, WeightFiles(place))
