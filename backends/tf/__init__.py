"""The TensorFlow target: tf.function graphs and SavedModels. Importing it imports no TensorFlow."""

from typing import Any

from ...ir.ssa import Module
from ...ir.verify import Legal
from ...passes import OPTIMIZE
from ..target import Target
from .dialect import TABLE
from .lower import LOWERING, UNSUPPORTED


def _executable(module: Module) -> Any:
    from .emit import TensorFlowModule

    return TensorFlowModule(module)


TARGET = Target(
    name="tf",
    title="TensorFlow",
    pipeline=OPTIMIZE,
    lowering=LOWERING,
    unsupported=UNSUPPORTED,
    ops=TABLE,
    executable=_executable,
    requires=Legal(spatial_layout="channels_last", calls=False),
)
