"""What the target is. Importing this imports no TensorFlow."""

from typing import TYPE_CHECKING

from ...ir.ssa import Module
from ...ir.verify import Legal
from ...passes import OPTIMIZE
from ..target import Target
from .dialect import TABLE
from .hold_states import HOLDING
from .lower import LOWERING, UNSUPPORTED

if TYPE_CHECKING:
    from .emit import TensorFlowModule


def _executable(module: Module) -> "TensorFlowModule":
    from .emit import TensorFlowModule

    return TensorFlowModule(module)


TARGET = Target(
    name="tf",
    title="TensorFlow",
    pipeline=f"{OPTIMIZE}, split-shuffles, pad-widths",
    lowering=LOWERING,
    unsupported=UNSUPPORTED,
    ops=TABLE,
    executable=_executable,
    library="tensorflow",
    requires=Legal(spatial_layout="channels_last", calls=False),
    after="flatten-rows-tf, cse",
    holding=HOLDING,
)
