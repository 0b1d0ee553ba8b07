"""Folds per-channel arithmetic into the weights of the op before it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..ir.attributes import Layout
from ..ir.dialects.builtin import Const, Constant, array_of, constant
from ..ir.dialects.core import conv, elementwise, linear
from ..ir.dialects.core.norm import BatchNorm
from ..ir.rewrite import replace
from ..ir.ssa import Op, Value
from ..ir.types import Array
from ..ir.weights.resources import LazyResource, Resource, content_digest
from .manager import PatternPass
from .patterns import Rewrite, no, pattern

Producer = conv.Conv | conv.ConvTranspose | linear.Linear
# A constant per channel as (scale, shift), either of which may be missing.
Parts = Callable[[Array], tuple[Array | None, Array | None]]


@pattern(BatchNorm)
def batch_norm_into_producer(op: BatchNorm) -> Rewrite:
    """batch_norm(conv(x, w, b), μ, σ², γ, β) → conv(x, w·s, (b - μ)·s + β), s = γ / √(σ² + ε)."""
    producer = op.x.op
    if not isinstance(producer, Producer):
        return None
    if op.axis != channel_axis(producer):
        return no("it does not normalize along the channels")
    arrays = [array_of(value) for value in (op.mean, op.variance, op.gamma, op.beta)]
    known = [array for array in arrays if array is not None]
    if len(known) != 4:
        return no("its statistics are not constants")
    # In double precision: the result is rounded to the weights' precision once.
    mean, variance, gamma, beta = (array.astype(np.float64) for array in known)
    scale = gamma / np.sqrt(variance + op.epsilon)
    return scale_and_shift(producer, scale, beta - mean * scale)


@pattern(elementwise.Mul)
def scale_into_producer(op: elementwise.Mul) -> Rewrite:
    """conv(x, w, b) * s → conv(x, w·s, b·s) for a constant per channel."""
    return _fold_constant(op, op.x, op.y, lambda vector: (vector, None))


@pattern(elementwise.Add)
def shift_into_producer(op: elementwise.Add) -> Rewrite:
    """conv(x, w, b) + t → conv(x, w, b + t) for a constant per channel."""
    return _fold_constant(op, op.x, op.y, lambda vector: (None, vector))


@pattern(elementwise.Sub)
def subtraction_into_producer(op: elementwise.Sub) -> Rewrite:
    """conv(x, w, b) - t → conv(x, w, b - t) for a constant per channel."""
    return _fold_constant(op, op.x, op.y, lambda vector: (None, -vector))


@pattern(elementwise.RealDiv)
def division_into_producer(op: elementwise.RealDiv) -> Rewrite:
    """conv(x, w, b) / s → conv(x, w/s, b/s) for a constant per channel."""
    return _fold_constant(op, op.x, op.y, lambda vector: (1 / vector, None))


def _fold_constant(op: Op, x: Value, y: Value, parts: Parts) -> Rewrite:
    producer = x.op
    if not isinstance(producer, Producer) or not isinstance(y, Const):
        return None
    if x.type != op.result.type:
        return no("the constant broadcasts the result")
    vector = channel_vector(y, x.type.rank, channel_axis(producer), _channels(producer))
    if vector is None:
        return no("the constant is not one number for each channel")
    with np.errstate(all="ignore"):
        scale, shift = parts(vector)
    if scale is not None and not np.isfinite(scale).all():
        return no("the scale is not finite")
    return scale_and_shift(producer, scale, shift)


def channel_axis(producer: Producer) -> int:
    """The result's channel dimension."""
    rank = producer.result.type.rank
    if isinstance(producer, linear.Linear):
        return rank - 1
    return producer.layout.channel_axis(rank)


def _channels(producer: Producer) -> int | None:
    dim = producer.result.type.shape[channel_axis(producer)]
    return dim if isinstance(dim, int) else None


