"""Custom layers: the functions registered for them."""

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.core import custom as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.Call)
def call(op: core.Call) -> tuple[Value, ...]:
    """The definition's TensorFlow function."""
    if core.definition_of(op.definition).tensorflow is None:
        message = f"custom layer '{op.definition}' is defined without a TensorFlow function"
        raise CompileError(Diagnostic(message, "unsupported", op.location, subject=op.name))
    return tf.CustomCall(**op.fields(), result_types=op.results_are).results
