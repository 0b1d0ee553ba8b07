"""The `coremldata.bin` files of a compiled model: its interface, labels and image preprocessing.

They are a sequence of values without names, little-endian, with text after its length. They are not
documented: what is read here was worked out from compiled models whose sources are known, and every
byte must be accounted for.
"""

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from ...ir.diagnostics import CompileError, Diagnostic
from .spec import FETCH, GIT_LFS, POINTER, messages

COPY_AGAIN = "copy or compile the whole .mlmodelc folder again"
NETWORKS = ("neuralNetwork", "neuralNetworkClassifier")
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
# A classifier's labels, by the number of their field in the specification.
_STRINGS, _INTEGERS = 100, 101
_CLASSIFIER = 403
_LARGEST = 1 << 28
_MAPS = ("a factor", "isBGR", "isGray", "blueBias", "greenBias", "redBias", "grayBias", "scale")
_OPTIONALS = (8, 16, 32, 40)
_AGAIN = "the model's type, repeated"


@dataclass(frozen=True)
class Archive:
    """The file at the top of a compiled model.

    Attributes:
        kind: the model's type, as the specification spells it.
        version: the specification version.
        spec: the whole Model message, for types whose compiled form is that message.
        description: the ModelDescription message; None with `spec`.
        labels: the labels of a classifier.
        probabilities: the blob with a classifier's probabilities.
        outputs: the blobs that are a network's outputs; only for networks, like labels.
        stages: how many models a pipeline has.
    """

    kind: str
    version: int
    spec: bytes = b""
    description: Any = None
    labels: tuple[str, ...] | tuple[int, ...] = ()
    probabilities: str = ""
    outputs: tuple[str, ...] = ()
    stages: int = 0


@dataclass(frozen=True)
class ImageParameters:
    """How a network preprocesses an image input.

    A value is `scale` times the pixel plus a bias, as in the specification's scaler.
    """

    is_bgr: bool
    is_gray: bool
    blue: float
    green: float
    red: float
    gray: float
    scale: float


def read_archive(path: Path) -> Archive:
    """Decode the archive of a model.

    Raises:
        CompileError: the file is missing or damaged, or has an unknown entry.
    """
    cursor = _Cursor(path)
    number = cursor.unpack("<I")
    field = messages("Model_pb2").Model.DESCRIPTOR.fields_by_number.get(number)
    if field is None or field.containing_oneof is None:
        cursor.fail(f"the model type {number} is not known", "unsupported")
    for _ in range(3):
        cursor.number()  # the archive's own version; the rest shows whether it is understood
    signature, version = _signature(cursor)
    if signature == "spec":
        if not cursor.left():
            cursor.fail("the file holds no model", "malformed")
        return Archive(field.name, version, spec=cursor.rest())
    if signature.partition(".")[0] != "generic":
        cursor.fail(f"the signature '{signature[:40]}' is not known", "unsupported")
    archive = Archive(field.name, version, description=_description(cursor))
    if archive.kind in PIPELINES:
        archive = replace(archive, stages=cursor.number())
        cursor.expect(number, _AGAIN)
    elif archive.kind == "mlProgram":
        _functions(cursor, number)
    elif archive.kind in NETWORKS:
        cursor.expect(number, _AGAIN)
        labels, probabilities = _labels(cursor) if number == _CLASSIFIER else ((), "")
        outputs = tuple(cursor.text() for _ in range(cursor.count(8)))
        archive = replace(archive, labels=labels, probabilities=probabilities, outputs=outputs)
    else:
        return archive
    cursor.end()
    return archive


def _functions(cursor: "_Cursor", number: int) -> None:
    """Read the model's type of each function of a program; the text has the names of outputs."""
    cursor.expect(number, _AGAIN)
    cursor.expect(0, "the number of outputs, 0")
    while cursor.left():
        cursor.expect(number, _AGAIN)
        cursor.expect(0, "the number of outputs, 0")


def _signature(cursor: "_Cursor") -> tuple[str, int]:
    """(the kind of the rest of the file, the specification version); one compiler swapped them.

    A signature is never empty: a length of 0 in its place is the first number of the swapped form.
    """
    swapped = cursor.peek() == 0
    signature = "" if swapped else cursor.text()
    numbers = [cursor.number() for _ in range(4)]
    version = numbers.pop(1 if swapped else 0)
    if any(numbers):
        cursor.fail(f"the numbers {numbers} beside the specification version are not known")
    if not 0 < version < 1000:
        cursor.fail(f"the specification version is {version}", "malformed")
    return signature or cursor.text(), version


def _description(cursor: "_Cursor") -> Any:
    from google.protobuf.message import DecodeError

    data = cursor.take(cursor.number())
    try:
        return messages("Model_pb2").ModelDescription.FromString(data)
    except DecodeError:
        pass
    cursor.fail("the model's description is damaged", "malformed")


