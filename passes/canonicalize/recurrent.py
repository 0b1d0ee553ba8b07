"""Recurrent networks."""

from ...ir.dialects.core import recurrent as core
from ...ir.dialects.core.fill import is_zero
from ...ir.dialects.core.shape import ExpandDims, SliceByIndex, Transpose
from ...ir.dims import Dim
from ...ir.rewrite import replace
from ...ir.ssa import Op
from ..patterns import Rewrite, no, pattern


@pattern(core.Lstm, core.Gru, core.Rnn)
def initial_zeros(op: Op) -> Rewrite:
    """lstm(x, zeros) → lstm(x)."""
    names = [item.name for item in op.spec.operands if item.name.startswith("initial")]
    changes = {n: None for n in names if any(map(is_zero, op.values_of(n)))}
    if not changes:
        return None
    found = replace(op, **changes)
    if any(a.type != b.type for a, b in zip(op.results, found.results, strict=True)):
        return no("only the state says how large the batch is")
    return found.results


@pattern(SliceByIndex)
def last_of_sequence(op: SliceByIndex) -> Rewrite:
    """slice(hidden states of lstm(x), the last step) → expand_dims(last hidden state)."""
    states, order = op.x, (0, 1, 2)
    if isinstance(states.op, Transpose):
        states, order = states.op.x, states.op.perm
    layer = states.op
    if not isinstance(layer, core.Lstm | core.Gru | core.Rnn) or states is not layer.results[0]:
        return None
    time = order.index(0)
    sizes = enumerate(zip(op.x.type.shape, op.result.type.shape, op.stride, strict=True))
    rest = [size == cut and step == 1 for axis, (size, cut, step) in sizes if axis != time]
    if not all(rest) or not _is_last(op.x.type.shape[time], op.slices()[time]):
        return None
    if order.index(1) > order.index(2):
        return no("the state is transposed")
    return ExpandDims(layer.results[1], (time,)).result


def _is_last(extent: Dim, part: slice) -> bool:
    """Whether a slice takes the last entry of a dimension, and only it."""
    if isinstance(extent, int):
        return list(range(extent)[part]) == [extent - 1]
    forward = (part.step, part.stop) == (1, None)
    return part.start == -1 and (forward or (part.step, part.stop) == (-1, -2))


PATTERNS = (initial_zeros, last_of_sequence)
