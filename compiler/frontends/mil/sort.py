"""Sorting and running sums along an axis."""

from ....ir.dialects.core import sort as core
from ....ir.dialects.core.shape import Reshape
from ....ir.dim_values import known_dims
from ..rules import Result
from ..values import cast, integers
from .constants import DTYPE_NAMES
from .context import MilContext, MilRules
from .sampling import extent
from .shape import declared_type

rules = MilRules("sort")

rules.direct("argsort", core.Argsort)
rules.direct("cumsum", core.Cumsum)


@rules("topk")
def topk(cx: MilContext) -> Result:
    """The k largest or smallest elements and their indices, always sorted.

    Since iOS 17, a k of -1 means all.
    """
    x, axis, ascending = cx.value("x"), cx.integer("axis", -1), cx.flag("ascending", False)
    rank = x.type.rank
    cx.require(-rank <= axis < rank, f"has axis {axis} for {x.type}")
    cx.flag("sort", True)
    indexed = cx.flag("return_indices", True)
    name = cx.text("output_indices_dtype", "int32")
    cx.require(name in ("int32", "uint16"), f"has indices of the unknown type '{name}'")
    known = known_dims(cx.value("k")) if cx.has("k") else (1,)
    count = known[0] if known is not None and len(known) == 1 else None
    everything = count == -1 and cx.opset >= 17
    count = x.type.shape[axis] if everything else count
    if isinstance(count, int):
        values, found = core.Topk(x, count, axis, ascending).results
    else:
        k = extent(x, axis) if everything else Reshape(integers(cx.value("k")), ()).result
        dim = declared_type(cx).shape[axis] if count is None else count
        values, found = core.DynamicTopk(x, k, (dim,), axis, ascending).results
    return (values, cast(found, DTYPE_NAMES[name])) if indexed else values
