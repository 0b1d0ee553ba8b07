"""Padding becomes that of convolutions and pooling; scales leave the weights they multiply."""

from ...ir.attributes import Layout, PadType
from ...ir.dialects.builtin import Constant
from ...ir.dialects.core import conv as core
from ...ir.dialects.core import elementwise, pool, shape
from ...ir.rewrite import replace
from ...ir.ssa import Op, Value
from ...ir.types import DType
from ..patterns import Rewrite, no, pattern
from .shape import reshape_to


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


@pattern(core.Conv)
def scales_of_weight(op: core.Conv) -> Rewrite:
    """conv(x, w * s) → conv(x * s, w) or conv(x, w) * s, for constant w and scales of channels.

    Networks that modulate convolutions by a style compute their weights this way. Weights that are
    computed are laid out anew in every run, and libraries are slow with them.
    """
    found = _scaled(op.weight)
    if found is None:
        return None
    weight, scale, axis = found
    if op.groups != 1 or op.layout is not Layout.CHANNELS_FIRST:
        return no("groups have scales of their own")
    if op.x.type.dtype is DType.F16:
        return no("values of half precision may become too large")
    spatial = op.x.type.rank - 2
    wide = reshape_to(scale, (1, op.weight.type.shape[axis], *(1,) * spatial))
    assert wide is not None, "scales have one entry for each channel"
    if axis == 1:
        return replace(op, x=elementwise.Mul(op.x, wide).result, weight=weight).result
    plain = replace(op, weight=weight, bias=None).result
    scaled = elementwise.Mul(plain, wide).result
    if op.bias is None:
        return scaled
    bias = reshape_to(op.bias, wide.type.shape)
    assert bias is not None, "a bias has one entry for each channel"
    return elementwise.Add(scaled, bias).result


def _scaled(weight: Value) -> tuple[Value, Value, int] | None:
    """(w, s, axis) of w * s along an axis of channels, if w is a constant, perhaps scaled again."""
    source, dims = weight, weight.type.shape
    while isinstance(source.op, shape.Squeeze | shape.ExpandDims | shape.Reshape):
        source = source.op.x
    if not isinstance(source.op, elementwise.Mul):
        return None
    units = source.type.rank - weight.type.rank
    if units < 0 or source.type.shape != (*(1,) * units, *dims):
        return None
    for whole, scale in (source.op.operands, source.op.operands[::-1]):
        before = len(dims) - scale.type.rank
        axes = [i + before for i, dim in enumerate(scale.type.shape) if dim != 1]
        if whole.type != source.type or len(axes) != 1 or axes[0] not in (0, 1):
            continue
        inner = reshape_to(whole, dims)
        if inner is not None and (isinstance(whole.op, Constant) or _scaled(inner)):
            return inner, scale, axes[0]
    return None


PATTERNS = (pad_into_conv, pad_into_average, no_padding_is_valid, scales_of_weight)
