"""Finds the weights of ML Programs: constants name files relative to their model.

`@model_path/weights/weight.bin` is in the folder of the model: of the specification in a package,
of `model.mil` in a compiled model.
"""

import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ...ir.diagnostics import CompileError, Diagnostic
from .blob import BlobError, BlobFile, BlobResource, FileRange

MODEL_PATH = "@model_path"
_COPY_AGAIN = "copy or download the whole model again"
# Characters with a special meaning in paths of some systems.
_IMPOSSIBLE = set("\0\\:")


class Place(Protocol):
    """Where to look for files that a model names."""

    def find(self, name: str) -> FileRange | None:
        """The file for a name that begins with `@model_path`; None if it leads outside the model.

        Raises:
            OSError: the file is missing or can't be read.
        """
        ...

    def shown(self, name: str) -> str:
        """The file's path for people."""
        ...


@dataclass(frozen=True)
class Folder:
    """The folder of a model.

    Attributes:
        path: what `@model_path` stands for.
        owner: an object that keeps a temporary folder alive.
    """

    path: Path
    owner: object = None

    def find(self, name: str) -> FileRange | None:
        """The file, if the name stays inside the folder; links are not resolved."""
        relative = relative_name(name)
        return None if relative is None else FileRange(self.path / relative, owner=self.owner)

    def shown(self, name: str) -> str:
        """The path; the name itself if it leads outside."""
        relative = relative_name(name)
        return name if relative is None else str(self.path / relative)


@dataclass(frozen=True)
class WeightsFolder:
    """A folder with only weight files, as coremltools' `weights_dir`: `@model_path/weights`."""

    path: Path

    def find(self, name: str) -> FileRange | None:
        """The file, if the name is in `@model_path/weights`."""
        relative = self._below(name)
        return None if relative is None else FileRange(self.path / relative)

    def shown(self, name: str) -> str:
        """The path; the name itself if it leads elsewhere."""
        return str(self.path / (self._below(name) or name))

    @staticmethod
    def _below(name: str) -> str | None:
        head, slash, rest = (relative_name(name) or "").partition("/")
        return rest if slash and head == "weights" else None


def relative_name(name: str, below: str = "") -> str | None:
    """A name as a path relative to the model's folder; None if it leads outside.

    Args:
        name: the name in a constant, such as `@model_path/weights/weight.bin`.
        below: the path of `@model_path` in the model's folder.
    """
    start, slash, rest = name.partition("/")
    if start != MODEL_PATH or not slash or rest.startswith("/") or set(rest) & _IMPOSSIBLE:
        return None
    plain = posixpath.normpath(posixpath.join(below, rest))
    return None if plain in (".", "..") or plain.startswith("../") else plain


class WeightFiles:
    """The weight files of one model; each is mapped once, when a constant first needs it.

    Args:
        place: where they are; None for a message without files.
        remedy: what users can do if one is missing.
    """

    def __init__(self, place: Place | None, remedy: str = _COPY_AGAIN) -> None:
        self._place = place
        self._remedy = remedy
        self._files: dict[str, BlobFile] = {}
        self._missing: set[str] = set()

    def resource(self, value: Any, tensor_type: Any, name: str) -> BlobResource:
        """A constant in a weight file, of which only the description is read now.

        Args:
            value: a BlobFileValue message.
            tensor_type: its TensorType message.
            name: the constant, for messages and as the resource's name.

        Raises:
            CompileError: the file is missing or damaged, or has something else there. That a file
                is missing is said for the first of its constants only.
        """
        shape = _shape(tensor_type, name)
        try:
            file = self._file(value.fileName, name)
            return file.resource(value.offset, tensor_type.dataType, shape, name)
        except BlobError as error:
            kind = "unsupported" if error.unsupported else "malformed"
            message = f"the constant '{name}' can't be read: its weight file {error}"
        except FileNotFoundError:
            if value.fileName in self._missing:
                raise CompileError(()) from None
            self._missing.add(value.fileName)
            kind = "malformed"
            message = f"the weight file of the constant '{name}' is missing"
        except OSError as error:
            reason = error.strerror or error
            kind = "malformed"
            message = f"the weight file of the constant '{name}' can't be read: {reason}"
        remedy = self._remedy if kind == "malformed" else ""
        shown = self._place.shown(value.fileName) if self._place else ""
        raise CompileError(Diagnostic(message, kind, file=shown, subject=name, remedy=remedy))

    def find(self, file_name: str, name: str) -> FileRange:
        """The file that a constant names.

        Raises:
            CompileError: it is outside the model, or it is unknown where the model is.
            OSError: it is missing or can't be read.
        """
        if self._place is None:
            message = f"the constant '{name}' is in '{file_name}', but a message has no files"
            remedy = "give the path of its .mlpackage, or an MLModel, which knows its weights_dir"
            raise CompileError(Diagnostic(message, "usage", subject=name, remedy=remedy))
        found = self._place.find(file_name)
        if found is None:
            _outside(file_name, name)
        return found

    def _file(self, file_name: str, name: str) -> BlobFile:
        if file_name not in self._files:
            self._files[file_name] = BlobFile(self.find(file_name, name))
        return self._files[file_name]


def _shape(tensor_type: Any, name: str) -> tuple[int, ...]:
    dims = tensor_type.dimensions
    if len(dims) != tensor_type.rank or any(d.WhichOneof("dimension") != "constant" for d in dims):
        message = f"the constant '{name}' is in a weight file, but its type has no fixed shape"
        raise CompileError(Diagnostic(message, "malformed", subject=name, remedy=_COPY_AGAIN))
    return tuple(dim.constant.size for dim in dims)


def _outside(file_name: str, name: str) -> NoReturn:
    message = f"the constant '{name}' is in '{file_name}', which is not a file of the model"
    remedy = f"weight files are below {MODEL_PATH}, in the model's own folder"
    raise CompileError(Diagnostic(message, "malformed", subject=name, remedy=remedy))
