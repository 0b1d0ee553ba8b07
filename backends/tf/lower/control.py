"""Structured control flow: regions are passed on, and their ops are lowered separately."""

from ....ir.dialects.core import control as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.Cond)
def cond(op: core.Cond) -> tuple[Value, ...]:
    """Two regions, one of which runs."""
    types = tuple(value.type for value in op.results)
    return tf.Cond(op.pred, op.then, op.orelse, result_types=types).results


@lower(core.Assert)
def asserted(op: core.Assert) -> tuple[Value, ...]:
    """An assertion that every use of the values depends on."""
    types = tuple(value.type for value in op.results)
    return tf.Asserted(op.condition, op.values, op.message, result_types=types).results


@lower(core.WhileLoop)
def while_loop(op: core.WhileLoop) -> tuple[Value, ...]:
    """A condition and a body over the loop's values."""
    types = tuple(value.type for value in op.results)
    shapes = tuple(
        tuple(dim if isinstance(dim, int) else -1 for dim in item.shape) for item in types
    )
    return tf.WhileLoop(op.initial, op.condition, op.body, shapes, result_types=types).results
