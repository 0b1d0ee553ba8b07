"""Inputs of a model from the command line: images, numpy files, numbers, random data."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.binding import inputs_of
from ...ir.dims import symbols
from ...ir.interpret import random_inputs
from ...ir.ssa import Function, Value
from ...ir.types import Array, DType
from . import console

_REMEDY = "give an image file, a .npy or .npz file, or numbers such as [1, 2.5]"


def read_inputs(function: Function, texts: list[str], seed: int | None) -> dict[str, Any]:
    """Values by input name.

    Args:
        function: whose inputs they are.
        texts: `NAME=VALUE`, or `VALUE` where only one input can be meant.
        seed: for random values of inputs that are not given; None for none.

    Raises:
        CompileError: a name that no input has, or a value that can't be read.
    """
    found: dict[str, Any] = {}
    if seed is not None:
        found |= _random(function, seed)
    for text in texts:
        value, source = _split(function, text)
        if value is None:
            found |= read_archive(function, Path(source))
        else:
            found[value.name] = _read(function, value, source)
    return found


def _random(function: Function, seed: int) -> dict[str, Any]:
    """Random inputs of the default sizes; of images one, not a batch."""
    found = random_inputs(function, seed, **_default_sizes(function))
    found = {value.name: found[value.name] for value, _ in inputs_of(function)}
    for value, known in inputs_of(function):
        if known.kind == "image" and len(found[value.name]) == 1:
            found[value.name] = found[value.name][0]
    return found


def _default_sizes(function: Function) -> dict[str, int]:
    """Extents of open dimensions: those of the declared shape, else possible ones, else 1."""
    found: dict[str, int] = {}
    for value, known in inputs_of(function):
        dims = value.type.shape[1:3] if known.kind == "image" else value.type.shape
        for dim, size in zip(reversed(dims), reversed(known.default_shape()), strict=False):
            if not isinstance(dim, int):
                found.setdefault(str(dim), max(size, 1))
        for dim in value.type.shape:
            for name in symbols(dim):
                found.setdefault(name, 1)
    return found


def _split(function: Function, text: str) -> tuple[Value | None, str]:
    """(the input that is meant, its value); no input for a .npz with all of them."""
    arguments = [value for value, _ in inputs_of(function)]
    for value in sorted(arguments, key=lambda v: -len(v.name)):
        if text.startswith(f"{value.name}="):
            return value, text[len(value.name) + 1 :]
    if text.endswith(".npz"):
        return None, text
    unknown = "=" in text and not Path(text).exists()
    if len(arguments) == 1 and not unknown:
        return arguments[0], text
    names = ", ".join(value.name for value in arguments)
    if unknown:
        raise console.usage_error(
            f"there is no input '{text.partition('=')[0]}'", f"the inputs are {names}"
        )
    raise console.usage_error(
        f"which input is '{text}'?", f"write NAME={text}; the inputs are {names}"
    )


def read_archive(function: Function, path: Path) -> dict[str, Any]:
    """The arrays of a .npz, by the names of inputs.

    Raises:
        CompileError: it can't be read, or has a name that no input has.
    """
    arrays = _numpy(path)
    known = [value.name for value, _ in inputs_of(function)]
    unknown = [name for name in arrays if name not in known]
    if unknown:
        raise console.usage_error(
            f"{path}: there is no input '{unknown[0]}'", f"the inputs are {', '.join(known)}"
        )
    return arrays


def _read(function: Function, value: Value, source: str) -> Any:
    path = Path(source)
    if path.suffix == ".npy":
        return _numpy(path)
    if path.suffix == ".npz":
        arrays = _numpy(path)
        if value.name not in arrays:
            raise console.usage_error(f"{path} has no array '{value.name}'")
        return arrays[value.name]
    if value.type.dtype is DType.STR:
        return np.asarray(source, object)
    if (numbers := _literal(source)) is not None:
        return numbers
    if function.inputs[function.arguments.index(value)].kind != "image":
        exists = "is no numpy file" if path.exists() else "is neither a file nor a number"
        raise console.usage_error(
            f"input '{value.name}' is an array, but '{source}' {exists}", _REMEDY
        )
    return read_image(value, path)


def _numpy(path: Path) -> Any:
    """The array of a .npy, or the arrays of a .npz by name."""
    try:
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    except FileNotFoundError:
        raise console.usage_error(f"there is no file '{path}'") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own
        # numpy takes whatever it can't read for pickled objects, and advises to load them.
        reason = "it is broken, or holds Python objects" if "pickle" in str(error) else error
        raise console.usage_error(f"'{path}' is no numpy file: {reason}") from None


def _literal(text: str) -> Array | None:
    """Numbers in JSON's spelling; None for anything else."""
    try:
        array = np.asarray(json.loads(text))
    except ValueError:  # no JSON, or lists of different lengths
        return None
    return array if array.dtype.kind in "fiub" else None


def read_image(value: Value, path: Path) -> Any:
    """A picture of the size that the model wants.

    Raises:
        CompileError: the file can't be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            picture.load()
    except FileNotFoundError:
        raise console.usage_error(f"there is no file '{path}'", _REMEDY) from None
    except UnidentifiedImageError:
        raise console.usage_error(f"'{path}' is no image", _REMEDY) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise console.usage_error(f"the image '{path}' can't be read: {error}") from None
    height, width = value.type.shape[1:3]
    if not isinstance(height, int) or not isinstance(width, int):
        return picture
    if picture.size == (width, height):
        return picture
    was = f"{picture.width}×{picture.height}"
    console.note(f"{path.name} is {was}, input '{value.name}' takes {width}×{height}: resized")
    if picture.mode in ("1", "P", "PA"):  # of palettes, only the nearest pixel could be taken
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture.resize((width, height), Image.Resampling.BILINEAR)
