"""Gathers of weights that stay compressed."""

from ...ir.dialects.builtin import Constant, constant
from ...ir.dialects.core import index as core
from ...ir.dialects.core.elementwise import Cast
from ...ir.encoded_views import settled
from ...ir.encodings import Cast as Stored
from ...ir.encodings import EncodedResource
from ..patterns import Rewrite, pattern


@pattern(core.Gather)
def gather_of_compressed(op: core.Gather) -> Rewrite:
    """gather(const stored as f16) → cast(gather(const)): only what is gathered is converted."""
    source = op.x.op
    if not isinstance(source, Constant) or not source.value.compressed:
        return None
    weights = settled(source.value)
    encoding = weights.encoding if isinstance(weights, EncodedResource) else None
    if not isinstance(encoding, Stored):
        return None
    table = constant(encoding.stored, weights.name)
    return Cast(core.Gather(table, op.indices, op.axis).result, encoding.dtype).result


PATTERNS = (gather_of_compressed,)
