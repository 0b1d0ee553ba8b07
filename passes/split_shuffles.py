"""Shuffles of channels that are split or convolved afterwards move fewer numbers one by one."""

from dataclasses import dataclass

from ..ir.attributes import Layout
from ..ir.dialects.builtin import Const, Constant
from ..ir.dialects.core import conv, shape
from ..ir.rewrite import replace
from ..ir.ssa import Value
from .constant_fold import view_of_constant
from .manager import PatternPass
from .patterns import Rewrite, no, pattern


@pattern(shape.Split)
def split_of_a_shuffle(op: shape.Split) -> Rewrite:
    """split(shuffle(a, b)) → shuffle(part of a, part of b) of each part, one for a convolution."""
    values = _shuffled(op.x)
    if values is None or op.axis != op.x.type.rank - 1:
        return None
    if not any(isinstance(user, conv.Conv) for part in op.results for user in part.users):
        return no("no convolution reads a part")
    count = len(values)
    if any(size % count for size in op.sizes):
        return no("a part begins between channels that were joined")
    if not op.x.has_one_use:
        return no("the whole is needed, too")
    sizes = tuple(size // count for size in op.sizes)
    pieces = [shape.Split(value, sizes, op.axis).results for value in values]
    return tuple(
        shape.Reshape(shape.Stack(part, op.axis + 1).result, result.type.shape).result
        for part, result in zip(zip(*pieces, strict=True), op.results, strict=True)
    )


@pattern(conv.Conv)
def shuffle_into_conv(op: conv.Conv) -> Rewrite:
    """conv(shuffle(a, b), w) → conv(concat(a, b), w with its input channels reordered)."""
    values = _shuffled(op.x)
    if values is None or op.layout is not Layout.CHANNELS_LAST or not isinstance(op.weight, Const):
        return None
    if op.groups != 1:
        return no("groups would take other channels")
    if not op.x.has_one_use:
        return no("the shuffle is needed, too")
    assert isinstance(op.weight.op, Constant)
    if op.weight.op.value.compressed or not op.weight.has_one_use:
        return no("the weight stays as it is stored")
    *kernel, inputs, outputs = op.weight.type.static_shape
    count, last = len(values), len(kernel)
    apart = shape.Reshape(op.weight, (*kernel, inputs // count, count, outputs)).result
    perm = (*range(last), last + 1, last, last + 2)
    weight = shape.Reshape(shape.Transpose(apart, perm).result, op.weight.type.shape).result
    joined = shape.Concat(values, op.x.type.rank - 1).result
    return replace(op, x=joined, weight=weight).result


def _shuffled(value: Value) -> tuple[Value, ...] | None:
    """The values whose channels `value` has in turn, in its last dimension."""
    match value:
        case Value(op=shape.Reshape(Value(op=shape.Stack(values, axis)) as stacked)):
            pass
        case _:
            return None
    *lead, channels, count = stacked.type.shape
    merged = isinstance(channels, int) and value.type.shape == (*lead, channels * count)
    return values if axis == stacked.type.rank - 1 and merged and stacked.has_one_use else None


@dataclass(frozen=True)
class SplitShuffles(PatternPass):
    """Split before a shuffle of channels, and let convolutions read what isn't shuffled.

    ShuffleNet shuffles all channels, and convolves one half. Shuffles move numbers one by one.

    Example:
        cmlc-opt m.cmir --passes='split-shuffles'
    """

    name = "split-shuffles"
    patterns = (split_of_a_shuffle, shuffle_into_conv, view_of_constant)
