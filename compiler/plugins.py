"""Plugins: Python files that define passes and custom layers before a model is compiled.

A plugin lists its pass classes in `PASSES`, and calls `cmlc.register_custom_layer` for layers.
"""

import importlib.util
import sys
import zlib
from pathlib import Path
from types import ModuleType

from ..ir.diagnostics import CompileError, Diagnostic, problems_in


def load_plugin(path: Path) -> ModuleType:
    """Run a Python file; the passes in its `PASSES` become known by name.

    Raises:
        CompileError: of kind "usage": the file is missing or fails, or defines an invalid pass.
    """
    if not path.is_file():
        raise CompileError(Diagnostic("there is no such plugin", "usage", file=str(path)))
    # Dataclasses look up their module, so it needs a name of its own, the same each time.
    name = f"cmlc_plugin_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise CompileError(Diagnostic("is not a Python file", "usage", file=str(path)))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    with problems_in(str(path)):
        try:
            spec.loader.exec_module(module)
            _add_passes(module, path)
        except CompileError:
            raise
        except Exception as error:
            message = f"the plugin fails{_line(error, path)}: {type(error).__name__}: {error}"
            raise CompileError(Diagnostic(message, "usage")) from error
    return module


def _add_passes(module: ModuleType, path: Path) -> None:
    from ..passes.known import add_passes

    if hasattr(module, "PASSES"):
        add_passes(module.PASSES, str(path))


def _line(error: BaseException, path: Path) -> str:
    """Where in the file it fails."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.resolve()):
            found = f" in line {trace.tb_lineno}"
        trace = trace.tb_next
    return found
