"""Explicit padding becomes the padding of convolutions and pooling."""

from ...ir.attributes import PadType
from ...ir.dialects.core import conv as core
from ...ir.dialects.core import pool, shape
from ...ir.rewrite import replace
from ...ir.ssa import Op, Value
from ..patterns import Rewrite, no, pattern


@pattern(core.Conv)
def pad_into_conv(op: core.Conv) -> Rewrite:
    """conv(pad(x, 0)) → conv(x) with that padding, if only spatial dimensions are padded."""
    return _take_pad_in(op, op.x)


@pattern(pool.AvgPool)
def pad_into_average(op: pool.AvgPool) -> Rewrite:
    """avg_pool(pad(x, 0)) → avg_pool(x) with that padding, if padding counts."""
    return None if op.exclude_padding_from_average else _take_pad_in(op, op.x)


def _take_pad_in(op: core.Conv | pool.AvgPool, x: Value) -> Rewrite:
    source = x.op
    if not isinstance(source, shape.Pad):
        return None
    if source.mode != "constant" or source.value != 0:
        return no("the padding is not zeros")
    if op.pad_type not in (PadType.VALID, PadType.CUSTOM):
        return no("its padding is computed from its input's shape")
    axes = op.layout.spatial_axes(x.type.rank)
    others = [axis for axis in range(x.type.rank) if axis not in axes]
    if any(source.pad[2 * axis] or source.pad[2 * axis + 1] for axis in others):
        return no("batch or channels are padded")
    own = op.per_spatial(op.pad if op.pad_type is PadType.CUSTOM else (), 0, 2)
    added = [source.pad[2 * axis + side] for axis in axes for side in (0, 1)]
    pad = tuple(a + b for a, b in zip(own, added, strict=True))
    return replace(op, x=source.x, pad_type=PadType.CUSTOM, pad=pad).result


@pattern(core.Conv, core.ConvTranspose, pool.Pool)
def no_padding_is_valid(op: Op) -> Rewrite:
    """pad_type = custom with only zeros → valid."""
    if op.attributes["pad_type"] is PadType.CUSTOM and not any(op.attributes["pad"]):
        return replace(op, pad_type=PadType.VALID, pad=()).result
    return None


PATTERNS = (pad_into_conv, pad_into_average, no_padding_is_valid)
