"""What the target is. Importing this imports no TensorFlow."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ...ir.ssa import Module
from ...passes import DEPLOY
from ..tf.target import TARGET as TENSORFLOW
from .lower import LOWERING

if TYPE_CHECKING:
    from .emit import TFLiteModule


def _executable(module: Module) -> "TFLiteModule":
    from .emit import TFLiteModule

    return TFLiteModule(module)


# TensorFlow's dialect; this target has no ops of its own.
TARGET = replace(
    TENSORFLOW,
    name="tflite",
    title="TFLite",
    pipeline=DEPLOY,
    lowering=LOWERING,
    ops={},
    executable=_executable,
    after="",  # its fully connected layers take any rank
    holding="",  # a file keeps nothing
)
