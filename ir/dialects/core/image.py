"""Resampling of images."""

from typing import Any

from ...attributes import Layout
from ...batch.kinds import leading
from ...batch.place import Place
from ...batch.rule import EntryNumbers, Given, Offset, RefusalError, Taken
from ...declare import attr, operand
from ...dims import Dim, differs, floor_div
from ...reference import blocks, resize
from ...ssa import Op, Value
from ...types import FLOAT, INDEX, NUMERIC, Array, Type

COORDINATES = (
    *("strict_align_corners", "align_corners", "default", "offset_corners", "unalign_corners"),
)
BOX_COORDINATES = COORDINATES[:4]
BOX_MODES = (
    *("corners_height_first", "corners_width_first"),
    *("center_size_height_first", "center_size_width_first"),
)


class UpsampleNearest(Op):
    """Repeats every pixel `scale` times in each spatial dimension.

    (C1) scale has a positive entry for each of the two spatial dimensions.
    """

    name = "image.upsample_nearest"
    batch = leading

    x: Value = operand(NUMERIC, rank=4)
    scale: tuple[int, ...] = attr()
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def infer(self) -> Type:
        fits = len(self.scale) == 2 and min(self.scale) > 0
        self.require("C1", fits, f"scale is {list(self.scale)}, expected 2 positive numbers")
        shape = list(self.x.type.shape)
        for axis, factor in zip(self.layout.spatial_axes(4), self.scale, strict=True):
            shape[axis] = shape[axis] * factor
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        return resize.upsample_nearest(x, self.scale, self.layout.spatial_axes(4))


class Resize(Op):
    """Resamples both spatial dimensions to `size`.

    `mode` is "nearest" or "bilinear"; `coordinates` says where the samples lie, by MIL's names
    (`resize_bilinear`'s sampling_mode): see `reference.resize.grid` for every formula.

    (C1) size has a positive entry for each of the two spatial dimensions.
    (C2) mode and coordinates are known names.
    """

    name = "image.resize"
    batch = leading

    x: Value = operand(FLOAT, rank=4)
    size: tuple[int, ...] = attr()
    mode: str = attr(default="bilinear")
    coordinates: str = attr(default="default")
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def infer(self) -> Type:
        fits = len(self.size) == 2 and min(self.size) > 0
        self.require("C1", fits, f"size is {list(self.size)}, expected 2 positive numbers")
        known = self.mode in ("nearest", "bilinear") and self.coordinates in COORDINATES
        self.require("C2", known, f"mode is '{self.mode}', coordinates '{self.coordinates}'")
        shape = list(self.x.type.shape)
        for axis, extent in zip(self.layout.spatial_axes(4), self.size, strict=True):
            shape[axis] = extent
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        height, width = self.layout.spatial_axes(4)
        names: Any = {"mode": self.mode, "coordinates": self.coordinates}
        return resize.resize(x, axes=(height, width), size=(self.size[0], self.size[1]), **names)


