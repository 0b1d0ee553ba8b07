"""Resampling of images."""

from typing import Any

from ...attributes import Layout
from ...declare import attr, operand
from ...reference import resize
from ...ssa import Op, Value
from ...types import FLOAT, NUMERIC, Array, Type

COORDINATES = (
    *("strict_align_corners", "align_corners", "default", "offset_corners", "unalign_corners"),
)


class UpsampleNearest(Op):
    """Repeats every pixel `scale` times in each spatial dimension.

    (C1) scale has a positive entry for each of the two spatial dimensions.
    """

    name = "image.upsample_nearest"

    x: Value = operand(NUMERIC, rank=4)
    scale: tuple[int, ...] = attr()
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def infer(self) -> Type:
        fits = len(self.scale) == 2 and min(self.scale) > 0
        self.require("C1", fits, f"scale is {list(self.scale)}")
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

    x: Value = operand(FLOAT, rank=4)
    size: tuple[int, ...] = attr()
    mode: str = attr(default="bilinear")
    coordinates: str = attr(default="default")
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def infer(self) -> Type:
        fits = len(self.size) == 2 and min(self.size) > 0
        self.require("C1", fits, f"size is {list(self.size)}")
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


OPS = (UpsampleNearest, Resize)