def _labels(cursor: "_Cursor") -> tuple[tuple[str, ...] | tuple[int, ...], str]:
    """(the class labels, the name of the blob with their probabilities)."""
    kind = cursor.number()
    if kind not in (_STRINGS, _INTEGERS):
        cursor.fail(f"the kind {kind} of class labels is not known", "unsupported")
    count = cursor.count(8)
    if kind == _STRINGS:
        return tuple(cursor.text() for _ in range(count)), cursor.text()
    return tuple(cursor.unpack("<q") for _ in range(count)), cursor.text()


def read_names(path: Path) -> tuple[str, ...]:
    """The names of a pipeline's stages; none if there is no file.

    Raises:
        CompileError: the file is damaged.
    """
    if not path.exists():
        return ()
    cursor = _Cursor(path)
    names = tuple(cursor.text() for _ in range(cursor.count(8)))
    cursor.end()
    return names


def read_images(path: Path) -> dict[str, ImageParameters] | None:
    """Parameters of the image inputs by name; None if there is no file.

    Raises:
        CompileError: the file is damaged, or has an unknown entry.
    """
    if not path.exists():
        return None
    cursor = _Cursor(path)
    maps = [_map(cursor) for _ in _MAPS]
    cursor.end()
    names = set(maps[0])
    for title, entries in zip(_MAPS, maps, strict=True):
        if set(entries) != names:
            cursor.fail(f"{title} is given for {sorted(entries)}, others for {sorted(names)}")
    for name in names:
        for title, entries in zip(_MAPS[:3], maps[:3], strict=True):
            if entries[name] not in ((1.0,) if title == _MAPS[0] else (0.0, 1.0)):
                cursor.fail(f"{title} of '{name}' is {entries[name]:g}, which is not understood")
    return {name: _parameters(maps, name) for name in maps[0]}


def _parameters(maps: list[dict[str, float]], name: str) -> ImageParameters:
    _, is_bgr, is_gray, *numbers = (entries[name] for entries in maps)
    return ImageParameters(bool(is_bgr), bool(is_gray), *numbers)


def _map(cursor: "_Cursor") -> dict[str, float]:
    found: dict[str, float] = {}
    for _ in range(cursor.count(12)):
        name = cursor.text()
        found[name] = cursor.unpack("<f")
        if not abs(found[name]) < float("inf"):
            cursor.fail(f"'{name}' has a parameter that is not a number", "malformed")
    return found


def read_optionals(path: Path) -> bool | None:
    """Whether blobs have their own ranks (exact shape mapping); None if the file doesn't say.

    Of its one to five numbers, only the third is ever not 0: it is 1 exactly if the shapes of all
    blobs state a rank.

    Raises:
        CompileError: the file is damaged, or has an unknown entry.
    """
    if not path.exists():
        return None
    cursor = _Cursor(path)
    size = cursor.left()
    if size not in _OPTIONALS:
        cursor.fail(f"it has {size} bytes: default values of optional inputs are not understood")
    numbers = [cursor.number() for _ in range(size // 8)]
    exact = numbers.pop(2) if size == max(_OPTIONALS) else None
    if any(numbers) or exact not in (None, 0, 1):
        cursor.fail(f"it holds more than zeros: {numbers}, {exact}")
    return None if exact is None else bool(exact)


class _Cursor:
    """A position in a small file; reading beyond its end is an error that names the file."""

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        self.position = 0
        try:
            if path.stat().st_size > _LARGEST:
                self.fail("the file is larger than any such file", "malformed")
            self.data = path.read_bytes()
        except FileNotFoundError:
            self.fail("the file is missing", "malformed")
        except OSError as error:
            self.fail(f"the file can't be read: {error.strerror or error}", "malformed")
        if self.data.startswith(GIT_LFS):
            problem = Diagnostic(f"this is {POINTER}", "malformed", file=self.file, remedy=FETCH)
            raise CompileError(problem)

    def left(self) -> int:
        return len(self.data) - self.position

    def take(self, count: int) -> bytes:
        if count > self.left():
            missing = count - self.left()
            self.fail(f"the file is cut short: {missing:,} bytes are missing", "malformed")
        self.position += count
        return self.data[self.position - count : self.position]

    def unpack(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def number(self) -> int:
        return int(self.unpack("<Q"))

    def peek(self) -> int:
        number = self.number()
        self.position -= 8
        return number

    def count(self, least: int) -> int:
        """How many items follow, each of `least` bytes or more."""
        count = self.number()
        if count * least > self.left():
            self.fail(f"{count:,} items don't fit into {self.left():,} bytes", "malformed")
        return count

    def text(self) -> str:
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError:
            pass
        self.fail("a text is not UTF-8", "malformed")

    def rest(self) -> bytes:
        return self.take(self.left())

    def expect(self, number: int, what: str) -> None:
        found = self.number()
        if found != number:
            self.fail(f"{found} is in the place of {what}", "malformed")

    def end(self) -> None:
        if self.left():
            self.fail(f"{self.left():,} bytes at the end are not understood")

    def fail(self, message: str, kind: Any = "unsupported") -> NoReturn:
        remedy = COPY_AGAIN if kind == "malformed" else ""
        raise CompileError(Diagnostic(message, kind, file=self.file, remedy=remedy))
