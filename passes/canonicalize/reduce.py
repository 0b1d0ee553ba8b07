"""Reductions."""

from ...ir.dialects.core import reduce as core
from ...ir.dialects.core import shape
from ...ir.rewrite import replace
from ...ir.ssa import Op
from ..patterns import Rewrite, no, pattern


@pattern(shape.Squeeze, shape.Reshape)
def squeezed_reduction(op: Op) -> Rewrite:
    """squeeze(reduce(x, keep_dims), axes) → reduce(x), if exactly the reduced axes are squeezed."""
    inner = op.operands[0].op
    if not isinstance(inner, core.Reduction) or not inner.keep_dims:
        return None
    without = replace(inner, keep_dims=False)
    if isinstance(op, shape.Squeeze):
        if tuple(sorted(op.axes)) != tuple(sorted(inner.over())):
            return None
    elif without.result.type != op.result.type:
        return None
    if not inner.result.has_one_use:
        return no("the reduction has another user")
    return without.result


@pattern(core.Reduction)
def reduction_of_one_element(op: core.Reduction) -> Rewrite:
    """reduce_sum/mean/max/min/prod(x) over dimensions of 1 → squeeze(x)."""
    same = (core.ReduceSum, core.ReduceMean, core.ReduceMax, core.ReduceMin, core.ReduceProd)
    if not isinstance(op, same) or any(op.x.type.shape[axis] != 1 for axis in op.over()):
        return None
    return op.x if op.keep_dims else shape.Squeeze(op.x, op.over()).result


PATTERNS = (squeezed_reduction, reduction_of_one_element)
