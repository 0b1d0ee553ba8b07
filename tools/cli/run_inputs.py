"""Inputs of a model from the command line: images, numpy files, numbers, random data."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...compiler.binding import inputs_of
from ...compiler.input_files import REMEDY, random_values, read_archive, read_image, read_numpy
from ...ir.diagnostics import usage_error
from ...ir.ssa import Function, Value
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
        value, source = _split(function, text)
        if value is None:
            found |= read_archive(function, Path(source))
        else:
            found[value.name] = _read(function, value, source)
    return found


def _split(function: Function, text: str) -> tuple[Value | None, str]:
    """(the input, its value); no input for a .npz with all of them."""
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
        raise usage_error(
            f"there is no input '{text.partition('=')[0]}'", f"the inputs are {names}"
        )
    raise usage_error(f"which input is '{text}'?", f"write NAME={text}; the inputs are {names}")


def _read(function: Function, value: Value, source: str) -> Any:
    path = Path(source)
    if path.suffix == ".npy":
        return read_numpy(path)
    if path.suffix == ".npz":
        arrays = read_numpy(path)
        if value.name not in arrays:
            raise usage_error(f"{path} has no array '{value.name}'")
        return arrays[value.name]
    if value.type.dtype is DType.STR:
        return np.asarray(source, object)
    if (numbers := _literal(source)) is not None:
        return numbers
    if function.inputs[function.arguments.index(value)].kind != "image":
        exists = "is not a numpy file" if path.exists() else "is neither a file nor a number"
        raise usage_error(f"input '{value.name}' is an array, but '{source}' {exists}", REMEDY)
    return read_image(value, path, printing.note)


def _literal(text: str) -> Array | None:
    """Numbers in JSON's spelling; None for anything else."""
    try:
        array = np.asarray(json.loads(text))
    except ValueError:  # not JSON, or lists of different lengths
        return None
    return array if array.dtype.kind in "fiub" else None
