"""Inputs of a model from the command line: images, numpy files, numbers, text, random data."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...compiler.binding import features_of
from ...compiler.input_files import REMEDY, random_values, read_archive, read_image, read_numpy
from ...ir.diagnostics import usage_error
from ...ir.ssa import Function
from ...ir.types import Array, DType
from . import printing


def read_inputs(function: Function, texts: list[str], seed: int | None) -> dict[str, Any]:
    """Values by input name.

    Args:
        function: the function with the inputs.
        texts: `NAME=VALUE`, or `VALUE` if only one input can be meant.
        seed: the seed of random values for missing inputs; None to require all inputs.

    Raises:
        CompileError: a name that no input has, or a value that can't be read.
    """
    found: dict[str, Any] = {}
    if seed is not None:
        found |= random_values(function, seed)
    for text in texts:
        name, source = _split(function, text)
        if name:
            found[name] = _read(function, name, source)
        else:
            found |= read_archive(function, Path(source))
    return found


def _split(function: Function, text: str) -> tuple[str, str]:
    """(the input's name, its value); no name for a .npz with all inputs."""
    given = list(features_of(function))
    for name in sorted(given, key=lambda name: -len(name)):
        if text.startswith(f"{name}="):
            return name, text[len(name) + 1 :]
    if text.endswith(".npz"):
        return "", text
    unknown = "=" in text and not Path(text).exists()
    if len(given) == 1 and not unknown:
        return given[0], text
    names = ", ".join(given)
    if unknown:
        raise usage_error(
            f"there is no input '{text.partition('=')[0]}'", f"the inputs are {names}"
        )
    raise usage_error(f"which input is '{text}'?", f"write NAME={text}; the inputs are {names}")


def _read(function: Function, name: str, source: str) -> Any:
    value, known = features_of(function)[name][0]
    path = Path(source)
    if known.part is not None:
        return _dictionary(name, source, value.type.dtype)
    is_text = value.type.dtype is DType.STR
    if path.suffix == ".npy" and not (is_text and not path.exists()):
        return read_numpy(path)
    if path.suffix == ".npz" and not (is_text and not path.exists()):
        arrays = read_numpy(path)
        if name not in arrays:
            raise usage_error(f"{path} has no array '{name}'")
        return arrays[name]
    if is_text:
        return _text(source, value.type.rank)
    if (numbers := _literal(source)) is not None:
        return numbers
    if known.kind != "image":
        exists = "is not a numpy file" if path.exists() else "is neither a file nor a number"
        raise usage_error(f"input '{name}' is an array, but '{source}' {exists}", REMEDY)
    return read_image(value, path, printing.note)


def _text(source: str, rank: int) -> Array:
    """A text as it is; where an array is expected, also a list of texts in JSON's spelling."""
    if rank and source.startswith("["):
        try:
            array = np.asarray(json.loads(source), object)
        except ValueError:  # not JSON, or lists of different lengths
            return np.asarray(source, object)
        if all(isinstance(item, str) for item in array.flat):
            return array
    return np.asarray(source, object)


def _dictionary(name: str, source: str, dtype: DType) -> dict[Any, Any]:
    """A dictionary in JSON's spelling, whose keys are strings also if they mean numbers.

    Raises:
        CompileError: it is something else, or a key is not a number.
    """
    remedy = "give numbers by key, such as {%s: 1.5}" % ('"7"' if dtype is DType.I64 else '"word"')
    try:
        found = json.loads(source)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise usage_error(f"input '{name}' is a dictionary, but '{source}' is not", remedy)
    entries = cast(dict[str, Any], found)
    if dtype is DType.STR:
        return entries
    try:
        return {int(key): number for key, number in entries.items()}
    except ValueError:
        raise usage_error(f"keys of input '{name}' are whole numbers", remedy) from None


def _literal(text: str) -> Array | None:
    """Numbers in JSON's spelling; None for anything else."""
    try:
        array = np.asarray(json.loads(text))
    except ValueError:  # not JSON, or lists of different lengths
        return None
    return array if array.dtype.kind in "fiub" else None
