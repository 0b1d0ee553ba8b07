"""Recurrent layers in both directions."""

from ....ir.ssa import Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops


@pattern(layers.Concatenate)
def bidirectional(op: layers.Concatenate) -> Rewrite:
    """concat(lstm(x), flip(lstm(flip(x)))) → Bidirectional(lstm)(x)."""
    if len(op.inputs) != 2 or op.axis not in (-1, op.result.type.rank - 1):
        return None
    forward, backward = op.inputs[0].op, op.inputs[1].op
    if not isinstance(forward, layers.LSTM | layers.GRU):
        return None
    if forward.return_sequences:
        if not isinstance(backward, ops.Flip) or backward.axis != (1,):
            return None
        backward = backward.x.op
    if not isinstance(backward, layers.LSTM | layers.GRU) or type(backward) is not type(forward):
        return None
    source, turned = forward.inputs[0], backward.inputs[0].op
    same = isinstance(turned, ops.Flip) and _are_same(turned.x, source)
    if not isinstance(turned, ops.Flip) or turned.axis != (1,) or not same:
        return no("the second layer doesn't read what the first reads, backwards")
    if forward.attributes != backward.attributes or forward.return_state:
        return no("the two layers differ, or their states are used")
    if len(forward.inputs) > 1 or len(backward.inputs) > 1:
        return no("they have initial states")
    single = all(value.has_one_use for value in (*forward.results, *backward.results))
    if not single:
        return no("the result of one direction has another user")
    given = {name: value for name, value in forward.attributes.items() if name != "return_state"}
    layer = (
        layers.BidirectionalLSTM if isinstance(forward, layers.LSTM) else layers.BidirectionalGRU
    )
    return layer(
        source,
        forward.kernel,
        forward.recurrent_kernel,
        backward.kernel,
        backward.recurrent_kernel,
        bias=forward.bias,
        backward_bias=backward.bias,
        result_types=op.result.type,
        **given,
    ).result


def _are_same(a: Value, b: Value) -> bool:
    """Whether values are one, or one transposed alike."""
    match (a.op, b.op):
        case (ops.Transpose(x, first), ops.Transpose(y, second)):
            return x is y and first == second
        case _:
            return a is b


PATTERNS = (bidirectional,)