def channel_vector(value: Value, rank: int, axis: int, channels: int | None) -> Array | None:
    """A constant that varies along `axis` only, as f64 [channels]; None if it varies elsewhere."""
    array = array_of(value)
    if array is None or channels is None:
        return None
    sizes = (1,) * (rank - array.ndim) + array.shape
    others = [size for position, size in enumerate(sizes) if position != axis]
    if any(size != 1 for size in others) or sizes[axis] not in (1, channels):
        return None
    return np.broadcast_to(array.astype(np.float64).ravel(), (channels,))


def scale_and_shift(producer: Producer, scale: Array | None, shift: Array | None) -> Rewrite:
    """The producer with new weights: scale * (x * w + b) + shift."""
    if not producer.result.has_one_use:
        return no("the producer has another user")
    weight = producer.weight.op
    if not isinstance(weight, Constant):
        return no("the weights are not constants")
    if scale is not None and weight.value.compressed:
        return no("the weights stay compressed")
    bias = None
    if producer.bias is not None:
        bias = array_of(producer.bias)
        if bias is None:
            return no("the bias is not a constant")
    channels = _channels(producer)
    assert channels is not None
    total = np.zeros(channels) if bias is None else bias.astype(np.float64)
    changes: dict[str, Value] = {}
    if scale is not None:
        total = total * scale
        factor = _over_outputs(producer, scale, weight.value.type.rank)
        changes["weight"] = constant(_scaled(weight.value, factor), producer.weight.name)
    if shift is not None:
        total = total + shift
    if bias is not None or shift is not None:
        dtype = weight.value.type.dtype.numpy
        numbers = total.astype(dtype)
        # Where one layer is used twice and folded alike, it stays one layer.
        origin = weight.value.derived("bias", content_digest(numbers))
        changes["bias"] = constant(numbers, _bias_name(producer), origin)
    return replace(producer, **changes).result


def _scaled(weight: Resource, factor: Array) -> Resource:
    """The product, computed when it is read, so that only one copy of large weights exists."""

    def load() -> Array:
        product = (weight.array() * factor).astype(weight.type.dtype.numpy)
        weight.release()
        return product

    origin = weight.derived("scaled", factor.shape, content_digest(factor))
    return LazyResource(weight.type, load, weight.name, origin)


def _bias_name(producer: Producer) -> str:
    if producer.bias is not None:
        return _weight_name(producer.bias)
    return _weight_name(producer.weight).removesuffix(".weight") + ".bias"


def _weight_name(value: Value) -> str:
    """What the model calls the weight; the value, if it says nothing."""
    return (value.op.value.name if isinstance(value.op, Constant) else "") or value.name


def _over_outputs(producer: Producer, scale: Array, rank: int) -> Array:
    """A vector per output channel, shaped to multiply the producer's weight."""
    if isinstance(producer, linear.Linear):
        return scale[:, None]
    first = producer.layout is Layout.CHANNELS_FIRST
    if isinstance(producer, conv.Conv):
        return scale.reshape(-1, *(1,) * (rank - 1)) if first else scale
    # Transposed: [C, O / groups, …]; the channels of group g are the rows of inputs of group g.
    groups, inputs = producer.groups, producer.weight.type.static_shape[0 if first else -1]
    per_input = np.repeat(scale.reshape(groups, -1), inputs // groups, axis=0)
    if first:
        return per_input.reshape(inputs, -1, *(1,) * (rank - 2))
    return per_input.T


@dataclass(frozen=True)
class FoldBatchNorm(PatternPass):
    """Fold inference-time batch normalization into the producing convolution or linear."""

    name = "fold-batch-norm"
    patterns = (batch_norm_into_producer,)


@dataclass(frozen=True)
class FoldScale(PatternPass):
    """Fold scales and biases per channel into the producing convolution or linear."""

    name = "fold-scale"
    patterns = (
        scale_into_producer,
        shift_into_producer,
        subtraction_into_producer,
        division_into_producer,
    )
