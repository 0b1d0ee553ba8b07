"""Resampling of images, channels-last by contract."""

from typing import Any

import numpy as np

from ....ir.attributes import Layout
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import image as core
from ....ir.dims import is_static
from ....ir.reference import resize as reference
from ....ir.ssa import Value
from ....ir.types import Tensor
from ...lowering import Lowering
from ...refusals import require_fixed
from ..dialect import layers, ops
from .conv import collapsed
from .linear import transposed
from .shape import reshaped_to

lower = Lowering()


@lower(core.UpsampleNearest)
def upsample_nearest(op: core.UpsampleNearest) -> Value:
    """A layer."""
    assert op.layout is Layout.CHANNELS_LAST
    return _upsampled(op.x, op.scale, op.result.type, "nearest")


def _upsampled(x: Value, size: tuple[int, ...], out: Tensor, interpolation: str) -> Value:
    size = collapsed(size)
    return layers.UpSampling2D(x, size=size, interpolation=interpolation, result_types=out).result


@lower(core.Resize)
def resize(op: core.Resize) -> Value:
    """A layer if pixels are squares, else a function that the code defines."""
    assert op.layout is Layout.CHANNELS_LAST
    extents, out = op.x.type.shape[1:3], op.result.type
    known = is_static(extents)
    sizes = tuple(int(str(extent)) for extent in extents) if known else ()
    whole = known and all(new % old == 0 for old, new in zip(sizes, op.size, strict=True))
    factors = tuple(new // old for old, new in zip(sizes, op.size, strict=True)) if whole else ()
    if op.mode == "nearest" and whole and op.coordinates in ("default", "unalign_corners"):
        return _upsampled(op.x, factors, out, "nearest")
    if op.mode == "bilinear" and op.coordinates == "unalign_corners":
        if whole:
            return _upsampled(op.x, factors, out, "bilinear")
        height, width = op.size
        return layers.Resizing(op.x, height=height, width=width, result_types=out).result
    require_fixed(known, "Keras code needs fixed dimensions for these sampling points")
    if op.mode == "nearest":
        return _nearest(op, sizes)
    grids = [_grid(*pair, op.coordinates) for pair in zip(sizes, op.size, strict=True)]
    steps, firsts = zip(*grids, strict=True)
    given: dict[str, Any] = {"first": firsts} if any(firsts) else {}
    return ops.Interpolate(op.x, op.size, steps, result_types=out, **given).result


def _grid(old: int, new: int, coordinates: str) -> tuple[float, float]:
    """(distance of samples, position of the first one): `reference.resize.grid` as a line."""
    match coordinates:
        case "strict_align_corners":
            return (old - 1) / max(new - 1, 1), 0.0
        case "align_corners":
            return ((old - 1) / (new - 1), 0.0) if new > 1 else (1.0, (old - 1) / 2)
        case "default":
            return old / new, 0.0
        case _:  # offset_corners
            step = max(1, old - 1) / new
            return step, step / 2


def _nearest(op: core.Resize, sizes: tuple[int, ...]) -> Value:
    """Take rows and columns by their indices."""
    value = op.x
    for axis, (old, new) in enumerate(zip(sizes, op.size, strict=True), 1):
        points = reference.grid(old, new, op.coordinates)  # type: ignore[arg-type]
        rounded = np.floor(points if op.coordinates == "default" else points + 0.5)
        positions = np.clip(rounded, 0, old - 1).astype(np.int32)
        shape = list(value.type.shape)
        shape[axis] = new
        out = value.type.with_shape(shape)
        if not np.array_equal(positions, np.arange(old)):
            value = ops.Take(value, constant(positions), axis, result_types=out).result
    return value


@lower(core.DepthToSpace)
def depth_to_space(op: core.DepthToSpace) -> Value:
    """The function, which numbers channels by the position in the block first."""
    assert op.layout is Layout.CHANNELS_LAST
    x, block = op.x, op.block_size
    if op.order == "CRD":
        channels = op.result.type.shape[3]
        assert isinstance(channels, int)
        x = _reordered(op, (channels, block * block), x)
    return ops.DepthToSpace(x, block, result_types=op.result.type).result


@lower(core.SpaceToDepth)
def space_to_depth(op: core.SpaceToDepth) -> Value:
    """The function, which numbers channels by the position in the block first."""
    assert op.layout is Layout.CHANNELS_LAST
    block, channels = op.block_size, op.x.type.shape[3]
    y = ops.SpaceToDepth(op.x, block, result_types=op.result.type).result
    if op.order == "DCR":
        return y
    assert isinstance(channels, int)
    return _reordered(op, (block * block, channels), y)


def _reordered(op: core.Rearranged, parts: tuple[int, int], x: Value) -> Value:
    """Channels numbered by (a, b) numbered by (b, a)."""
    a, b = parts
    if 1 in parts:
        return x
    order = np.arange(a * b).reshape(a, b).T.ravel().astype(np.int32)
    if not is_static(x.type.shape[1:]):
        return ops.Take(x, constant(order), 3, result_types=x.type).result
    pixels = x.type.shape[:3]
    split = reshaped_to(x, (*pixels, a, b))
    return reshaped_to(transposed(split, (0, 1, 2, 4, 3)), x.type.shape)
