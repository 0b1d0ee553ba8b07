"""Fuses calls that people would write as one."""

from dataclasses import dataclass

from ....ir.verify import Legal
from ....passes.manager import PatternPass
from . import affine, attention, convolution, index, lookup, norm, sequence, shape


@dataclass(frozen=True)
class FuseKeras(PatternPass):
    """Fuse calls into the layers that people would write: biases, activations, norms, attention.

    Example:
        cmlc-opt m.cmir --passes='layout, constant-fold' --lower --target=keras --explain=fuse-keras
    """

    name = "fuse-keras"
    patterns = (
        *(*convolution.PATTERNS, *affine.PATTERNS, *norm.PATTERNS, *sequence.PATTERNS),
        *(*attention.PATTERNS, *index.PATTERNS, *shape.PATTERNS, *lookup.PATTERNS),
    )

    @property
    def requires(self) -> Legal:
        return Legal(prefixes=("keras.",))
