"""Inputs of a model from files: numpy's arrays, pictures; and random ones."""

from pathlib import Path
from typing import Any

import numpy as np

from ..ir.diagnostics import usage_error
from ..ir.dialects.builtin import array_of
from ..ir.dialects.core.lookup import Lookup
from ..ir.dialects.core.reshaping import ExpandDims, Reshape, Squeeze
from ..ir.dialects.core.shape import Transpose
from ..ir.dims import symbols
from ..ir.interpret import random_inputs
from ..ir.ssa import Function, Value
from ..ir.types import Array
from .binding import features_of, inputs_of

REMEDY = "give an image file, a .npy or .npz file, or numbers such as [1, 2.5]"
_ENTRIES = 3  # of a random dictionary


def random_values(function: Function, seed: int) -> dict[str, Any]:
    """Random inputs of the default sizes, as callers give them; one image, not a batch.

    What the function looks up among constant keys is drawn from these: it would hardly meet one by
    chance. A number for which the model has one of its own, such as a detector's threshold, is
    that: at a random one, every box or none would be found.
    """
    drawn = random_inputs(function, seed, **_default_sizes(function))
    generator = np.random.default_rng(seed)
    for value, keys in _looked_up(function).items():
        picked = generator.integers(0, len(keys), drawn[value.name].shape)
        drawn[value.name] = np.asarray(keys[picked], keys.dtype)
    found: dict[str, Any] = {}
    for name, arguments in features_of(function).items():
        parts = {known.part: drawn[value.name] for value, known in arguments}
        if None not in parts:
            found[name] = dict(zip(parts["keys"].tolist(), parts["values"].tolist(), strict=True))
            continue
        found[name] = array = parts[None]
        if (default := arguments[0][1].own_number) is not None:
            found[name] = np.full_like(array, default)
        if arguments[0][1].kind == "image" and len(array) == 1:
            found[name] = array[0]
    return found


def _looked_up(function: Function) -> dict[Value, Array]:
    """The constant keys that arguments are looked up among, whatever their shape."""
    found: dict[Value, Array] = {}
    for op in function.walk():
        if not isinstance(op, Lookup) or (keys := array_of(op.keys)) is None or not keys.size:
            continue
        source = op.x
        while isinstance(source.op, Reshape | ExpandDims | Squeeze | Transpose):
            source = source.op.x
        if source in function.arguments:
            found.setdefault(source, keys)
    return found


def _default_sizes(function: Function) -> dict[str, int]:
    """Sizes of dynamic dimensions: those of the declared shape, else possible ones, else 1."""
    found: dict[str, int] = {}
    for value, known in inputs_of(function):
        dims = value.type.shape[1:3] if known.kind == "image" else value.type.shape
        if known.part is not None:
            found.setdefault(str(dims[0]), _ENTRIES)
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


def read_picture(path: Path) -> Any:
    """A picture of PIL, as it is to be seen: cameras may have turned it.

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
    return picture


def fitted(value: Value, picture: Any) -> Any:
    """A picture in the size that an image input takes; the same if it has it."""
    from PIL import Image

    height, width = value.type.shape[1:3]
    if not isinstance(height, int) or not isinstance(width, int):
        return picture
    if picture.size == (width, height):
        return picture
    if picture.mode in ("1", "P", "PA"):  # palettes allow only the nearest pixel
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture.resize((width, height), Image.Resampling.BILINEAR)
