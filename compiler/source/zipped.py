"""Models inside zip archives: packages are read in place, and weights are mapped if possible.

Files that are stored uncompressed can be mapped inside the archive; compressed ones are unpacked to
a temporary folder, which is removed with the last constant that is read from it.
"""

import posixpath
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...ir.diagnostics import CompileError, Diagnostic
from .blob import FileRange
from .package import MANIFEST
from .weight_files import relative_name

_DOWNLOAD_AGAIN = "download or export the model again"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 1
# What macOS adds to archives, and names that would lead out of them or to their root.
_IGNORED = {"__MACOSX", "..", ""}


def is_zip(path: Path) -> bool:
    """Whether the file begins like an archive."""
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


@dataclass(frozen=True)
class ZippedModel:
    """A model inside an archive.

    Attributes:
        archive: the archive's file.
        inside: the model's folder or file in the archive; empty for the archive itself.
    """

    archive: Path
    inside: str

    @property
    def folder(self) -> zipfile.Path:
        """The model's folder, to read from."""
        return zipfile.Path(self.archive, f"{self.inside}/" if self.inside else "")

    def read(self, file: str, largest: int) -> bytes:
        """A file of the archive.

        Raises:
            BadZipFile: it has more bytes than `largest`.
        """
        with zipfile.ZipFile(self.archive) as opened:
            info = opened.getinfo(file)
            if info.file_size > largest:
                raise zipfile.BadZipFile(f"{file} has {info.file_size:,} bytes")
            return opened.read(info)

    def unpacked(self) -> tuple[Path, tempfile.TemporaryDirectory[str]]:
        """(the model's folder, the temporary folder around it, which its object removes)."""
        owner = tempfile.TemporaryDirectory(prefix="cmlc-")
        with zipfile.ZipFile(self.archive) as opened:
            for info in opened.infolist():
                if PurePosixPath(info.filename).is_relative_to(self.inside):
                    opened.extract(info, owner.name)
        return Path(owner.name, self.inside), owner


def find_model(archive: Path) -> ZippedModel:
    """The only model in an archive.

    Raises:
        CompileError: there is no model, or more than one.
    """
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if not _IGNORED & {*name.split("/")[:-1]}]
    found = sorted(_outermost({place for name in names if (place := _model_of(name)) is not None}))
    if len(found) == 1:
        return ZippedModel(archive, found[0])
    message = "there is no model inside this zip archive"
    if found:
        message = f"there are {len(found)} models inside this zip archive: {', '.join(found[:5])}"
    remedy = "unpack it and name the model inside"
    raise CompileError(Diagnostic(message, "malformed", file=str(archive), remedy=remedy))


def _model_of(name: str) -> str | None:
    """The folder or file that is a model, as far as the name of a file in it shows."""
    head, _, tail = name.rpartition("/")
    if tail in (MANIFEST, "coremldata.bin"):
        return head
    return name if tail.endswith(".mlmodel") else None


def _outermost(places: set[str]) -> Iterator[str]:
    """The models that are not inside another one, such as models in packages or pipelines."""
    for place in places:
        outer = {str(parent) for parent in PurePosixPath(place).parents} - {place}
        outer = {"" if parent == "." else parent for parent in outer}
        if not (places - {place}) & outer:
            yield place


@contextmanager
def reading(archive: Path) -> Iterator[None]:
    """Turn exceptions about archives into diagnostics."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        message = f"this zip archive is damaged: {error}"
        remedy = _DOWNLOAD_AGAIN
    except (NotImplementedError, RuntimeError) as error:
        message = f"this zip archive can't be read: {error}"
        remedy = "unpack it and name the model inside"
    else:
        return
    raise CompileError(Diagnostic(message, "malformed", file=str(archive), remedy=remedy))


@dataclass
class ZippedFolder:
    """A model's folder inside an archive, as a place of weight files.

    Attributes:
        archive: the archive's file.
        inside: the folder's name in the archive.
    """

    archive: Path
    inside: str
    _unpacked: dict[str, FileRange] = field(default_factory=dict[str, FileRange])

    def find(self, name: str) -> FileRange | None:
        """The file inside the archive, or unpacked from it."""
        relative = relative_name(name)
        if relative is None:
            return None
        if relative not in self._unpacked:
            with reading(self.archive), zipfile.ZipFile(self.archive) as opened:
                name = posixpath.join(self.inside, relative)
                self._unpacked[relative] = self._range(opened, name)
        return self._unpacked[relative]

    def shown(self, name: str) -> str:
        """The path, as if the archive were a folder."""
        return str(self.archive / self.inside / (relative_name(name) or name))

    def _range(self, opened: zipfile.ZipFile, name: str) -> FileRange:
        try:
            info = opened.getinfo(name)
        except KeyError:
            raise FileNotFoundError(name) from None
        if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & _ENCRYPTED:
            with self.archive.open("rb") as stream:
                stream.seek(info.header_offset)
                header = stream.read(_LOCAL_HEADER.size)
            if len(header) < _LOCAL_HEADER.size:
                raise zipfile.BadZipFile(f"{name} is cut short")
            _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
            start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
            return FileRange(self.archive, start, info.file_size)
        owner = tempfile.TemporaryDirectory(prefix="cmlc-")
        path = Path(owner.name, "weight.bin")
        with opened.open(info) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return FileRange(path, owner=owner)
