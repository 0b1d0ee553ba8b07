"""Elements moved between spatial dimensions, channels and the batch; x is [N, C, H, W]."""

from ....ir.dialects.core import shape as core
from ....ir.dims import Dim, floor_div, product
from ....ir.ssa import Value
from ..rules import Result
from .context import MilContext, MilRules
from .padding import cut

rules = MilRules("space")


@rules("pixel_shuffle")
def pixel_shuffle(cx: MilContext) -> Result:
    """Blocks from channels; those of one output channel are neighbours."""
    return _to_space(cx, cx.integer("upscale_factor"), blocks_last=True)


@rules("depth_to_space")
def depth_to_space(cx: MilContext) -> Result:
    """Blocks from channels; those of one place in the block are neighbours."""
    return _to_space(cx, cx.integer("block_size"), blocks_last=False)


@rules("pixel_unshuffle")
def pixel_unshuffle(cx: MilContext) -> Result:
    """The inverse of `pixel_shuffle`."""
    return _to_depth(cx, cx.integer("downscale_factor"), blocks_last=True)


@rules("space_to_depth")
def space_to_depth(cx: MilContext) -> Result:
    """The inverse of `depth_to_space`."""
    return _to_depth(cx, cx.integer("block_size"), blocks_last=False)


def _to_space(cx: MilContext, block: int, *, blocks_last: bool) -> Value:
    x = _images(cx)
    batch, channels, height, width = x.type.shape
    cx.require(block > 0, f"has a block of {block}")
    out = _part(cx, channels, block * block)
    parts = (out, block, block) if blocks_last else (block, block, out)
    apart = core.Reshape(x, (batch, *parts, height, width)).result
    order = (0, 1, 4, 2, 5, 3) if blocks_last else (0, 3, 4, 1, 5, 2)
    moved = core.Transpose(apart, order).result
    return core.Reshape(moved, (batch, out, height * block, width * block)).result


def _to_depth(cx: MilContext, block: int, *, blocks_last: bool) -> Value:
    x = _images(cx)
    batch, channels = x.type.shape[:2]
    cx.require(block > 0, f"has a block of {block}")
    apart, rows, columns = _blocks(cx, x, (block, block))
    order = (0, 1, 3, 5, 2, 4) if blocks_last else (0, 3, 5, 1, 2, 4)
    moved = core.Transpose(apart, order).result
    return core.Reshape(moved, (batch, channels * block * block, rows, columns)).result


@rules("space_to_batch")
def space_to_batch(cx: MilContext) -> Result:
    """Zeros around x, then blocks to the batch: the images of one place in the block together."""
    x = _images(cx)
    block, (top, bottom, left, right) = _block_shape(cx), _pairs(cx, "paddings")
    x = core.Pad(x, (0, 0, 0, 0, top, bottom, left, right)).result
    batch, channels = x.type.shape[:2]
    apart, rows, columns = _blocks(cx, x, block)
    moved = core.Transpose(apart, (3, 5, 0, 1, 2, 4)).result
    return core.Reshape(moved, (product((*block, batch)), channels, rows, columns)).result


@rules("batch_to_space")
def batch_to_space(cx: MilContext) -> Result:
    """Blocks from the batch, then borders cut off: the inverse of `space_to_batch`."""
    x = _images(cx)
    block, crops = _block_shape(cx), _pairs(cx, "crops")
    batch, channels, height, width = x.type.shape
    out = _part(cx, batch, product(block))
    apart = core.Reshape(x, (*block, out, channels, height, width)).result
    moved = core.Transpose(apart, (2, 3, 4, 0, 5, 1)).result
    sizes = (out, channels, height * block[0], width * block[1])
    return cut(cx, core.Reshape(moved, sizes).result, crops)


# -- parameters and shapes -------------------------------------------------------------------------


def _images(cx: MilContext) -> Value:
    x = cx.value("x")
    cx.require(x.type.rank == 4, f"takes four dimensions, got {x.type}")
    return x


def _block_shape(cx: MilContext) -> tuple[int, ...]:
    block = cx.integers("block_shape")
    cx.require(len(block) == 2 and min(block) > 0, f"has a block of {list(block)}")
    return block


def _pairs(cx: MilContext, name: str) -> tuple[int, ...]:
    """(top, bottom, left, right)."""
    amounts = cx.integers(name)
    cx.require(len(amounts) == 4 and min(amounts) >= 0, f"has {name} {list(amounts)}")
    return amounts


def _part(cx: MilContext, extent: Dim, count: Dim) -> Dim:
    part = floor_div(extent, count)
    cx.require(part * count == extent, f"divides an extent of {extent} by {count}")
    return part


def _blocks(cx: MilContext, x: Value, block: tuple[int, ...]) -> tuple[Value, Dim, Dim]:
    """([N, C, rows, block, columns, block], rows, columns)."""
    batch, channels, height, width = x.type.shape
    rows, columns = _part(cx, height, block[0]), _part(cx, width, block[1])
    sizes = (batch, channels, rows, block[0], columns, block[1])
    return core.Reshape(x, sizes).result, rows, columns
