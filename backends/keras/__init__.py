"""The Keras target: readable source code, and models that train. Importing it imports no Keras."""

from typing import Any

from ...ir.ssa import Module
from ...ir.verify import Legal
from ...passes import TRAINABLE
from ..target import Target
from .dialect import TABLE
from .lower import LOWERING, UNSUPPORTED


def _executable(module: Module) -> Any:
    from .emit import KerasModule

    return KerasModule(module)


TARGET = Target(
    name="keras",
    title="Keras",
    pipeline=TRAINABLE,
    lowering=LOWERING,
    unsupported=UNSUPPORTED,
    ops=TABLE,
    executable=_executable,
    requires=Legal(spatial_layout="channels_last", calls=False),
    after="check-keras, fuse-keras, hold-constants-keras",
)
