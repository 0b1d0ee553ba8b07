"""Slices and elements at computed positions."""

from ....ir.dialects.core import index as core
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers, ops
from .weights import is_weight

lower = Lowering()


@lower(core.Gather)
def gather(op: core.Gather) -> Value:
    """An embedding if the table is a weight and positions are computed."""
    out = op.result.type
    table = op.x.type
    is_table = is_weight(op.x) and table.rank == 2 and table.dtype.is_float
    computed = not is_weight(op.indices) and op.indices.type.rank > 0
    if is_table and computed and op.axis == 0:
        rows, width = table.static_shape
        return layers.Embedding(
            op.indices, op.x, input_dim=rows, output_dim=width, result_types=out
        ).result
    return ops.Take(op.x, op.indices, op.axis, result_types=out).result
