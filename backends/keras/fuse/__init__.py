"""Calls that people write as one."""

from dataclasses import dataclass

from ....ir.verify import Legal
from ....passes.manager import PatternPass
from . import affine, convolution, sequence, shape


@dataclass(frozen=True)
class FuseKeras(PatternPass):
    """Write as one layer what people write as one: biases, activations, norms, attention.

    Example:
        cmlc-opt model.mlmodel --passes='layout, constant-fold' --lower=keras --explain=fuse-keras
    """

    name = "fuse-keras"
    patterns = (*(*convolution.PATTERNS, *affine.PATTERNS, *sequence.PATTERNS, *shape.PATTERNS),)

    @property
    def requires(self) -> Legal:
        return Legal(prefixes=("keras.",))
