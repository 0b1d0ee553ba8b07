"""Gathers of weights that stay compressed; gathers and scatters of all elements."""

import numpy as np

from ...ir.dialects.builtin import Constant, array_of, constant
from ...ir.dialects.core import index as core
from ...ir.dialects.core import scatter
from ...ir.dialects.core.elementwise import Cast
from ...ir.ssa import Value
from ...ir.types import Type
from ...ir.weights.encodings import Cast as Stored
from ...ir.weights.encodings import EncodedResource
from ...ir.weights.views import settled
from ..patterns import Rewrite, no, pattern


@pattern(core.Gather)
def gather_of_compressed(op: core.Gather) -> Rewrite:
    """gather(const stored as f16) → cast(gather(const)): only gathered elements are converted."""
    source = op.x.op
    if not isinstance(source, Constant) or not source.value.compressed:
        return None
    weights = settled(source.value)
    encoding = weights.encoding if isinstance(weights, EncodedResource) else None
    if not isinstance(encoding, Stored):
        return None
    table = constant(encoding.stored, weights.name)
    return Cast(core.Gather(table, op.indices, op.axis).result, encoding.dtype).result


@pattern(core.Gather)
def gather_of_all(op: core.Gather) -> Rewrite:
    """gather(x, all indices in order) → x."""
    return op.x if _are_all(op.indices, op.x.type, op.axis) else None


@pattern(scatter.Scatter)
def scatter_of_all(op: scatter.Scatter) -> Rewrite:
    """scatter(x, all indices in order, updates) → updates."""
    if not _are_all(op.indices, op.x.type, op.axis):
        return None
    if op.mode is not scatter.ScatterMode.UPDATE:
        return no("the updates are combined with the old elements")
    return op.updates


def _are_all(indices: Value, x: Type, axis: int) -> bool:
    """Whether the indices are 0, 1, … up to the size of the dimension."""
    extent = x.shape[axis]
    if indices.type.shape != (extent,) or not isinstance(extent, int):
        return False
    known = array_of(indices)
    return known is not None and np.array_equal(known, np.arange(extent))


PATTERNS = (gather_of_compressed, gather_of_all, scatter_of_all)
