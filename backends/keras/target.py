"""What the target is. Importing this imports no Keras."""

from typing import TYPE_CHECKING

from ...ir.ssa import Module
from ...ir.verify import Legal
from ...passes import TRAINABLE
from ..target import Target
from .dialect import TABLE
from .lower import LOWERING, UNSUPPORTED

if TYPE_CHECKING:
    from .emit import KerasModule


def _executable(module: Module) -> "KerasModule":
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
    library="keras",
    requires=Legal(spatial_layout="channels_last", calls=False),
    after="check-keras, chain-concatenations-keras, fuse-keras, cse, index-keras, "
    "hold-constants-keras",
)
