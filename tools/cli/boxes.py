"""What a detector finds in a picture: rows for people and programs, and boxes drawn into it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...compiler.binding import inputs_of
from ...ir.interface import Detected
from ...ir.ssa import Function
from ...ir.types import Array
from ...ir.writing import writing_whole
from . import printing
from .run_inputs import Inputs

# Coordinates beyond it are not parts of the picture's width and height.
_FAR = 2
_COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000")


@dataclass(frozen=True)
class Box:
    """One thing that was found, in pixels of the picture, from its left and top.

    Attributes:
        label: the class with the highest confidence.
        index: its position among the classes.
    """

    label: str
    index: int
    confidence: float
    left: float
    top: float
    width: float
    height: float

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {key: value for key, value in asdict(self).items() if key != "index"}


@dataclass(frozen=True)
class Detection:
    """The boxes in a picture.

    Attributes:
        boxes: best first.
        picture: of PIL, in its own size.
        file: what the picture was read from; None if that was not a picture's file.
        outputs: the names of the outputs that they were made of.
    """

    boxes: tuple[Box, ...]
    picture: Any
    file: Path | None
    outputs: frozenset[str]


def detection(function: Function, inputs: Inputs, outputs: Mapping[str, Any]) -> Detection | None:
    """The boxes that a detector's outputs are; None if they are not, or are of several pictures.

    Args:
        function: the function that was run.
        inputs: what it was given.
        outputs: its outputs, as Core ML's predict gives them.
    """
    names, (path, picture) = _detected(function), _picture(function, inputs)
    if picture is None or len(names) < 2:
        return None
    coordinates, confidence = (
        np.asarray(outputs[names[what]], np.float64) for what in ("coordinates", "confidence")
    )
    if coordinates.ndim != 2:
        return None
    if np.any(np.abs(coordinates) > _FAR):
        far = np.abs(coordinates).max()
        printing.note(f"coordinates reach {far:g}: not parts of the picture's size, so not boxes")
        return None
    labels = function.classifier.class_labels
    boxes = tuple(_boxes(coordinates, confidence, labels, picture.size))
    return Detection(boxes, picture, path, frozenset(names.values()))


def _picture(function: Function, inputs: Inputs) -> tuple[Path | None, Any]:
    """(the file, the picture) of a function's one image; None for both without one."""
    names = [value.name for value, known in inputs_of(function) if known.kind == "image"]
    if len(names) != 1:
        return None, None
    if names[0] in inputs.pictures:
        return inputs.pictures[names[0]]
    array = np.asarray(inputs.values[names[0]])
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    is_picture = array.dtype == np.uint8 and array.ndim == 3 and array.shape[-1] == 3
    return None, Image.fromarray(array) if is_picture else None


def _detected(function: Function) -> dict[Detected, str]:
    """The names of the outputs that are about boxes."""
    rows = zip(function.result_names, function.outputs, strict=True)
    return {known.detected: name for name, known in rows if known.detected is not None}


def _boxes(
    coordinates: Array, confidence: Array, labels: tuple[Any, ...], size: tuple[int, int]
) -> Iterable[Box]:
    across, along = size
    for (x, y, width, height), scores in zip(coordinates, confidence, strict=True):
        if not scores.any() and not (width or height):
            continue  # it fills an output of a fixed number of rows
        index = int(np.argmax(np.where(np.isnan(scores), -np.inf, scores)))
        label = str(labels[index]) if labels else f"class {index}"
        left, top = (x - width / 2) * across, (y - height / 2) * along
        sides = map(float, (left, top, width * across, height * along))
        yield Box(label, index, float(scores[index]), *sides)


def print_boxes(found: Detection) -> None:
    """Print the boxes for people on standard output."""
    width, height = found.picture.size
    print(f"{printing.plural(len(found.boxes), 'box')}, in pixels of {width}×{height}")
    if not found.boxes:
        return
    rows = [("", "", "left", "top", "width", "height"), *map(_cells, found.boxes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    printing.print_rows(
        (row[0], *(cell.rjust(n) for cell, n in zip(row[1:], widths[1:], strict=True)))
        for row in rows
    )


def _cells(box: Box) -> tuple[str, ...]:
    sides = (box.left, box.top, box.width, box.height)
    return box.label, f"{box.confidence:.1%}", *(f"{side:.0f}" for side in sides)


def draw_boxes(found: Detection, path: Path) -> None:
    """Write the picture with the boxes and their labels drawn into it.

    Raises:
        OSError: the file can't be written.
    """
    drawn = found.picture.convert("RGB")  # a copy
    shorter = min(drawn.size)
    line, font = max(1, shorter // 200), ImageFont.load_default(max(10, shorter // 32))
    canvas = ImageDraw.Draw(drawn)
    for box in reversed(found.boxes):  # the best one on top
        colour = _COLOURS[box.index % len(_COLOURS)]
        right, bottom = box.left + box.width, box.top + box.height
        canvas.rectangle((box.left, box.top, right, bottom), outline=colour, width=line)
        text = f"{box.label} {box.confidence:.0%}"
        extent = canvas.textbbox((0, 0), text, font=font)
        place = box.left, max(box.top - extent[3], 0)
        canvas.rectangle(canvas.textbbox(place, text, font=font), fill=colour)
        canvas.text(place, text, fill="white", font=font)
    with writing_whole(path) as file:
        drawn.save(file, "PNG")
