"""What a failed command tells: diagnostics on standard error, or as JSON."""

import sys
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic, Kind
from ...ir.location import Unknown, parts
from .printing import print_json, style

_AGAIN = "run again with --debug for a traceback"
# Libraries that users may lack and can install.
_LIBRARIES = ("tensorflow", "coremltools", "PIL", "rich", "lark", "numpy")


def report(error: Exception, *, as_json: bool, debug: bool) -> set[Kind]:
    """Print what went wrong; the kinds of all diagnostics."""
    is_known = isinstance(error, CompileError)
    diagnostics = error.diagnostics if is_known else (_unexpected(error),)
    kinds: set[Kind] = {diagnostic.kind for diagnostic in diagnostics}
    if as_json:
        print_json({"ok": False, "diagnostics": [_as_dict(item) for item in diagnostics]})
    else:
        for diagnostic in diagnostics:
            print(colored(str(diagnostic), diagnostic.severity), file=sys.stderr)
        if "internal" in kinds and not debug:
            print(f"  help: {_AGAIN}", file=sys.stderr)
    return kinds


def _unexpected(error: Exception) -> Diagnostic:
    """What an exception that is not a CompileError tells the user."""
    from ...ir.weights.resources import MissingResourceError  # numpy: wrong usage doesn't need it

    if isinstance(error, MissingResourceError):
        return Diagnostic(str(error), "malformed")
    missing = (getattr(error, "name", None) or "").split(".")[0]
    if isinstance(error, ModuleNotFoundError) and missing in _LIBRARIES:
        package = "pillow" if missing == "PIL" else missing
        remedy = f"install it: pip install {package}"
        return Diagnostic(f"{package} is not installed", "malformed", remedy=remedy)
    if isinstance(error, MemoryError):
        return Diagnostic("there is not enough memory", "malformed")
    message = f"{type(error).__name__}: {error}"
    return Diagnostic(message, "internal", remedy="this is a bug: please report it")


def _as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    places = [str(part) for part in parts(diagnostic.location) if not isinstance(part, Unknown)]
    return {
        "severity": diagnostic.severity,
        "kind": diagnostic.kind,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "locations": places,
        "subject": diagnostic.subject,
        "remedy": diagnostic.remedy,
        "notes": list(diagnostic.notes),
    }


def colored(text: str, severity: str) -> str:
    """A diagnostic with its "error:" coloured, on a terminal."""
    color = "red" if severity == "error" else "yellow"
    return text.replace(f"{severity}:", style(f"{severity}:", color, sys.stderr), 1)
