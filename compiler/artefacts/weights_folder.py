"""A folder with every weight, for people who write the model anew.

`weights.npz` for numpy, `weights.safetensors` (https://huggingface.co/docs/safetensors: a length of
8 bytes, a description in JSON, the numbers) for everyone else, `manifest.json` about both. Strings,
which safetensors doesn't have, are lists by name in `strings.json`, if there are any. One weight is
in memory at a time.
"""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...ir.names import ARRAY, written
from ...ir.types import Array, DType
from ...ir.writing import writing_whole
from ..frontends.stored_weights import StoredWeight, Unread

_METADATA = "__metadata__"  # a key of safetensors that isn't a tensor
MANIFEST, NUMPY, SAFETENSORS = "manifest.json", "weights.npz", "weights.safetensors"
STRINGS = "strings.json"
_DTYPES = {
    **{DType.F64: "F64", DType.F32: "F32", DType.F16: "F16", DType.BOOL: "BOOL"},
    **{DType.I64: "I64", DType.I32: "I32", DType.I16: "I16", DType.I8: "I8"},
    **{DType.U64: "U64", DType.U32: "U32", DType.U16: "U16", DType.U8: "U8"},
}


def write_weights(
    weights: Sequence[StoredWeight],
    unread: Sequence[Unread],
    folder: Path,
    progress: Callable[[int], None],
) -> None:
    """Write the folder, whole or not at all.

    Args:
        weights: all that can be read.
        unread: what can't.
        folder: where to.
        progress: told how many are written already.

    Raises:
        CompileError: a weight's numbers are damaged.
        OSError: the folder can't be written.
    """
    with writing_whole(folder) as new:
        new.mkdir()
        about: dict[str, Any] = {"weights": entries_of(weights)}
        if unread:
            about["unread"] = [asdict(one) for one in unread]
        _write_json(new / MANIFEST, about)
        with (new / SAFETENSORS).open("wb") as tensors, zipfile.ZipFile(new / NUMPY, "w") as arrays:
            names = _names(weights)
            _write_header(tensors, [w for w in weights if not _is_text(w)], names)
            strings: dict[str, Any] = {}
            for index, weight in enumerate(weights):
                progress(index)
                if _is_text(weight):
                    strings[names[weight.name]] = weight.resource.array().tolist()
                    continue
                array = np.ascontiguousarray(weight.resource.array())
                _write_numpy(arrays, names[weight.name], array)
                little = array.astype(array.dtype.newbyteorder("<"), copy=False)
                tensors.write(little.reshape(-1).view(np.uint8).data)
                weight.resource.release()
        if strings:
            _write_json(new / STRINGS, strings)


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def _is_text(weight: StoredWeight) -> bool:
    return weight.resource.type.dtype is DType.STR


def entries_of(weights: Sequence[StoredWeight]) -> list[dict[str, Any]]:
    """What the manifest says of each weight."""
    names = _names(weights)
    return [_entry(weight, names[weight.name]) for weight in weights]


def _names(weights: Sequence[StoredWeight]) -> Mapping[str, str]:
    """What each weight is called in the files."""
    return written(ARRAY, (weight.name for weight in weights), "weight", [_METADATA])


def _entry(weight: StoredWeight, name: str) -> dict[str, Any]:
    kind = weight.resource.type
    renamed = {"written": name} if name != weight.name else {}
    return {
        "name": weight.name,
        **renamed,
        "shape": list(kind.static_shape),
        "axes": list(weight.axes),
        "dtype": "string" if _is_text(weight) else kind.dtype.numpy.name,
        "kind": weight.kind,
        "layer": weight.layer,
        "parameter": weight.parameter,
        "stored_as": weight.encoding,
        "bytes": _bytes(weight),
    }


def _bytes(weight: StoredWeight) -> int:
    if not _is_text(weight):
        return weight.resource.size * weight.resource.type.dtype.bytes
    return sum(len(text.encode()) for text in weight.resource.array().ravel())


def _write_numpy(archive: zipfile.ZipFile, name: str, array: Array) -> None:
    # A fixed date, so that the same model gives the same file.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as stream:
        np.lib.format.write_array(stream, array, allow_pickle=False)


def _write_header(
    stream: BinaryIO, weights: Sequence[StoredWeight], names: Mapping[str, str]
) -> None:
    """What and where the numbers are; filled up so that they are aligned."""
    header: dict[str, Any] = {_METADATA: {"format": "np"}}
    place = 0
    for weight in weights:
        kind = weight.resource.type
        end = place + weight.resource.size * kind.dtype.bytes
        header[names[weight.name]] = {
            "dtype": _DTYPES[kind.dtype],
            "shape": list(kind.static_shape),
            "data_offsets": [place, end],
        }
        place = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    stream.write(len(text).to_bytes(8, "little") + text)
