"""Inputs of a model from files: numpy's arrays, pictures; and random ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..ir.diagnostics import usage_error
from ..ir.dims import symbols
from ..ir.interpret import random_inputs
from ..ir.ssa import Function, Value
from .binding import inputs_of

REMEDY = "give an image file, a .npy or .npz file, or numbers such as [1, 2.5]"


def random_values(function: Function, seed: int) -> dict[str, Any]:
    """Random inputs of the default sizes; one image, not a batch."""
    found = random_inputs(function, seed, **_default_sizes(function))
    found = {value.name: found[value.name] for value, _ in inputs_of(function)}
    for value, known in inputs_of(function):
        if known.kind == "image" and len(found[value.name]) == 1:
            found[value.name] = found[value.name][0]
    return found


def _default_sizes(function: Function) -> dict[str, int]:
    """Sizes of dynamic dimensions: those of the declared shape, else possible ones, else 1."""
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


def read_archive(function: Function, path: Path) -> dict[str, Any]:
    """The arrays of a .npz, by the names of inputs.

    Raises:
        CompileError: it can't be read, or has a name that no input has.
    """
    arrays = read_numpy(path)
    known = [value.name for value, _ in inputs_of(function)]
    unknown = [name for name in arrays if name not in known]
    if unknown:
        message = f"{path}: there is no input '{unknown[0]}'"
        raise usage_error(message, f"the inputs are {', '.join(known)}")
    return arrays


def read_numpy(path: Path) -> Any:
    """The array of a .npy, or the arrays of a .npz by name.

    Raises:
        CompileError: it can't be read.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    except FileNotFoundError:
        raise usage_error(f"there is no file '{path}'") from None
    except Exception as error:  # zipfile, zlib and numpy each raise their own
        # numpy assumes that anything it can't read is pickled objects, and advises to load them.
        reason = "it is broken, or holds Python objects" if "pickle" in str(error) else error
        raise usage_error(f"'{path}' is not a numpy file: {reason}") from None


def read_image(value: Value, path: Path, resized: Callable[[str], None] = lambda _: None) -> Any:
    """A picture of the size that an image input takes.

    Args:
        value: the input.
        path: of the file.
        resized: told about it if the picture has another size.

    Raises:
        CompileError: the file can't be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            picture.load()
    except FileNotFoundError:
        raise usage_error(f"there is no file '{path}'", REMEDY) from None
    except UnidentifiedImageError:
        raise usage_error(f"'{path}' is not an image", REMEDY) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise usage_error(f"the image '{path}' can't be read: {error}") from None
    height, width = value.type.shape[1:3]
    if not isinstance(height, int) or not isinstance(width, int):
        return picture
    if picture.size == (width, height):
        return picture
    was = f"{picture.width}×{picture.height}"
    resized(f"{path.name} is {was}, input '{value.name}' takes {width}×{height}: resized")
    if picture.mode in ("1", "P", "PA"):  # palettes allow only the nearest pixel
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture.resize((width, height), Image.Resampling.BILINEAR)
