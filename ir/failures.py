"""What an op's `evaluate` raises where its inputs don't fit, and what users are told of it."""

from .diagnostics import Diagnostic
from .ssa import Op

FAILURES = (ValueError, IndexError)  # symbolic dimensions that don't fit, indices out of range


class FailedCheckError(ValueError):
    """A check that the model itself has failed: the message says what is wrong, to its users."""


def failure(op: Op, error: Exception) -> Diagnostic:
    """What users are told of an exception, one of `FAILURES`.

    Args:
        op: raised it.
        error: the exception.
    """
    if isinstance(error, FailedCheckError):
        return Diagnostic(str(error), location=op.location)
    message = f"'{op.name}' fails on these inputs: {error}"
    return Diagnostic(message, location=op.location, subject=op.name)
