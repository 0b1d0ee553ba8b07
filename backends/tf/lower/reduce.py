"""Reductions."""

from collections.abc import Callable
from typing import Any

from ....ir.dialects.core import reduce as core
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


def _rule(
    target: type[Any],
    before: type[Any] | None = None,
    after: type[Any] | None = None,
) -> Callable[[core.Reduction], Value]:
    def rule(op: core.Reduction) -> Value:
        x, out = op.x, op.result.type
        if before is not None:
            x = before(x, result_types=x.type).result
        y = target(x, axis=op.over(), keepdims=op.keep_dims, result_types=out).result
        return y if after is None else after(y, result_types=out).result

    return rule


lower(core.ReduceSum)(_rule(tf.ReduceSum))
lower(core.ReduceProd)(_rule(tf.ReduceProd))
lower(core.ReduceMean)(_rule(tf.ReduceMean))
lower(core.ReduceMax)(_rule(tf.ReduceMax))
lower(core.ReduceMin)(_rule(tf.ReduceMin))
lower(core.ReduceL1Norm)(_rule(tf.ReduceSum, before=tf.Abs))
lower(core.ReduceL2Norm)(_rule(tf.ReduceSum, before=tf.Square, after=tf.Sqrt))
lower(core.ReduceSumSquare)(_rule(tf.ReduceSum, before=tf.Square))
lower(core.ReduceLogSum)(_rule(tf.ReduceSum, after=tf.Log))
lower(core.ReduceLogSumExp)(_rule(tf.ReduceLogsumexp))


def _position(target: type[Any]) -> Callable[[core.ArgReduction], Value]:
    def rule(op: core.ArgReduction) -> Value:
        out = op.result.type
        if not op.keep_dims:
            return target(op.x, axis=op.axis, result_types=out).result
        dims = (*out.shape[: op.axis], *out.shape[op.axis + 1 :])
        found = target(op.x, axis=op.axis, result_types=out.with_shape(dims)).result
        return tf.ExpandDims(found, op.axis, result_types=out).result

    return rule


lower(core.ReduceArgmax)(_position(tf.Argmax))
lower(core.ReduceArgmin)(_position(tf.Argmin))
