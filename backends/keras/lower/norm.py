"""Normalization: trainable layers."""

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import norm as core
from ....ir.dialects.core.elementwise import Mul
from ....ir.dialects.core.reshaping import Reshape
from ....ir.dialects.core.shape import Transpose
from ....ir.ssa import Value
from ....ir.types import Tensor
from ...lowering import Lowering
from ...refusals import require_fixed
from ..dialect import layers, ops
from .linear import transposed
from .shape import reshaped_to
from .weights import is_weight, require_weights

lower = Lowering()


@lower(core.BatchNorm)
def batch_norm(op: core.BatchNorm) -> Value:
    """Never folded: fine-tuning needs the statistics."""
    vectors = (op.gamma, op.beta, op.mean, op.variance)
    require_weights(*vectors)
    axis = -1 if op.axis == op.x.type.rank - 1 else op.axis
    given = {"axis": axis, "epsilon": op.epsilon, "result_types": op.result.type}
    return layers.BatchNormalization(op.x, *vectors, **given).result


@lower(core.MeanVarianceNorm)
def mean_variance_norm(op: core.MeanVarianceNorm) -> Value:
    """A layer where one norms these dimensions, else its steps; `fuse-keras` adds scale, bias."""
    x, rank, out = op.x, op.x.type.rank, op.result.type
    bare = {"epsilon": op.epsilon, "center": False, "scale": False, "result_types": out}
    # Layers don't take an epsilon of 0: 1 / sqrt(0) would be infinite, also in its gradient.
    if op.normalize_variance and op.axes:
        if (grouped := _grouped(op)) is not None:
            whole, groups, axis = grouped
            bare["result_types"] = whole.type
            normal = layers.GroupNormalization(whole, groups=groups, axis=axis, **bare).result
            return reshaped_to(normal, out.shape)
        if op.axes == tuple(range(rank - len(op.axes), rank)) and op.axes[0] > 0:
            axes = tuple(axis - rank for axis in op.axes)
            return layers.LayerNormalization(x, axis=axes, **bare).result
        if rank > 2 and op.axes == tuple(range(1, rank - 1)) and not _is_scaled_along(op):
            return layers.GroupNormalization(x, groups=-1, **bare).result
        if len(op.axes) == 1 and rank > 1 and isinstance(x.type.shape[op.axes[0]], int):
            return _of_last(op)
    small = _reduced(x, op.axes)
    mean = ops.Mean(x, op.axes, True, result_types=small).result
    centred = ops.Subtract(x, mean, result_types=out).result
    if not op.normalize_variance:
        return centred
    squares = ops.Square(centred, result_types=out).result
    variance = ops.Mean(squares, op.axes, True, result_types=small).result
    return _divided(centred, variance, op.epsilon)


def _is_scaled_along(op: core.MeanVarianceNorm) -> bool:
    """Whether each step along the one dimension of the norm has a scale of its own."""
    scales = [user.y for user in op.result.users if isinstance(user, Mul) and is_weight(user.y)]
    if len(op.axes) != 1 or not scales:
        return False
    shape, rank = scales[0].type.static_shape, op.x.type.rank
    large = [axis + rank - len(shape) for axis, extent in enumerate(shape) if extent != 1]
    return large == list(op.axes)


def _of_last(op: core.MeanVarianceNorm) -> Value:
    """A layer norm over one dimension, which comes last for it, where it can as elsewhere."""
    rank, (axis,) = op.x.type.rank, op.axes
    perms = [user.perm for user in op.x.users if isinstance(user, Transpose)]
    perms += [user.axes for user in op.x.users if isinstance(user, ops.Transpose)]
    last = (*(i for i in range(rank) if i != axis), axis)
    order = next((perm for perm in perms if perm[-1] == axis), last)
    x = transposed(op.x, order)
    normal = layers.LayerNormalization(
        x, epsilon=op.epsilon, center=False, scale=False, result_types=x.type
    )
    return transposed(normal.result, tuple(order.index(i) for i in range(rank)))


def _grouped(op: core.MeanVarianceNorm) -> tuple[Value, int, int] | None:
    """(x, groups, axis) if the channels of x are only split for this norm, and joined after it."""
    match op.x.op:
        case layers.Reshape(whole) | layers.Flatten(whole):
            pass
        case _:
            return None
    users = list(op.result.users)
    joined = len(users) == 1 and isinstance(users[0], Reshape)
    if not joined or users[0].results[0].type.shape != whole.type.shape:
        return None
    shape, apart, rank = whole.type.shape, op.x.type.shape, whole.type.rank
    over = set(range(1, rank + 1)) - set(op.axes)  # what is not averaged, besides the batch
    if rank < 3 or op.x.type.rank != rank + 1 or len(over) != 1 or 0 in op.axes:
        return None
    for axis in (1, rank - 1):
        groups = apart[axis]
        split = (*shape[:axis], *apart[axis : axis + 2], *shape[axis + 1 :])
        if over == {axis} and apart == split and isinstance(groups, int):
            return whole, groups, -1 if axis == rank - 1 else axis
    return None


@lower(core.L2Norm)
def l2_norm(op: core.L2Norm) -> Value:
    """x * rsqrt(sum of squares + epsilon)."""
    squares = ops.Square(op.x, result_types=op.x.type).result
    total = ops.Sum(squares, op.axes, True, result_types=_reduced(op.x, op.axes)).result
    return _divided(op.x, total, op.epsilon)


def _divided(x: Value, squares: Value, epsilon: float) -> Value:
    """x / sqrt(squares + epsilon)."""
    small = squares.type
    if epsilon:
        squares = ops.Add(squares, scalar(epsilon, x), result_types=small).result
    root = ops.Sqrt(squares, result_types=small).result
    return ops.Divide(x, root, result_types=x.type).result


def _reduced(x: Value, axes: tuple[int, ...]) -> Tensor:
    return x.type.with_shape(1 if i in axes else dim for i, dim in enumerate(x.type.shape))


@lower(core.LocalResponseNorm)
def local_response_norm(op: core.LocalResponseNorm) -> Value:
    """x / (k + alpha / size * sum of neighbours' squares) ** beta; the sum is a matrix product."""
    rank, axis = op.x.type.rank, op.axis
    if axis != rank - 1:
        order = (*(i for i in range(rank) if i != axis), axis)
        back = tuple(order.index(i) for i in range(rank))
        y = _across_channels(op, transposed(op.x, order))
        return transposed(y, back)
    return _across_channels(op, op.x)


def _across_channels(op: core.LocalResponseNorm, x: Value) -> Value:
    count = x.type.shape[-1]
    require_fixed(isinstance(count, int), "Keras code needs a fixed number of channels here")
    assert isinstance(count, int)
    distance = np.arange(count)[:, None] - np.arange(count)[None, :]
    first = -(op.size // 2)
    band = (distance >= first) & (distance < first + op.size)
    weight = constant((band * (op.alpha / op.size)).astype(x.type.dtype.numpy))
    squares = ops.Square(x, result_types=x.type).result
    total = ops.Matmul(squares, weight, result_types=x.type).result
    total = ops.Add(total, scalar(op.k, x), result_types=x.type).result
    divisor = ops.Power(total, scalar(op.beta, x), result_types=x.type).result
    return ops.Divide(x, divisor, result_types=x.type).result
