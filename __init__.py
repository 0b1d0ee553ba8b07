"""cmlc: Core ML models, compiled to TensorFlow.

`cmlc.compile(path)` gives a model with `predict` and `write`; `cmlc.load(path)` its IR. Everything
is imported on first use, so that `import cmlc` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compiler.coremltools_predict import enable_coremltools_predict
    from .compiler.driver import load
    from .compiler.frontends.nn.custom import CustomLayer, register_custom_layer
    from .compiler.options import Options
    from .compiler.runtime import CompiledModel, compile, write
    from .ir.diagnostics import CompileError, Diagnostic
    from .ir.ssa import Module

__version__ = "0.1.0"

_EXPORTS = {
    "compile": ".compiler.runtime",
    "load": ".compiler.driver",
    "CustomLayer": ".compiler.frontends.nn.custom",
    "enable_coremltools_predict": ".compiler.coremltools_predict",
    "register_custom_layer": ".compiler.frontends.nn.custom",
    "Options": ".compiler.options",
    "CompiledModel": ".compiler.runtime",
    "CompileError": ".ir.diagnostics",
    "Diagnostic": ".ir.diagnostics",
    "Module": ".ir.ssa",
    "write": ".compiler.runtime",
}

__all__ = [
    "CompileError",
    "CompiledModel",
    "CustomLayer",
    "Diagnostic",
    "Module",
    "Options",
    "compile",
    "enable_coremltools_predict",
    "load",
    "register_custom_layer",
    "write",
]

if __name__ == "cmlc":  # pytest also imports this file under the name of its folder
    from . import backends, passes

    # Passes of targets are known by name, like all others.
    passes.TABLES.append(backends.PASSES)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'cmlc' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
