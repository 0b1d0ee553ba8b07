"""Reductions: global pooling layers where possible, else functions."""

from collections.abc import Callable
from typing import Any

from ....ir.dialects.core import reduce as core
from ....ir.ssa import Value
from ...lowering import Lowering
from ..dialect import layers, ops

lower = Lowering()

_GLOBAL_MEAN = {3: layers.GlobalAveragePooling1D, 4: layers.GlobalAveragePooling2D}
_GLOBAL_MAX = {3: layers.GlobalMaxPooling1D, 4: layers.GlobalMaxPooling2D}


def _rule(
    target: type[Any],
    before: type[Any] | None = None,
    after: type[Any] | None = None,
    pooling: dict[int, Any] | None = None,
) -> Callable[[core.Reduction], Value]:
    def rule(op: core.Reduction) -> Value:
        x, out, axes = op.x, op.result.type, op.over()
        rank = x.type.rank
        if pooling is not None and rank in pooling and axes == tuple(range(1, rank - 1)):
            return pooling[rank](x, keepdims=op.keep_dims, result_types=out).result
        if before is not None:
            x = before(x, result_types=x.type).result
        y = target(x, axis=axes, keepdims=op.keep_dims, result_types=out).result
        return y if after is None else after(y, result_types=out).result

    return rule


lower(core.ReduceSum)(_rule(ops.Sum))
lower(core.ReduceProd)(_rule(ops.Prod))
lower(core.ReduceMean)(_rule(ops.Mean, pooling=_GLOBAL_MEAN))
lower(core.ReduceMax)(_rule(ops.Max, pooling=_GLOBAL_MAX))
lower(core.ReduceMin)(_rule(ops.Min))
lower(core.ReduceL1Norm)(_rule(ops.Sum, before=ops.Abs))
lower(core.ReduceL2Norm)(_rule(ops.Sum, before=ops.Square, after=ops.Sqrt))
lower(core.ReduceSumSquare)(_rule(ops.Sum, before=ops.Square))
lower(core.ReduceLogSum)(_rule(ops.Sum, after=ops.Log))
lower(core.ReduceLogSumExp)(_rule(ops.Logsumexp))

lower.direct(core.ReduceArgmax, ops.Argmax, keep_dims="keepdims")
lower.direct(core.ReduceArgmin, ops.Argmin, keep_dims="keepdims")
