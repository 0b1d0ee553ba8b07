"""How a compiled network preprocesses its images, which two of its files say.

Core ML's own file has it in every compiled model; the network repeats it in all but the oldest. In
one published model they differ, because it was edited by hand after compiling (a scale of 1 in the
binary file, 1/255 in the text). The edited file is used, because its author saw its effect, and
users are warned.
"""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ...ir.diagnostics import CompileError, CompileWarning, Diagnostic
from ...ir.location import InModel
from .coremldata import COPY_AGAIN, ImageParameters
from .espresso.files import NET
from .interface import Feature

IMAGES = "model/coremldata.bin"
_BIASES = ("bias_b", "bias_g", "bias_r")
_ZEROS = {"center_mean", "bias_a", "is_image_bgr"}
_KEYS = {*_BIASES, *_ZEROS, "scale", "is_network_bgr"}


def add_preprocessing(
    network: Any,
    features: Iterable[Feature],
    own: Mapping[str, ImageParameters] | None,
    repeated: Mapping[str, Any],
    folder: Path,
) -> None:
    """Give a network message the preprocessing of its image inputs.

    Args:
        network: the message.
        features: the model's inputs.
        own: the content of Core ML's file; None if there is no file.
        repeated: the `transform_params` of the network.
        folder: the `.mlmodelc`.

    Raises:
        CompileError: the two differ in more than scale and biases, or have an unknown entry.
    """
    images = {feature.name: feature for feature in features if feature.kind == "image"}
    for file, given in ((IMAGES, own or {}), (NET, repeated)):
        for name in given.keys() - images.keys():
            _fail(folder / file, name, "has image parameters, but is not an image input")
    for name, feature in images.items():
        mine = None if own is None else own.get(name)
        other = _repeated(folder / NET, feature, repeated[name]) if name in repeated else None
        if own is not None and mine is None:
            _fail(folder / IMAGES, name, "has no image parameters")
        if mine is None and other is None:
            _fail(folder / IMAGES, name, "has no image parameters: the file is missing")
        if mine is not None and other is not None and not _agree(mine, other):
            _differ(folder, name, mine, other)
            mine = other
        _add(network, folder, feature, mine or other)


def _repeated(path: Path, feature: Feature, entry: Any) -> ImageParameters:
    """An entry of `transform_params`; images of one channel have three biases too."""
    name = feature.name
    if not isinstance(entry, dict) or not all(_is_number(value) for value in entry.values()):
        _fail(path, name, "has image parameters that are not numbers")
    for key in entry:
        if key not in _KEYS or (key in _ZEROS and entry[key] != 0):
            _fail(path, name, f"has {key} = {entry[key]}, which is not understood", "unsupported")
    if entry.get("is_network_bgr", 0) not in (0, 1):
        value = entry["is_network_bgr"]
        _fail(path, name, f"has is_network_bgr = {value}, which is not understood", "unsupported")
    blue, green, red = (_rounded(entry.get(key, 0)) for key in _BIASES)
    is_gray = feature.image is not None and feature.image.color.startswith("GRAY")
    if is_gray and (blue or green or red):
        _fail(path, name, "is gray and has biases, which are not understood", "unsupported")
    scale, is_bgr = _rounded(entry.get("scale", 1)), bool(entry.get("is_network_bgr", 0))
    return ImageParameters(is_bgr, is_gray, blue, green, red, 0.0, scale)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 3.4e38


def _rounded(value: float) -> float:
    """Rounded to float32, as in the other file."""
    return float(np.float32(value))


def _agree(mine: ImageParameters, other: ImageParameters) -> bool:
    if (mine.is_bgr, mine.is_gray) != (other.is_bgr, other.is_gray):
        return False
    return (mine.is_gray and mine.scale == other.scale and mine.gray == other.gray) or mine == other


def _differ(folder: Path, name: str, mine: ImageParameters, other: ImageParameters) -> None:
    """Warn about scales and biases that differ; refuse other colour orders, and gray biases.

    The network's file has no key for the bias of gray, so its absence says nothing.
    """

    def shown(given: ImageParameters) -> str:
        biases = [given.gray] if given.is_gray else [given.red, given.green, given.blue]
        order = "gray" if given.is_gray else "BGR" if given.is_bgr else "RGB"
        return f"{order}, scale {given.scale:g}, biases {', '.join(f'{b:g}' for b in biases)}"

    message = (
        f"the image input '{name}' is preprocessed differently by {IMAGES} ({shown(mine)}) and by "
        f"transform_params ({shown(other)})"
    )
    remedy = f"correct transform_params in {NET}, or remove it there if {IMAGES} is right"
    location, file = InModel("input", None, name), str(folder / NET)
    if (mine.is_bgr, mine.is_gray, mine.gray) != (other.is_bgr, other.is_gray, other.gray):
        raise CompileError(Diagnostic(message, "malformed", location, file, remedy=remedy))
    text = f"{message}; transform_params are used"
    problem = Diagnostic(text, "malformed", location, file, remedy=remedy)
    warnings.warn(CompileWarning(problem), stacklevel=2)


def _add(network: Any, folder: Path, feature: Feature, given: ImageParameters | None) -> None:
    assert given is not None
    assert feature.image is not None
    order = "GRAYSCALE" if given.is_gray else "BGR" if given.is_bgr else "RGB"
    if feature.image.color != order:
        color = feature.image.color
        _fail(folder / IMAGES, feature.name, f"is described as {color}, but used as {order}")
    biases = (given.blue, given.green, given.red, given.gray)
    if given.scale == 1 and not any(biases):
        return
    scaler = network.preprocessing.add(featureName=feature.name).scaler
    scaler.channelScale = given.scale
    scaler.blueBias, scaler.greenBias, scaler.redBias, scaler.grayBias = biases


def _fail(path: Path, name: str, message: str, kind: Any = "malformed") -> NoReturn:
    remedy = COPY_AGAIN if kind == "malformed" else ""
    text, location = f"the input '{name}' {message}", InModel("input", None, name)
    raise CompileError(Diagnostic(text, kind, location, str(path), remedy=remedy))
