"""The TFLite target: TensorFlow's graphs, converted. Importing it imports no TensorFlow."""

from dataclasses import replace
from typing import Any

from ...ir.ssa import Module
from ...passes import DEPLOY
from ..tf import TARGET as TENSORFLOW


def _executable(module: Module) -> Any:
    from .emit import TFLiteModule

    return TFLiteModule(module)


# TensorFlow's dialect; this target has no ops of its own.
TARGET = replace(
    TENSORFLOW, name="tflite", title="TFLite", pipeline=DEPLOY, ops={}, executable=_executable
)
