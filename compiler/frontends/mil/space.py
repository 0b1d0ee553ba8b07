"""Moves elements between spatial dimensions, channels and the batch; x is [N, C, H, W]."""

from itertools import islice

from ....ir.dialects.core import shape as core
from ....ir.dims import product
from ....ir.ssa import Value
from ..rules import Result
from ..slices import reshape_divided
from .context import MilContext, MilRules
from .padding import cut

rules = MilRules("space")


@rules("pixel_shuffle")
def pixel_shuffle(cx: MilContext) -> Result:
    """Channels to blocks; the channels of one output channel are neighbours."""
    return _to_space(cx, cx.integer("upscale_factor"), blocks_last=True)


@rules("depth_to_space")
def depth_to_space(cx: MilContext) -> Result:
    """Channels to blocks; the channels of one position in the block are neighbours."""
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
    cx.require(block > 0, f"has a block of {block}")
    out = (1, block * block)
    parts = (out, block, block) if blocks_last else (block, block, out)
    apart = reshape_divided(cx, x, ((0, 1), *parts, (2, 1), (3, 1)))
    order = (0, 1, 4, 2, 5, 3) if blocks_last else (0, 3, 4, 1, 5, 2)
    return _merged(apart, order, (1, 1, 2, 2))


def _to_depth(cx: MilContext, block: int, *, blocks_last: bool) -> Value:
    x = _images(cx)
    cx.require(block > 0, f"has a block of {block}")
    apart = _blocks(cx, x, (block, block))
    order = (0, 1, 3, 5, 2, 4) if blocks_last else (0, 3, 5, 1, 2, 4)
    return _merged(apart, order, (1, 3, 1, 1))


@rules("space_to_batch")
def space_to_batch(cx: MilContext) -> Result:
    """Pad x with zeros, then move blocks to the batch, grouped by position in the block."""
    x = _images(cx)
    block, (top, bottom, left, right) = _block_shape(cx), _pairs(cx, "paddings")
    x = core.Pad(x, (0, 0, 0, 0, top, bottom, left, right)).result
    return _merged(_blocks(cx, x, block), (3, 5, 0, 1, 2, 4), (3, 1, 1, 1))


@rules("batch_to_space")
def batch_to_space(cx: MilContext) -> Result:
    """Move the batch to blocks, then crop: the inverse of `space_to_batch`."""
    x = _images(cx)
    block, crops = _block_shape(cx), _pairs(cx, "crops")
    entries = (*block, (0, block[0] * block[1]), (1, 1), (2, 1), (3, 1))
    apart = reshape_divided(cx, x, entries)
    return cut(cx, _merged(apart, (2, 3, 4, 0, 5, 1), (1, 1, 2, 2)), crops)


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


def _blocks(cx: MilContext, x: Value, block: tuple[int, ...]) -> Value:
    """[N, C, rows, block, columns, block]."""
    entries = ((0, 1), (1, 1), (2, block[0]), block[0], (3, block[1]), block[1])
    return reshape_divided(cx, x, entries)


def _merged(x: Value, order: tuple[int, ...], counts: tuple[int, ...]) -> Value:
    """Reorder the dimensions, then merge neighbouring ones."""
    moved = core.Transpose(x, order).result
    rest = iter(moved.type.shape)
    return core.Reshape(moved, tuple(product(islice(rest, count)) for count in counts)).result
