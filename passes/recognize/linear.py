"""Matrix products with weights."""

from ...ir.dialects.builtin import Constant
from ...ir.dialects.core import linear as core
from ..constant_fold import view
from ..patterns import Rewrite, no, pattern


@pattern(core.MatMul)
def linear_by_matmul(op: core.MatMul) -> Rewrite:
    """matmul(x, weights) → linear(x, weights), where weights are one constant matrix."""
    source = op.y.op
    if not isinstance(source, Constant):
        return None
    if op.y.type.rank != 2:
        return no("there is a matrix for each entry of a batch")
    if not op.x.type.dtype.is_float:
        return no("linear multiplies floats only")
    if op.transpose_x:
        return no("x is transposed")
    rows, columns = op.y.type.static_shape
    # A view now, not an op that is folded later: passes in between look for constant weights.
    weight = op.y if op.transpose_y else view(source.value, (1, 0), (columns, rows))
    return core.Linear(op.x, weight).result


PATTERNS = (linear_by_matmul,)
