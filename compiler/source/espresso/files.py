"""The three files of an Espresso network: layers and shapes are JSON, weights a table of blobs."""

import json
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from ....ir.diagnostics import CompileError, Diagnostic

Dims: TypeAlias = tuple[int, ...]

NET, SHAPE, WEIGHTS = "model.espresso.net", "model.espresso.shape", "model.espresso.weights"
_COPY_AGAIN = "copy or compile the whole .mlmodelc folder again"
_LARGEST_TEXT = 1 << 27
_FORMAT = 200
# Keys of the net that don't affect what is computed.
_IRRELEVANT = {"properties", "analyses", "configurations"}
_KNOWN = {"layers", "storage", "format_version", "metadata_in_weights", "transform_params"}
# From the outside in; `w` is the last dimension for every rank.
_LETTERS = ("seq", "n", "k", "h", "w")
_MOST = 1 << 31


def fail(file: Path, message: str, kind: Any = "malformed", remedy: str = _COPY_AGAIN) -> NoReturn:
    """Refuse a file."""
    remedy = remedy if kind == "malformed" else ""
    raise CompileError(Diagnostic(message, kind, file=str(file), remedy=remedy))


@dataclass(frozen=True)
class Net:
    """The parsed `.net`: its layers, and how images are preprocessed."""

    path: Path
    layers: list[Any]
    transform_params: Mapping[str, Any]


def read_net(folder: Path) -> Net:
    """Read the layers.

    Raises:
        CompileError: the file is missing or damaged, or has entries of unknown meaning.
    """
    path = folder / NET
    content = _read_json(path)
    if content.get("format_version") != _FORMAT:
        version = content.get("format_version")
        fail(path, f"the format version is {version!r}, expected {_FORMAT}", "unsupported")
    unknown = sorted(content.keys() - _IRRELEVANT - _KNOWN)
    if unknown:
        fail(path, f"the entry '{unknown[0]}' is not understood", "unsupported")
    if content.get("metadata_in_weights"):
        fail(path, "it keeps metadata in its weights, which is not understood", "unsupported")
    if content.get("storage", WEIGHTS) != WEIGHTS:
        fail(path, f"its weights are in {content['storage']!r}, expected '{WEIGHTS}'")
    layers, params = content.get("layers"), content.get("transform_params", {})
    if not isinstance(layers, list) or not isinstance(params, dict):
        fail(path, "it has no list of layers, or transform_params that are not an object")
    return Net(path, layers, params)


def _read_json(path: Path) -> dict[str, Any]:
    data = _read_text(path)
    if data[:4] in (b"pbze", b"bvx2", b"bvx-"):
        fail(path, "the file is compressed, which is not supported", "unsupported")
    try:
        content = json.loads(data)
    except RecursionError:
        fail(path, "it is not JSON of this kind: it is nested too deeply")
    except ValueError as error:
        fail(path, f"it is not JSON: {str(error)[:100]}")
    if not isinstance(content, dict):
        fail(path, "it is not a JSON object")
    return content


def _read_text(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            fail(path, "the file is larger than any description of a network")
        return path.read_bytes()
    except FileNotFoundError:
        fail(path, "the file is missing")
    except OSError as error:
        fail(path, f"the file can't be read: {error.strerror or error}")


@dataclass(frozen=True)
class BlobShapes:
    """The compiled shape of every blob, from the outside in.

    Attributes:
        exact: blobs have ranks of their own; otherwise all have the five dimensions
            [sequence, batch, channel, height, width].
    """

    path: Path
    dims: Mapping[str, Dims]
    exact: bool

    def __contains__(self, name: str) -> bool:
        return name in self.dims


def read_shapes(folder: Path) -> BlobShapes:
    """Read the shapes.

    Raises:
        CompileError: the file is missing or damaged.
    """
    path = folder / SHAPE
    rows = _read_json(path).get("layer_shapes")
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        fail(path, "it has no shapes of blobs")
    ranked = {"_rank" in row for row in rows.values()}
    if len(ranked) > 1:
        fail(path, "some blobs state a rank and others don't")
    dims = {name: _dims(path, name, row) for name, row in rows.items()}
    return BlobShapes(path, dims, True in ranked)


def _dims(path: Path, name: str, row: Mapping[str, Any]) -> Dims:
    unknown = sorted(row.keys() - {*_LETTERS, "_rank"})
    if unknown:
        fail(path, f"the shape of '{name}' has the unknown entry '{unknown[0]}'", "unsupported")
    sizes = tuple(row.get(letter, 1) for letter in _LETTERS)
    rank = row.get("_rank", len(_LETTERS))
    for number in (*sizes, rank):
        if type(number) is not int or not 0 < number < _MOST:
            fail(path, f"the shape of '{name}' has the impossible entry {number!r}")
    if rank > len(_LETTERS) or any(size != 1 for size in sizes[: len(_LETTERS) - rank]):
        fail(path, f"the shape {list(sizes)} of '{name}' doesn't have rank {rank}")
    return sizes[len(_LETTERS) - rank :]


class WeightFile:
    """The mapped weights file: data by number, copied where they are needed.

    Use as a context manager: the file stays mapped inside.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / WEIGHTS
        self._data = self._map()
        self._ranges = self._read_table()

    def _map(self) -> mmap.mmap:
        try:
            with self.path.open("rb") as stream:
                return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            fail(self.path, "the file is missing")
        except ValueError:
            fail(self.path, "the file is empty")
        except OSError as error:
            fail(self.path, f"the file can't be read: {error.strerror or error}")

    def _read_table(self) -> dict[int, tuple[int, int]]:
        """(start, end) of each blob, from a table of numbers and sizes, then the data."""
        size = len(self._data)
        count = struct.unpack_from("<Q", self._data)[0] if size >= 8 else size
        start = 8 + 16 * count
        if start > size:
            fail(self.path, f"this is not a table of weights: {count:,} entries don't fit")
        ranges: dict[int, tuple[int, int]] = {}
        for number, length in struct.iter_unpack("<QQ", self._data[8:start]):
            if number in ranges:
                fail(self.path, f"the weights {number} occur twice")
            ranges[number] = start, start + length
            start += length
        if start != size:
            fail(self.path, f"the weights take {start:,} bytes, the file has {size:,}")
        return ranges

    def size(self, number: int) -> int | None:
        """Bytes of a blob; None if there is no such blob."""
        start, end = self._ranges.get(number, (0, -1))
        return None if end < start else end - start

    def read(self, number: int, head: bytes = b"") -> bytes:
        """A blob's bytes, copied once, after a prefix."""
        start, end = self._ranges[number]
        with memoryview(self._data) as whole, whole[start:end] as data:
            return b"".join((head, data))

    def __enter__(self) -> "WeightFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()
