"""What tests ask of models that can't be imported."""

from collections.abc import Callable

from cmlc.ir.diagnostics import CompileError


def problems_of(importing: Callable[[], object]):
    """Every diagnostic of an import that fails."""
    try:
        importing()
    except CompileError as error:
        return list(error.diagnostics)
    raise AssertionError("the model was imported")


def assert_told(problem, *fragments, kind="malformed"):
    """The diagnostic's place, message and remedy have the fragments."""
    shown = f"{problem.location}: {problem.message} / {problem.remedy}"
    for fragment in fragments:
        assert fragment in shown, shown
    assert problem.kind == kind, shown
