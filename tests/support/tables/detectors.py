"""Detectors: suppression by itself, and behind a network that finds squares of a colour."""

import numpy as np
from PIL import Image, ImageDraw
from support.networks.builders import layer, network
from support.tables.builders import model, pipeline

OUTPUTS = {"confidence": "f64[]", "coordinates": "f64[]"}
LABELS = ("red", "green", "blue")
SIZE, SQUARE, STEP = 32, 8, 4
_PLACES = range(0, SIZE - SQUARE + 1, STEP)
WINDOWS = len(_PLACES) ** 2
NAMED = ("iouThreshold", "confidenceThreshold")


def suppression(
    inputs, outputs=OUTPUTS, *, iou=0.3, confidence=0.25, named=("", ""), labels=(), per_class=False
):
    """A model of nothing but suppression, of `scores` and `boxes`."""
    spec, message = model("nonMaximumSuppression", inputs, outputs, version=5)
    message.pickTop.perClass = per_class
    message.iouThreshold, message.confidenceThreshold = iou, confidence
    message.confidenceInputFeatureName = "scores"
    message.coordinatesInputFeatureName = "boxes"
    message.confidenceOutputFeatureName = "confidence"
    message.coordinatesOutputFeatureName = "coordinates"
    message.iouThresholdInputFeatureName, message.confidenceThresholdInputFeatureName = named
    message.stringClassLabels.vector.extend(labels)
    return spec


def ranged(spec, low, high, columns=(2, 4)):
    """The outputs declared with a range of rows."""
    for feature, width in zip(spec.description.output, columns, strict=True):
        sizes = feature.type.multiArrayType.shapeRange.sizeRanges
        sizes.add(lowerBound=low, upperBound=high)
        sizes.add(lowerBound=width, upperBound=width)
    return spec


def squares(scale=1):
    """A network from an image to `scores` [49, 3] and `boxes` [49, 4] of overlapping windows.

    A window's score is high if it is full of one colour. Boxes are parts of the image's size, times
    a factor.
    """
    wanted = np.full((3, 3), -1.0) + 2 * np.eye(3)  # of each colour, what the channels count
    weights = np.broadcast_to(wanted[:, :, None, None], (3, 3, SQUARE, SQUARE)) / SQUARE**2 * 8
    places = [(x, y) for y in _PLACES for x in _PLACES]
    boxes = [(x + SQUARE / 2, y + SQUARE / 2, SQUARE, SQUARE) for x, y in places]
    spec = network(
        layer(
            "convolution",
            outputChannels=3,
            kernelChannels=3,
            nGroups=1,
            kernelSize=[SQUARE, SQUARE],
            stride=[STEP, STEP],
            valid={},
            hasBias=True,
            weights=weights,
            bias=np.full(3, -4.0),
            name="windows",
        ),
        layer("activation", sigmoid={}),
        layer("reshapeStatic", targetShape=[3, WINDOWS]),
        layer("transpose", outputs=["scores"], axes=[1, 0]),
        layer(
            "loadConstantND",
            [],
            ["boxes"],
            shape=[WINDOWS, 4],
            data=np.array(boxes) / SIZE * scale,
        ),
        outputs=["scores", "boxes"],
        x=(1, 3, SIZE, SIZE),
    )
    image = spec.description.input[0]
    image.name = spec.neuralNetwork.layers[0].input[0] = "image"
    image.type.imageType.height = image.type.imageType.width = SIZE
    image.type.imageType.colorSpace = image.type.imageType.RGB
    scaling = spec.neuralNetwork.preprocessing.add(featureName="image")
    scaling.scaler.channelScale = 1 / 255
    return spec


def detector(thresholds="", rows=None, labels=LABELS, scale=1, **choices):
    """A pipeline of `squares` and suppression.

    Args:
        thresholds: "" for none; "required" as Ultralytics writes them: the last model names them,
            the pipeline has them as inputs; "optional" as Turi Create does: inputs of the last
            model, optional ones of the pipeline.
        rows: how many boxes the outputs have; None for as many as there are.
        labels: of the classes.
        scale: see `squares`.
        choices: see `suppression`.
    """
    inner = {"scores": f"f32[{WINDOWS},3]", "boxes": f"f32[{WINDOWS},4]"}
    outputs = dict.fromkeys(OUTPUTS, "f32[]")
    if rows is not None:
        outputs = {"confidence": f"f32[{rows},3]", "coordinates": f"f32[{rows},4]"}
    if thresholds == "optional":
        inner |= dict.fromkeys(NAMED, "double")
    named = NAMED if thresholds else ("", "")
    last = suppression(inner, outputs, labels=labels, named=named, **choices)
    outer = {"image": f"rgb[{SIZE},{SIZE}]"}
    if thresholds:
        outer |= dict.fromkeys(NAMED, "double?" if thresholds == "optional" else "double")
    spec = pipeline(outer, outputs, squares(scale), last)
    spec.specificationVersion = 5
    if rows is None:
        for part in (spec, last):
            ranged(part, 0, -1, (3, 4))
    return spec


def street(*squares, size=(SIZE, SIZE), noise=None):
    """A black picture of squares: (colour, left, top), where the picture is 32 wide and high.

    Args:
        squares: what is drawn.
        size: the picture's (width, height).
        noise: a generator for numbers that are added to every byte.
    """
    picture = Image.new("RGB", size)
    across, along = size[0] / SIZE, size[1] / SIZE
    for colour, left, top in squares:
        right, bottom = left + SQUARE, top + SQUARE
        corners = (left * across, top * along, right * across - 1, bottom * along - 1)
        ImageDraw.Draw(picture).rectangle(corners, fill=_FILLS[colour])
    if noise is None:
        return picture
    added = noise.integers(0, 60, (*size[::-1], 3))
    return Image.fromarray(np.minimum(np.asarray(picture) + added, 255).astype(np.uint8))


_FILLS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
