"""Core ML's protobuf messages: loading their classes, and parsing and writing models.

This is the only module that imports `coremltools.proto`, and it does so without the package around
it, whose import takes seconds and loads TensorFlow. Messages are typed `Any`, because the generated
modules have no types.
"""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.writing import writing_whole
from . import wire

# The newest version that the messages of the installed coremltools describe (iOS 26).
KNOWN_VERSION = 10
LARGEST_MESSAGE = 2**31 - 1
NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
DOWNLOAD_AGAIN = "download or export the model again"

# What Git stores in place of a large file that was not fetched.
GIT_LFS = b"version https://git-lfs"
POINTER, FETCH = "a Git LFS pointer, not the file itself", "run git lfs pull"

# The first bytes of files that are often mistaken for a model, what they are, and what to do. No
# model begins like this: as tags, these bytes have a wire type that Model doesn't use, or number 0.
_MISTAKEN = (
    (GIT_LFS, POINTER, FETCH),
    (b"PK\x03\x04", "a zip archive", "unpack it and name the model inside"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and name the model inside"),
    (b"<", "an HTML or XML page", "download the file itself, not the web page that shows it"),
    (b"{", "a JSON file", "name the .mlmodel file, or the .mlpackage folder around it"),
    (b"[", "a JSON file", "name the .mlmodel file, or the .mlpackage folder around it"),
    (b"\x89HDF", "an HDF5 file", "convert the model to Core ML first"),
)

_lock = threading.RLock()


def messages(module: str) -> Any:
    """A generated module of message classes, such as `NeuralNetwork_pb2`.

    Raises:
        ModuleNotFoundError: coremltools is not installed, or has no such module.
    """
    name = f"coremltools.proto.{module}"
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        if "coremltools" in sys.modules:
            return importlib.import_module(name)
        with _stand_in():
            return importlib.import_module(name)


@contextmanager
def _stand_in() -> Iterator[None]:
    """An empty module in place of the `coremltools` package, so that its `__init__` doesn't run.

    `coremltools.proto` and its modules stay in sys.modules: a later import of the real package
    finds them there, and no message is registered twice.
    """
    spec = importlib.util.find_spec("coremltools")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("coremltools is not installed", name="coremltools")
    stand_in = ModuleType("coremltools")
    stand_in.__path__ = list(spec.submodule_search_locations)
    sys.modules["coremltools"] = stand_in
    try:
        yield
    finally:
        if sys.modules.get("coremltools") is stand_in:
            del sys.modules["coremltools"]


def model_kind(spec: Any) -> str:
    """The name of the model's type: `neuralNetworkClassifier`, `mlProgram`, …; empty if unset."""
    return spec.WhichOneof("Type") or ""


def network_of(spec: Any) -> Any:
    """The NeuralNetwork, NeuralNetworkClassifier or NeuralNetworkRegressor message of a model.

    Raises:
        CompileError: the model is of another type.
    """
    kind = model_kind(spec)
    if kind in NETWORKS:
        return getattr(spec, kind)
    message = f"the model is of type {kind or 'unknown'}, not a neural network"
    raise CompileError(Diagnostic(message, "unsupported", subject=kind))


def write_spec(spec: Any, path: Path) -> None:
    """Write a model as a `.mlmodel`, which appears whole or not at all.

    Raises:
        CompileError: such a file can't hold the model.
        OSError: the file can't be written.
    """
    if any(model_kind(part) == "mlProgram" for part in parts(spec)):
        message = "an ML Program keeps its weights in separate files, which a .mlmodel can't have"
        remedy = "write a .mlpackage"
        raise CompileError(Diagnostic(message, "unsupported", subject="mlProgram", remedy=remedy))
    if spec.ByteSize() > LARGEST_MESSAGE:
        message = "the model is larger than 2 GiB, more than a .mlmodel can hold"
        raise CompileError(Diagnostic(message, "unsupported"))
    with writing_whole(path) as file:
        file.write_bytes(spec.SerializeToString(deterministic=True))


def parts(spec: Any) -> Iterator[Any]:
    """A model, and the models inside it if it is a pipeline, from the outside in."""
    yield spec
    for part in models_in(spec):
        yield from parts(part)


def models_in(spec: Any) -> list[Any]:
    """The models of a pipeline, in order; none of other models."""
    kind = model_kind(spec)
    if not kind.startswith("pipeline"):
        return []
    body = getattr(spec, kind)
    return list((body if kind == "pipeline" else body.pipeline).models)


def parse_message(data: memoryview, file: str) -> Any:
    """The Model message in `data`; keeping a slice of `data` keeps the file mapped.

    Raises:
        CompileError: the data are not a Core ML model, or its version is too new.
    """
    from google.protobuf.message import DecodeError

    head = bytes(data[:256]).removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    for start, what, remedy in _MISTAKEN:
        if head.startswith(start):
            malformed(file, f"this is {what}", remedy)
    if len(data) > LARGEST_MESSAGE:
        message = "the file is larger than 2 GiB, more than a protobuf message can hold"
        raise CompileError(Diagnostic(message, "malformed", file=file, remedy=DOWNLOAD_AGAIN))
    _check_fields(data, file)
    model = messages("Model_pb2").Model
    try:
        spec = model.FromString(data)
    except DecodeError:
        name = _damaged_field(data)
        message = (
            f"the model can't be decoded: its {name} is damaged or in a pre-release format, or "
            "nested deeper than the 100 messages that protobuf reads"
        )
        remedy = "export the model again with a current coremltools"
    else:
        check_model(spec, file)
        return spec
    # Not in the handler, whose traceback would keep the mapped file open.
    diagnostic = Diagnostic(message, "malformed", file=file, remedy=remedy)
    raise CompileError(diagnostic)


def _check_fields(data: memoryview, file: str) -> None:
    """Refuse top-level data that the protobuf runtime would skip or explain badly."""
    descriptor = messages("Model_pb2").Model.DESCRIPTOR
    known = descriptor.fields_by_number
    of_type = {field.number for field in descriptor.oneofs_by_name["Type"].fields}
    seen: set[int] = set()
    version = 0
    try:
        for field in wire.fields(data):
            if not _is_known(field, known):
                raise wire.WireError(field.start)
            seen.add(field.number)
            if field.number == 1:
                version = wire.varint(data, field.payload)[0]
    except wire.WireError as error:
        offset, cut = error.offset, error.cut
    else:
        return
    if version > KNOWN_VERSION:
        _check_version(version, file)
    if cut and _is_known(cut, known):
        missing = f"{cut.end - len(data):,} bytes of its {known[cut.number].name} are missing"
        malformed(file, f"the file is cut short: {missing}", DOWNLOAD_AGAIN)
    if seen & of_type:
        rest = len(data) - offset
        malformed(file, f"{rest:,} bytes that are not part of the model follow byte {offset:,}")
    malformed(file, f"this is not a Core ML model: byte {offset:,} does not begin a field of one")


def _is_known(field: wire.Field, known: Any) -> bool:
    if field.number not in known:
        return False
    is_message = known[field.number].message_type is not None
    return field.wire_type == (wire.BYTES if is_message else wire.VARINT)


def _damaged_field(data: memoryview) -> str:
    """The name of the first top-level field that doesn't decode on its own."""
    from google.protobuf.message import DecodeError

    model = messages("Model_pb2").Model
    for field in wire.fields(data):
        try:
            model.FromString(data[field.start : field.end])
        except DecodeError:
            return str(model.DESCRIPTOR.fields_by_number[field.number].name)
    return "content"


def check_model(spec: Any, file: str) -> None:
    """Check what every model has, whatever its type.

    Raises:
        CompileError: it has no type, or its version is too new.
    """
    _check_version(spec.specificationVersion, file)
    if not model_kind(spec):
        message = "the file holds no model: none of the model types is set"
        malformed(file, message, "export the model again with a current coremltools")


def _check_version(version: int, file: str) -> None:
    if version < 1:
        malformed(file, f"this is not a Core ML model: its specification version is {version}")
    if version > KNOWN_VERSION:
        message = (
            f"specification version {version} is newer than {KNOWN_VERSION}, the newest known one"
        )
        remedy = "export the model for an older deployment target"
        raise CompileError(
            Diagnostic(message, "unsupported", file=file, subject=str(version), remedy=remedy)
        )


def malformed(file: str, message: str, remedy: str = DOWNLOAD_AGAIN) -> NoReturn:
    """Refuse a file."""
    raise CompileError(Diagnostic(message, "malformed", file=file, remedy=remedy))
