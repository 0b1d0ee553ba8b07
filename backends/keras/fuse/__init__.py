"""Calls that people write as one, and constants that layers hold: what is done after lowering."""

from ....ir.dialects.builtin import Constant
from ....ir.rewrite import adopt
from ....ir.ssa import Module, Value
from ....passes.patterns import GreedyDriver, Pattern
from ...calls import CallOp
from ..dialect import layers
from ..lower.weights import is_weight
from ..steps import weights_of
from . import affine, convolution, sequence, shape

PATTERNS: tuple[Pattern, ...] = (
    *(*convolution.PATTERNS, *affine.PATTERNS, *sequence.PATTERNS, *shape.PATTERNS),
)


def finish(module: Module) -> None:
    """Apply all patterns, then let layers hold the constants that are left; in place."""
    GreedyDriver(PATTERNS, None).run(module)
    held: dict[Value, Value] = {}
    for op in list(module.walk()):
        if isinstance(op, CallOp):
            _hold_constants(op, held)


_FEW = 8  # elements of a constant that is written into the code


def _hold_constants(op: CallOp, held: dict[Value, Value]) -> None:
    known = set(weights_of(op))
    hook = next((v for v in op.operands if not is_weight(v)), None)
    for index, value in enumerate(op.operands):
        if value in known or not isinstance(value.op, Constant) or value.op.value.size <= _FEW:
            continue
        op.require("", hook is not None, "Keras code computes nothing of constants alone")
        assert hook is not None
        assert op.parent is not None
        if value not in held:
            kind = value.type
            named = bool(value.op.value.name) and kind.dtype.is_float
            layer = layers.Weight(
                hook,
                value,
                shape=kind.static_shape,
                dtype=kind.dtype.numpy.name,
                trainable=named,
                result_types=kind,
            )
            adopt([layer.result], op.parent, op, op.location)
            held[value] = layer.result
        op.set_operand(index, held[value])
