"""Compiled models: `.mlmodelc` folders, as the Model message that a `.mlmodel` holds."""

from pathlib import Path
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic, problems_in
from ...ir.location import InModel
from . import metadata
from .coremldata import (
    COPY_AGAIN,
    NETWORKS,
    PIPELINES,
    Archive,
    read_archive,
    read_images,
    read_names,
    read_optionals,
)
from .espresso import Read, read_network
from .espresso.files import SHAPE
from .interface import Feature, Interface, read_interface
from .mil_text import read_program
from .preprocessing import IMAGES, add_preprocessing
from .programs import stored_values
from .spec import messages, parse_message
from .weight_files import MODEL_PATH, relative_name

_ARCHIVE, _OPTIONALS = "coremldata.bin", "neural_network_optionals/coremldata.bin"
_INSIDE = (_ARCHIVE, "model.mil", "model.espresso.net", "model0/coremldata.bin")
_PROGRAM, _NAMES = "model.mil", "modelNames/coremldata.bin"
# Attributes that compilers add to functions: flexible shapes, which the description has too.
_ADDED = "FlexibleShapeInformation"
_MOST_STAGES = 1000
_DEEPEST = 4  # pipelines in pipelines; links could form a cycle
_CHANNELS = {"GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def is_compiled(folder: Path) -> bool:
    """Whether a folder is a compiled model, by its content or at least by its name."""
    return folder.suffix == ".mlmodelc" or any((folder / name).is_file() for name in _INSIDE)


def read_compiled(folder: Path, depth: int = 0) -> Any:
    """The Model message that was compiled, as far as the compiler kept it.

    Layers that the compiler merged stay merged, with the weights that it stored. Constants of ML
    Programs name weight files relative to the folder, also in pipelines.

    The interface comes from `coremldata.bin`, or for ML Programs without it from `metadata.json`.

    Args:
        folder: the compiled model.
        depth: how many pipelines it is a stage of.

    Raises:
        CompileError: files are missing or damaged, or contain something without an equivalent.
    """
    if not (folder / _ARCHIVE).exists() and (folder / metadata.FILE).exists():
        model = metadata.read_metadata(folder)
        _add_program(folder, model)
        return model
    archive = read_archive(folder / _ARCHIVE)
    if archive.spec:
        return _complete(folder, archive)
    model = messages("Model_pb2").Model(specificationVersion=archive.version)
    model.description.CopyFrom(archive.description)
    if archive.kind in NETWORKS:
        _add_network(folder, archive, model)
    elif archive.kind == "mlProgram":
        _add_program(folder, model)
    elif archive.kind in PIPELINES:
        _add_stages(folder, archive, model, depth)
    else:
        raise CompileError(_unsupported(folder, archive.kind))
    return model


def _add_network(folder: Path, archive: Archive, model: Any) -> None:
    network = getattr(model, archive.kind)
    network.SetInParent()
    _add_labels(network, archive)
    with problems_in(str(folder / _ARCHIVE)):
        interface = read_interface(model)
    read = read_network(folder, [feature.name for feature in interface.inputs], network)
    _check(folder, archive, interface, read)
    images = read_images(folder / IMAGES)
    params = read.net.transform_params
    add_preprocessing(network, interface.inputs, images, params, folder)
    if read.shapes.exact:
        network.arrayInputShapeMapping = 1
        network.imageInputShapeMapping = _image_mapping(folder, interface, read)
    model.specificationVersion = max(archive.version, read.version)


def _add_program(folder: Path, model: Any) -> None:
    path = folder / _PROGRAM
    program = read_program(path)
    for function in program.functions.values():
        if _ADDED in function.attributes:
            del function.attributes[_ADDED]
    for described in model.description.functions:
        if described.name not in program.functions:
            message = (
                f"the model's description has a function '{described.name}', its program has none"
            )
            file = str(path)
            raise CompileError(Diagnostic(message, "malformed", file=file, remedy=COPY_AGAIN))
    model.mlProgram.CopyFrom(program)


def _add_stages(folder: Path, archive: Archive, model: Any, depth: int) -> None:
    """The stages of a pipeline, each a compiled model in a folder of its own."""
    body = getattr(model, archive.kind)
    pipeline = body if archive.kind == "pipeline" else body.pipeline
    names, file = read_names(folder / _NAMES), str(folder / _ARCHIVE)
    if depth == _DEEPEST:
        message = f"pipelines that are nested more than {_DEEPEST} times are not supported"
        raise CompileError(Diagnostic(message, "unsupported", file=file))
    if not 0 < archive.stages <= _MOST_STAGES or len(names) not in (0, archive.stages):
        message = f"the pipeline has {archive.stages:,} stages, but names {len(names)}"
        raise CompileError(Diagnostic(message, "malformed", file=file, remedy=COPY_AGAIN))
    pipeline.names.extend(names)
    for position in range(archive.stages):
        below = f"model{position}"
        stage = read_compiled(folder / below, depth + 1)
        for name, value in stored_values(stage):
            relative = relative_name(value.blobFileValue.fileName, below)
            if relative is None:
                stored = value.blobFileValue.fileName
                message = (
                    f"the constant '{name}' is in '{stored}', which is not a file of the model"
                )
                raise CompileError(Diagnostic(message, "malformed", file=str(folder / below)))
            value.blobFileValue.fileName = f"{MODEL_PATH}/{relative}"
        pipeline.models.append(stage)


def _complete(folder: Path, archive: Archive) -> Any:
    """The model, of a type whose compiled form is a copy of the model."""
    file = str(folder / _ARCHIVE)
    model = parse_message(memoryview(archive.spec), file)
    kind = model.WhichOneof("Type")
    if kind != archive.kind:
        message = f"the file describes a model of type {archive.kind}, but holds a {kind}"
        raise CompileError(Diagnostic(message, "malformed", file=file, remedy=COPY_AGAIN))
    return model


def _unsupported(folder: Path, kind: str) -> Diagnostic:
    message = f"compiled models of type {kind} are not supported"
    remedy = "compile the .mlmodel or .mlpackage that this folder was made from"
    return Diagnostic(message, "unsupported", file=str(folder), subject=kind, remedy=remedy)


def _add_labels(network: Any, archive: Archive) -> None:
    if not archive.labels:
        return
    network.labelProbabilityLayerName = archive.probabilities
    if isinstance(archive.labels[0], str):
        network.stringClassLabels.vector.extend(archive.labels)
    else:
        network.int64ClassLabels.vector.extend(archive.labels)


def _check(folder: Path, archive: Archive, interface: Interface, read: Read) -> None:
    """Check that the archive and the network have the same inputs and outputs."""
    wanted = [*archive.outputs, *filter(None, [archive.probabilities])]
    problems = [
        _problem(folder, _ARCHIVE, "output", name, "no layer makes this output")
        for name in wanted
        if name not in read.made
    ]
    for feature in interface.inputs:
        message = _input_problem(feature, read)
        if message:
            problems.append(_problem(folder, SHAPE, "input", feature.name, message))
    exact = read_optionals(folder / _OPTIONALS)
    if exact is not None and exact != read.shapes.exact:
        message = f"it {'does' if exact else 'does not'} give blobs ranks of their own"
        text = f"{message}, unlike the shapes of the blobs"
        file = str(folder / _OPTIONALS)
        problems.append(Diagnostic(text, "malformed", file=file, remedy=COPY_AGAIN))
    if problems:
        raise CompileError(problems)


def _input_problem(feature: Feature, read: Read) -> str:
    """How an input's compiled shape contradicts its description; empty if it doesn't."""
    compiled = read.shapes.dims.get(feature.name)
    if compiled is None:
        return "the input has no compiled shape"
    if feature.image is not None:
        image = feature.image
        described = (_CHANNELS.get(image.color, 3), image.height, image.width)
    elif not read.shapes.exact:
        described = (*feature.shape, 1, 1)[:3] if len(feature.shape) in (1, 3) else ()
    else:
        described = feature.shape
        if len(described) != len(compiled):
            return f"the input is described as {list(described)}, but compiled as {list(compiled)}"
    if feature.flexibility is None and compiled[len(compiled) - len(described) :] != described:
        return f"the input is described as {list(described)}, but compiled as {list(compiled)}"
    return ""


def _image_mapping(folder: Path, interface: Interface, read: Read) -> int:
    """Whether images have 4 dimensions (1) or 5 (0) in a network whose blobs state their ranks."""
    images = [feature.name for feature in interface.inputs if feature.kind == "image"]
    ranks = {len(read.shapes.dims[name]) for name in images} or {4}
    if len(ranks) > 1 or not ranks <= {4, 5}:
        message = f"images of {' and '.join(map(str, sorted(ranks)))} dimensions are not understood"
        raise CompileError(_problem(folder, SHAPE, "input", images[0], message, "unsupported"))
    return 1 if ranks == {4} else 0


def _problem(
    folder: Path, file: str, what: str, name: str, message: str, kind: Any = "malformed"
) -> Diagnostic:
    remedy = COPY_AGAIN if kind == "malformed" else ""
    location = InModel(what, None, name)
    return Diagnostic(message, kind, location, str(folder / file), remedy=remedy)