class CropResize(Op):
    """Boxes cropped from images, each resampled to `size` by bilinear interpolation.

    Box n is boxes[n] in image box_indices[n] of x; without box_indices, x has one image, which all
    boxes are cropped from. This is MIL's `crop_resize` of iOS 17; the layouts of its earlier
    versions, and of the NeuralNetwork layer, differ by a reshape.

    `box_mode` names the four numbers of a box: [h_start, w_start, h_end, w_end] for
    "corners_height_first", [h_center, w_center, height, width] for "center_size_height_first" (the
    box then starts half its size before the centre), and with each pair exchanged for
    "corners_width_first" and "center_size_width_first". They count pixels from the centre of the
    first one; `normalized` ones are multiplied by the image's size minus 1, and all of them by
    `spatial_scale`.

    `coordinates` places the samples between start and end of a box, both inclusive: see
    `reference.resize.box_grid`. A box that ends before it starts is sampled backwards, as the
    mirror image of its reverse. A sample outside the image (before the first pixel's centre or
    after the last one's, or at NaN) is `pad_value`.

    Positions are computed in float32, or in float64 for float64 boxes. Box indices out of range are
    undefined.

    (C1) size has a positive entry for each of the two spatial dimensions.
    (C2) box_mode and coordinates are known names, without "unalign_corners", because MIL doesn't
    say where its samples are in a box.
    (C3) a box has four numbers.
    (C4) there are as many box_indices as boxes; without them there is exactly one image.
    """

    name = "image.crop_resize"

    x: Value = operand(FLOAT, rank=4)
    boxes: Value = operand(FLOAT, rank=2)
    box_indices: Value | None = operand(INDEX, rank=1, default=None)
    size: tuple[int, ...] = attr(default=(1, 1))
    normalized: bool = attr(default=False)
    spatial_scale: float = attr(default=1.0)
    box_mode: str = attr(default="corners_height_first")
    coordinates: str = attr(default="default")
    pad_value: float = attr(default=0.0)
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def infer(self) -> Type:
        fits = len(self.size) == 2 and min(self.size) > 0
        self.require("C1", fits, f"size is {list(self.size)}, expected 2 positive numbers")
        known = self.box_mode in BOX_MODES and self.coordinates in BOX_COORDINATES
        message = f"box_mode is '{self.box_mode}', coordinates '{self.coordinates}'"
        self.require("C2", known, message)
        count, numbers = self.boxes.type.shape
        self.require("C3", numbers == 4, f"boxes are {self.boxes.type}, expected 4 numbers each")
        if self.box_indices is None:
            message = f"boxes don't say which image of {self.x.type} they are in"
            self.require("C4", self.x.type.shape[0] == 1, message)
        else:
            (indices,) = self.box_indices.type.shape
            message = f"{indices} box_indices for {count} boxes"
            self.require("C4", not differs(indices, count), message)
        shape = list(self.x.type.shape)
        shape[0] = count
        for axis, extent in zip(self.layout.spatial_axes(4), self.size, strict=True):
            shape[axis] = extent
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array, boxes: Array, box_indices: Array | None = None) -> Array:
        height, width = self.layout.spatial_axes(4)
        names: Any = {"box_mode": self.box_mode, "coordinates": self.coordinates}
        return resize.crop_resize(
            x,
            boxes,
            box_indices,
            axes=(height, width),
            size=(self.size[0], self.size[1]),
            normalized=self.normalized,
            spatial_scale=self.spatial_scale,
            pad_value=self.pad_value,
            **names,
        )

    def batch(self, given: Given) -> Taken:
        """Box by box; boxes say which image they are in, also if entries have their own."""
        images, *boxes = given.places
        first = boxes[0]
        place = first if first is not None and not first.own and first.axis == 0 else Place(0)
        if images is None:
            return Taken((place,), (None, *(place for _ in boxes)))
        if self.box_indices is None:
            boxes_of_entry = self.boxes.type.shape[0]
            if not isinstance(boxes_of_entry, int):
                raise RefusalError("doesn't know how many boxes an entry has")
            numbers = {"box_indices": EntryNumbers(boxes_of_entry)}
            return Taken((Place(0),), (Place(0), Place(0)), numbers)
        count = self.x.type.shape[0]
        if not isinstance(count, int):
            raise RefusalError("doesn't know how many images an entry has")
        return Taken((place,), (Place(0), place, Offset(place, count)))


class Rearranged(Op):
    """Base: moves elements between channels and blocks of pixels; nothing is computed.

    `order` says how a channel's number is composed, slowest first, as in ONNX: "DCR" (the position
    in the block, then the channel: MIL `depth_to_space`) or "CRD" (the channel, then the position
    in the block: MIL `pixel_shuffle`).

    (C1) block_size is at least 2 and divides the dimensions that shrink.
    (C2) order is a known name.
    """

    batch = leading

    x: Value = operand(NUMERIC, rank=4)
    block_size: int = attr()
    order: str = attr(default="DCR")
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def check_order(self) -> None:
        self.require(
            "C2", self.order in ("DCR", "CRD"), f"order is '{self.order}', expected DCR or CRD"
        )

    def divided(self, extent: Dim, divisor: int) -> Dim:
        """A dimension divided by a number."""
        part = floor_div(extent, divisor)
        self.require("C1", part * divisor == extent, f"{extent} is not divisible by {divisor}")
        return part


class DepthToSpace(Rearranged):
    """Moves channels into blocks of pixels.

    (C1) block_size is at least 2 and divides the dimensions that shrink.
    (C2) order is a known name.
    """

    name = "image.depth_to_space"

    def infer(self) -> Type:
        block, x, layout = self.block_size, self.x.type, self.layout
        self.require("C1", block > 1, f"block_size is {block}, expected 2 or more")
        self.check_order()
        shape, axis = list(x.shape), layout.channel_axis(4)
        shape[axis] = self.divided(shape[axis], block * block)
        for spatial in layout.spatial_axes(4):
            shape[spatial] = shape[spatial] * block
        return x.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        last = self.layout is Layout.CHANNELS_LAST
        return blocks.depth_to_space(x, self.block_size, self.order, channels_last=last)


class SpaceToDepth(Rearranged):
    """Moves blocks of pixels into channels: the inverse of `image.depth_to_space`.

    (C1) block_size is at least 2 and divides the dimensions that shrink.
    (C2) order is a known name.
    """

    name = "image.space_to_depth"

    def infer(self) -> Type:
        block, x, layout = self.block_size, self.x.type, self.layout
        self.require("C1", block > 1, f"block_size is {block}, expected 2 or more")
        self.check_order()
        shape, axis = list(x.shape), layout.channel_axis(4)
        shape[axis] = shape[axis] * (block * block)
        for spatial in layout.spatial_axes(4):
            shape[spatial] = self.divided(shape[spatial], block)
        return x.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        last = self.layout is Layout.CHANNELS_LAST
        return blocks.space_to_depth(x, self.block_size, self.order, channels_last=last)


OPS = (UpsampleNearest, Resize, CropResize, DepthToSpace, SpaceToDepth)
