"""The base of the ops of all targets."""

from ..ir.declare import result_type
from ..ir.ssa import Op
from ..ir.types import Tensor


class TargetOp(Op):
    """An op of a target's dialect: lowering makes it, and leaves it alone.

    Its result types are given, those of the core op that is lowered: what it computes is the
    library's business. So it has no `infer`, and no interpreter runs it. What it *is* differs: a
    Python call with keywords (`calls.CallOp`), or a node with positional inputs.
    """

    result_types: Tensor | tuple[Tensor, ...] = result_type(kw_only=True)
