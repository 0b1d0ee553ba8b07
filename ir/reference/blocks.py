"""Elements moved between channels and blocks of pixels, in numpy."""

import numpy as np

from ..types import Array


def depth_to_space(x: Array, block: int, order: str, *, channels_last: bool) -> Array:
    """Blocks out of channels; `order` is DCR or CRD."""
    x = np.moveaxis(x, -1, 1) if channels_last else x
    n, c, h, w = x.shape
    out = c // (block * block)
    if order == "DCR":
        moved = x.reshape(n, block, block, out, h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        moved = x.reshape(n, out, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    return _placed(moved.reshape(n, out, h * block, w * block), channels_last)


def space_to_depth(x: Array, block: int, order: str, *, channels_last: bool) -> Array:
    """Channels out of blocks; `order` is DCR or CRD."""
    x = np.moveaxis(x, -1, 1) if channels_last else x
    n, c, h, w = x.shape
    apart = x.reshape(n, c, h // block, block, w // block, block)
    moved = apart.transpose((0, 3, 5, 1, 2, 4) if order == "DCR" else (0, 1, 3, 5, 2, 4))
    return _placed(moved.reshape(n, c * block * block, h // block, w // block), channels_last)


def _placed(y: Array, channels_last: bool) -> Array:
    return np.ascontiguousarray(np.moveaxis(y, 1, -1) if channels_last else y)
