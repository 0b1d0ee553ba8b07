"""Branches that don't fit, for both kinds of models: Core ML needs to run only the other one."""

from collections.abc import Sequence

from ...ir.diagnostics import Diagnostic
from ...ir.dialects.core.control import Assert
from ...ir.dialects.core.elementwise import LogicalNot
from ...ir.ssa import Value


def side_that_fails(problems: Sequence[Sequence[Diagnostic]]) -> int | None:
    """Which of two branches can't run, while the other one can; None if both can, or neither.

    A branch that needs what is not supported is not among them: perhaps it is the one that runs.

    Args:
        problems: those of each branch.
    """
    for unfit, other in ((0, 1), (1, 0)):
        kinds = {problem.kind for problem in problems[unfit]}
        if kinds and kinds <= {"malformed", "invalid"} and not problems[other]:
            return unfit
    return None


def asserted_other(
    condition: Value, values: tuple[Value, ...], unfit: int, problem: Diagnostic
) -> Assert:
    """The values of the other branch, if the condition chooses it; detached.

    Args:
        condition: chooses branch 0 if true.
        values: what the other branch makes.
        unfit: the branch that can't run.
        problem: why not.
    """
    holds = condition if unfit else LogicalNot(condition).result
    message = f"a branch that doesn't fit runs: {problem.location}: {problem.message}"
    return Assert(holds, values, message=message)
