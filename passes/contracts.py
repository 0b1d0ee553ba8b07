"""Checks what a pass requires and ensures, around each run."""

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Module
from ..ir.verify import Legal

_SHOWN = 3


def check_required(name: str, legal: Legal | None, module: Module) -> None:
    """Check what a pass requires.

    Raises:
        CompileError: the module doesn't satisfy it. The pipeline is wrong, so the kind is "usage".
    """
    problems = list(legal.violations(module)) if legal is not None else []
    if problems:
        notes = [str(problem) for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            notes.append(f"and {len(problems) - _SHOWN} more")
        message = f"pass '{name}' requires more of the module"
        remedy = "first run what ensures it: another pass, or the lowering to a target"
        raise CompileError(Diagnostic(message, "usage", notes=tuple(notes), remedy=remedy))


def check_ensured(name: str, legal: Legal | None, module: Module) -> None:
    """Check what a pass ensures.

    Raises:
        CompileError: the module doesn't satisfy it. The pass is wrong: an internal error.
    """
    problems = list(legal.violations(module)) if legal is not None else []
    if problems:
        first = Diagnostic(f"pass '{name}' ensures more of the module", kind="internal")
        raise CompileError((first, *problems))
