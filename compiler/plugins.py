"""Plugins: Python files that register definitions before a model is compiled."""

import importlib.util
from pathlib import Path

from ..ir.diagnostics import CompileError, Diagnostic


def load_plugin(path: Path) -> None:
    """Run a Python file, which registers what it defines.

    Raises:
        CompileError: the file is missing or fails; of kind "usage".
    """
    if not path.is_file():
        raise CompileError(Diagnostic("there is no such plugin", "usage", file=str(path)))
    spec = importlib.util.spec_from_file_location(f"cmlc_plugin_{path.stem}", path.resolve())
    if spec is None or spec.loader is None:
        raise CompileError(Diagnostic("is no Python file", "usage", file=str(path)))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = _line(error, path)
        message = f"the plugin fails{line}: {type(error).__name__}: {error}"
        raise CompileError(Diagnostic(message, "usage", file=str(path))) from error


def _line(error: BaseException, path: Path) -> str:
    """Where in the file it fails."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.resolve()):
            found = f" in line {trace.tb_lineno}"
        trace = trace.tb_next
    return found
