"""Resampling of images, channels last by contract."""

from ....ir.attributes import Layout
from ....ir.dialects.core import image as core
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers
from .conv import collapsed

lower = Lowering()


@lower(core.UpsampleNearest)
def upsample_nearest(op: core.UpsampleNearest) -> Value:
    """A layer."""
    assert op.layout is Layout.CHANNELS_LAST
    return layers.UpSampling2D(op.x, size=collapsed(op.scale), result_types=op.result.type).result
