"""What a pass takes and gives: checked around each run of it."""

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Module
from ..ir.verify import Legal

_SHOWN = 3


def check_required(name: str, legal: Legal | None, module: Module) -> None:
    """Check what a pass requires.

    Raises:
        CompileError: the module is something else. That the pass runs here is the pipeline's
            mistake, so the kind is "usage".
    """
    problems = list(legal.violations(module)) if legal is not None else []
    if problems:
        notes = [str(problem) for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            notes.append(f"and {len(problems) - _SHOWN} more")
        message = f"pass '{name}' requires more of the module"
        remedy = "run what gives that before it: another pass, or the lowering to a target"
        raise CompileError(Diagnostic(message, "usage", notes=tuple(notes), remedy=remedy))


def check_ensured(name: str, legal: Legal | None, module: Module) -> None:
    """Check what a pass ensures.

    Raises:
        CompileError: the module is something else, so the pass is wrong: an internal error.
    """
    problems = list(legal.violations(module)) if legal is not None else []
    if problems:
        first = Diagnostic(f"pass '{name}' ensures more of the module", kind="internal")
        raise CompileError((first, *problems))
