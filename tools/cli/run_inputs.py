"""Inputs of a model from the command line: images, numpy files, numbers, text, random data."""

import json
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from ...compiler.binding import features_of
from ...compiler.input_files import (
    REMEDY,
    fitted,
    random_values,
    read_archive,
    read_numpy,
    read_picture,
)
from ...ir.diagnostics import usage_error
from ...ir.ssa import Function
from ...ir.types import Array, DType
from . import printing


class Inputs(NamedTuple):
    """What the command line gives.

    Attributes:
        values: by input name.
        pictures: the files of images, and what is in them before it is fitted to the model.
    """

    values: dict[str, Any]
    pictures: dict[str, tuple[Path, Any]]


def read_inputs(function: Function, texts: list[str], seed: int | None) -> Inputs:
    """Values by input name; of numbers that aren't given, the model's own if it has one.

    Args:
        function: the function with the inputs.
        texts: `NAME=VALUE`, or `VALUE` if only one input can be meant.
        seed: the seed of random values for missing inputs; None to require all inputs.

    Raises:
        CompileError: a name that no input has, or a value that can't be read.
    """
    found, pictures = dict[str, Any](), dict[str, tuple[Path, Any]]()
    if seed is not None:
        found |= random_values(function, seed)
    for text in texts:
        name, source = _split(function, text)
        if not name:
            found |= read_archive(function, Path(source))
        elif _is_picture(function, name, source):
            value, picture = features_of(function)[name][0][0], read_picture(Path(source))
            pictures[name] = Path(source), picture
            found[name] = fitted(value, picture)
            _tell_size(name, Path(source), picture, found[name])
        else:
            found[name] = _read(function, name, source)
    for name, ((_, known), *_) in features_of(function).items():
        number = known.own_number
        if name not in found and not known.optional and number is not None:
            printing.note(f"input '{name}' is not given: {number:g}, the model's own choice")
            found[name] = number
    return Inputs(found, pictures)


def _tell_size(name: str, path: Path, picture: Any, fit: Any) -> None:
    if picture.size != fit.size:
        was, takes = (f"{width}×{height}" for width, height in (picture.size, fit.size))
        printing.note(f"{path.name} is {was}, input '{name}' takes {takes}: resized")


def _is_picture(function: Function, name: str, source: str) -> bool:
    """Whether an image is given as a file that is not numpy's."""
    _, known = features_of(function)[name][0]
    others = Path(source).suffix in (".npy", ".npz") or _literal(source) is not None
    return known.kind == "image" and not others


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
    exists = "is not a numpy file" if path.exists() else "is neither a file nor a number"
    raise usage_error(f"input '{name}' is an array, but '{source}' {exists}", REMEDY)


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
