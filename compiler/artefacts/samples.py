"""Typical inputs of a model, read one by one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...ir.diagnostics import usage_error
from ...ir.ssa import Function
from ...ir.types import Array
from ..binding import bind_inputs, inputs_of
from ..input_files import fitted, read_archive, read_picture

_REMEDY = "give a folder of images, or a .npz with an array [n, …] for each input"


@dataclass(frozen=True)
class Samples:
    """Typical inputs of a function, of exactly its arguments' types.

    Attributes:
        function: whose inputs they are.
        number: how many there are.
        read: gives what callers would pass for one of them.
        progress: told which one is read.
    """

    function: Function
    number: int
    read: Callable[[int], Mapping[str, Any]]
    progress: Callable[[int], None] = lambda _: None

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict[str, Array]:
        """Inputs of exactly the function's types.

        Raises:
            CompileError: one is missing, unknown, unreadable or of another shape.
            IndexError: there are not so many.
        """
        if not 0 <= index < self.number:
            raise IndexError(index)
        self.progress(index)
        return bind_inputs(self.function, self.read(index))[0]

    def __iter__(self) -> Iterator[dict[str, Array]]:
        return map(self.__getitem__, range(self.number))


def samples_of(
    function: Function, source: object, progress: Callable[[int, int], None] | None = None
) -> Samples:
    """The samples that something holds.

    Args:
        function: whose inputs they are.
        source: a path of a .npz or of a folder of images; arrays [n, …] by the inputs' names; or a
            sequence of what `predict` takes.
        progress: told (which one is read, how many there are).

    Raises:
        CompileError: there are none, or not for this function.
    """
    number, read = _source(function, source)
    _ = bind_inputs(function, read(0))  # what fits no input is said before anything is converted
    if progress is None:
        return Samples(function, number, read)
    return Samples(function, number, read, lambda index: progress(index, number))


def _source(function: Function, source: object) -> tuple[int, Callable[[int], Mapping[str, Any]]]:
    """(how many, how to read one)."""
    if isinstance(source, str | Path):
        return _files(function, Path(source))
    if isinstance(source, Mapping):
        return _stacked(cast(Mapping[str, Any], source), "typical inputs")
    remedy = f"{_REMEDY}, a dictionary of such arrays, or a list of dictionaries"
    if not isinstance(source, list | tuple):
        raise usage_error(f"typical inputs can't be a {type(source).__name__}", remedy)
    items = list(cast(Sequence[object], source))
    rows = [cast(Mapping[str, Any], item) for item in items if isinstance(item, Mapping)]
    if not rows or len(rows) < len(items):
        what = "one of them is not a dictionary" if items else "there are none"
        raise usage_error(f"typical inputs: {what}", remedy)
    return len(rows), rows.__getitem__


def _files(function: Function, path: Path) -> tuple[int, Callable[[int], Mapping[str, Any]]]:
    if path.suffix == ".npz":
        return _stacked(read_archive(function, path), str(path))
    if not path.is_dir():
        what = "is neither a folder nor a .npz" if path.exists() else "is not there"
        raise usage_error(f"'{path}' {what}", _REMEDY)
    inputs = list(inputs_of(function))
    if [known.kind for _, known in inputs] != ["image"]:
        message = f"a folder of images needs a model whose only input is an image: {path}"
        raise usage_error(message, _REMEDY)
    files = sorted(file for file in path.iterdir() if _is_image(file))
    if not files:
        raise usage_error(f"the folder '{path}' has no images", _REMEDY)
    ((value, _),) = inputs
    return len(files), lambda index: {value.name: fitted(value, read_picture(files[index]))}


def _stacked(
    arrays: Mapping[str, Any], where: str
) -> tuple[int, Callable[[int], Mapping[str, Any]]]:
    """Of arrays with a sample in each entry."""
    counts = {name: len(array) if np.ndim(array) else 0 for name, array in arrays.items()}
    if not arrays or len(set(counts.values())) != 1 or 0 in counts.values():
        shown = ", ".join(f"{count} of '{name}'" for name, count in counts.items()) or "none"
        message = f"{where}: each input takes as many samples as the others; here are {shown}"
        raise usage_error(message)
    count = next(iter(counts.values()))
    return count, lambda index: {name: array[index] for name, array in arrays.items()}


def _is_image(path: Path) -> bool:
    from PIL import Image

    return path.suffix.lower() in Image.registered_extensions() and path.is_file()
