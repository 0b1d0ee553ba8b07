"""Files as entries: a picture, an array, or an archive of all inputs."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from ....compiler.binding import features_of
from ....compiler.input_files import fitted, read_archive, read_numpy, read_picture
from ....ir.diagnostics import usage_error
from ....ir.interface import Argument
from ....ir.ssa import Function, Value

_ENTRIES = 8  # of a part: more gain nothing, if each processor has one
_NUMBERS = 1 << 23  # of all inputs of a part: the values of a network are many times as large


class FileInputs:
    """How files are read.

    Attributes:
        unused: none; files have no columns.
    """

    unused: tuple[str, ...] = ()

    def __init__(self, function: Function, name: str) -> None:
        """Find the input that files are for.

        Raises:
            CompileError: of kind "usage": there is no such input, or others would be missing.
        """
        self._function = function
        known = {name: rows[0] for name, rows in features_of(function).items()}
        if name and name not in known:
            raise usage_error(f"there is no input '{name}'", f"the inputs are {', '.join(known)}")
        own = {each: row[1].own_number for each, row in known.items()}
        self._own = {each: number for each, number in own.items() if number is not None}
        needed = [e for e, row in known.items() if not row[1].optional and e not in self._own]
        pictures = [each for each, row in known.items() if row[1].kind == "image"]
        meant = [name] if name else pictures if len(pictures) == 1 else [*needed, *known]
        self.name = meant[0]
        self._missing = [each for each in needed if each != self.name]
        self._value, self._known = known[self.name]
        if self._known.part is not None or self._known.kind in ("string", "double", "int64"):
            message = f"input '{self.name}' is not an image or an array, which files hold"
            raise usage_error(message, "give a table: .csv, .tsv or .parquet")

    @property
    def size(self) -> int:
        """How many files are a part."""
        return max(1, min(_ENTRIES, _NUMBERS // _numbers(self._value, self._known)))

    def row(self, cells: Sequence[Any]) -> Mapping[str, Any]:
        """A file as what `predict` takes.

        Raises:
            CompileError: it can't be read, or isn't all that the model takes.
        """
        path = Path(cells[0])
        match path.suffix.lower():
            case ".npz":
                return {**self._own, **read_archive(self._function, path)}
            case ".npy":
                found = read_numpy(path)
            case _ if self._known.kind == "image":
                found = fitted(self._value, read_picture(path))
            case _:
                message = f"'{path}' is not a numpy file, and input '{self.name}' is an array"
                raise usage_error(message, "give .npy or .npz files")
        if self._missing:
            message = f"'{path}' has only input '{self.name}'; {', '.join(self._missing)} missing"
            raise usage_error(message, "give .npz files with an array for each input")
        return {**self._own, self.name: found}


def _numbers(value: Value, known: Argument) -> int:
    """How many numbers one entry has; of an open size, about as many as the default one."""
    sizes = known.default_shape() or value.type.shape
    sizes = (*sizes, 3) if known.kind == "image" else sizes
    return max(1, prod(size for size in sizes if isinstance(size, int)))
