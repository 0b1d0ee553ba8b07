"""IR with its weights: a `.cmir` text, and next to it a `.weights` file of little-endian data."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..diagnostics import CompileError, Diagnostic
from ..dialects.builtin import Constant
from ..ssa import Module, Op
from ..types import DType
from ..weights.resources import FileResource, RandomResource, Resource, SplatResource
from ..writing import writing_whole
from .parser import parse
from .printer import PrintOptions, print_module

ALIGNMENT = 64


def write_archive(
    module: Module, path: Path, options: PrintOptions | None = None, *, head: str = ""
) -> Path:
    """Write the module and its weights; returns the path for the weights.

    Without weights there is no second file. Both files appear whole or not at all.

    Args:
        module: the module to write; its resources are read one at a time, and released.
        path: the path of the text. The weights have the same name, ending in `.weights`.
        options: what else the text shows.
        head: comment lines at the beginning.

    Raises:
        MissingResourceError: the module has only the hash of a weight.
    """
    weights = path.with_suffix(".weights")
    with writing_whole(path) as text, writing_whole(weights) as data:
        with data.open("wb") as stream:
            writer = _Writer(stream, weights.name)
            body = print_module(module, replace(options or PrintOptions(), place=writer.place))
        if not writer.offsets:
            data.unlink()
        text.write_text(head + body, encoding="utf-8")
    return weights


class _Writer:
    """Appends resources to a file, each distinct one once."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.offsets: dict[Resource, int] = {}

    def place(self, resource: Resource) -> Resource:
        """The resource as a range of the file; unchanged if text alone recreates it."""
        if isinstance(resource, SplatResource | RandomResource):
            return resource
        offset = self.offsets.get(resource)
        if offset is None:
            offset = self.offsets[resource] = self.append(resource)
        return FileResource(resource.type, Path(self.name), offset, resource.name, resource.origin)

    def append(self, resource: Resource) -> int:
        self.stream.write(bytes(-self.stream.tell() % ALIGNMENT))
        offset = self.stream.tell()
        array = resource.array()
        little = array.dtype.newbyteorder("<")
        self.stream.write(np.ascontiguousarray(array, little).data.cast("B") if array.size else b"")
        resource.release()
        return offset


def read_archive(path: Path, table: Mapping[str, type[Op]] | None = None) -> Module:
    """The module of a `.cmir` file, its weights mapped from the files that it names.

    Raises:
        CompileError: the text is malformed, or a weights file is missing or too short.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = "there is no such file or folder"
        raise CompileError(Diagnostic(message, "malformed", remedy="check the path")) from None
    except UnicodeDecodeError as error:
        message = f"this is not IR text: byte {error.start:,} is not UTF-8"
        raise CompileError(Diagnostic(message, "malformed")) from None
    except OSError as error:
        message = f"the file can't be read: {error.strerror or error}"
        raise CompileError(Diagnostic(message, "malformed")) from None
    module = parse(text, str(path), table)
    check_files(module)
    return module


def check_files(module: Module) -> None:
    """Check that the files with the module's weights exist and are long enough.

    Raises:
        CompileError: one diagnostic for each missing file, and each resource beyond a file's end.
    """
    # By identity: comparing resources would read them.
    ranges = {
        id(op.value): op.value
        for op in module.walk()
        if isinstance(op, Constant) and isinstance(op.value, FileResource)
    }
    sizes: dict[Path, int] = {}
    problems: list[Diagnostic] = []
    for resource in ranges.values():
        path = resource.path
        if path not in sizes:
            sizes[path] = path.stat().st_size if path.is_file() else -1
            if sizes[path] < 0:
                problems.append(_missing(path))
        if problem := _range_problem(resource, sizes[path]):
            message = f"resource '{resource.name}' {problem}"
            remedy = "the file is damaged or belongs to another text: write both again"
            problems.append(Diagnostic(message, "malformed", file=str(path), remedy=remedy))
    if problems:
        raise CompileError(problems)


def _missing(path: Path) -> Diagnostic:
    remedy = "keep it in the same folder as the text that names it"
    return Diagnostic("the weights file is missing", "malformed", file=str(path), remedy=remedy)


def _range_problem(resource: FileResource, length: int) -> str:
    if resource.type.dtype is DType.STR:  # mapped, they would be read as pointers
        return "holds strings, which can't be in a file"
    end = resource.offset + resource.size * resource.type.dtype.bytes
    if resource.offset < 0 or 0 <= length < end:
        return f"takes bytes {resource.offset:,} to {end:,}, but there are {length:,}"
    return ""
