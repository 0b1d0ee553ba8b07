"""Layers that resample images, or parts of them."""

from typing import Any

from ....ir.dialects.core import image as core
from ....ir.dialects.core import shape
from ....ir.dims import product
from ....ir.reference.resize import upsampled_size
from ....ir.ssa import Value
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, pair

rules = LayerRules("image")

_COORDINATES = ("default", "strict_align_corners", "unalign_corners")
# SamplingMode: strict align endpoints, align endpoints, upsample, RoI align.
_SAMPLING = ("strict_align_corners", "align_corners", "default", "offset_corners")
_BOX_MODES = core.BOX_MODES  # in the order of BoxCoordinatesMode


@rules("upsample")
def upsample(cx: LayerContext, p: Any) -> Result:
    """Upsample by whole or fractional factors, nearest or bilinear."""
    x, restore = cx.as_images(cx.input)
    fractional = tuple(float(f) for f in p.fractionalScalingFactor)
    whole = pair(p.scalingFactor, 1)
    factors = fractional if len(fractional) == 2 else tuple(float(f) for f in whole)
    is_whole = all(factor.is_integer() for factor in factors)
    cx.require(min(factors) > 0, f"has the factors {list(factors)}, expected 2 positive numbers")
    if p.mode == 0 and is_whole:
        scale = tuple(int(factor) for factor in factors)
        return restore(core.UpsampleNearest(x, scale).result)
    cx.require(0 <= p.linearUpsampleMode < 3, f"has an unknown mode {p.linearUpsampleMode}")
    mode = "nearest" if p.mode == 0 else "bilinear"
    coordinates = "default" if p.mode == 0 else _COORDINATES[p.linearUpsampleMode]
    return restore(core.Resize(x, _scaled(cx, x, factors), mode, coordinates).result)


def _scaled(cx: LayerContext, x: Value, factors: tuple[float, ...]) -> tuple[int, ...]:
    sizes: list[int] = []
    for dim, factor in zip(x.type.shape[-2:], factors, strict=True):
        if not isinstance(dim, int):
            raise cx.unsupported("interpolates along a flexible dimension")
        sizes.append(upsampled_size(dim, factor))
    return tuple(sizes)


@rules("resizeBilinear")
def resize_bilinear(cx: LayerContext, p: Any) -> Result:
    """Resize to a size, bilinear."""
    cx.expect_inputs(1)
    x, restore = cx.as_images(cx.input)
    size, coordinates = _target(cx, p), _sampling(cx, p)
    return restore(core.Resize(x, size, "bilinear", coordinates).result)


@rules("cropResize")
def crop_resize(cx: LayerContext, p: Any) -> Result:
    """Crop boxes [N, 1, 4, 1, 1] from all images [1, B, C, H, W] and resize them: [N, B, C, h, w].

    Boxes [N, 1, 5, 1, 1] begin with the index of their image: [N, 1, C, h, w]. Outside an image,
    pixels are 0: the specification excludes this, and ML Programs have a parameter for it, which is
    0 unless set.
    """
    cx.expect_inputs(2)
    x = cx.sequence_input(0)
    cx.require(x.type.shape[0] == 1, f"takes images [1, B, C, H, W], got {x.type}")
    images = shape.Squeeze(x, (0,)).result
    batch, channels, height, width = images.type.shape
    boxes, indices = _boxes(cx)
    from_all = indices is None and batch != 1
    if from_all:
        # As if the channels of all images belonged to a single one.
        merged = (1, product((batch, channels)), height, width)
        images = shape.Reshape(images, merged).result
    mode = p.boxIndicesMode.boxMode
    cx.require(0 <= mode < len(_BOX_MODES), f"has an unknown box mode {mode}")
    scale = cx.number(p.spatialScale)
    cx.require(scale != 0, "has a spatial scale of 0, which makes every box empty")
    cut = core.CropResize(
        images,
        boxes,
        indices,
        size=_target(cx, p),
        normalized=bool(p.normalizedCoordinates),
        spatial_scale=scale,
        box_mode=_BOX_MODES[mode],
        coordinates=_sampling(cx, p),
    ).result
    if from_all:
        apart = (cut.type.shape[0], batch, channels, *cut.type.shape[2:])
        return cx.without_unit_sequence(shape.Reshape(cut, apart).result)
    return cx.without_unit_sequence(shape.ExpandDims(cut, (1,)).result)


def _boxes(cx: LayerContext) -> tuple[Value, Value | None]:
    """The boxes [N, 4], and [N] indices of images if the layer's input has them."""
    boxes = cx.sequence_input(1)
    _, one, numbers, *ones = boxes.type.shape
    fits = one == 1 and numbers in (4, 5) and ones == [1, 1]
    cx.require(fits, f"takes boxes [N, 1, 4, 1, 1] or [N, 1, 5, 1, 1], got {boxes.type}")
    rows = shape.Squeeze(boxes, (1, 3, 4)).result
    if numbers == 4:
        return rows, None
    first, rest = shape.Split(rows, (1, 4), 1).results
    return rest, integers(shape.Squeeze(first, (1,)).result)


def _target(cx: LayerContext, p: Any) -> tuple[int, int]:
    """The new height and width; 1 if not set, as in Core ML's own shape inference."""
    count = len(p.targetSize)
    cx.require(count in (0, 2), f"has a target size of {count} entries, expected 2")
    return pair((int(size) or 1 for size in p.targetSize), 1)


def _sampling(cx: LayerContext, p: Any) -> str:
    method = p.mode.samplingMethod
    cx.require(0 <= method < len(_SAMPLING), f"has an unknown sampling method {method}")
    return _SAMPLING[method]
