"""The namespace of `keras.ops`, whose functions run on every backend that Keras has."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from . import math
from .base import KerasOp
from .math import *  # noqa: F403  the namespace is one, in two files
from .math import Binary, Unary

# -- reductions ------------------------------------------------------------------------------------


class Reduction(Unary):
    """Base of reductions."""

    axis: tuple[int, ...] = attr()
    keepdims: bool = attr(default=False)


class Sum(Reduction, call="keras.ops.sum"):
    """The sum."""


class Prod(Reduction, call="keras.ops.prod"):
    """The product."""


class Mean(Reduction, call="keras.ops.mean"):
    """The mean."""


class Max(Reduction, call="keras.ops.max"):
    """The largest element."""


class Min(Reduction, call="keras.ops.min"):
    """The smallest element."""


class Logsumexp(Reduction, call="keras.ops.logsumexp"):
    """log(sum(exp(x)))."""


class Argmax(Unary, call="keras.ops.argmax"):
    """Where the largest element is, the first of equal ones."""

    axis: int = attr()
    keepdims: bool = attr(default=False)


class Argmin(Unary, call="keras.ops.argmin"):
    """Where the smallest element is, the first of equal ones."""

    axis: int = attr()
    keepdims: bool = attr(default=False)


class ZerosLike(Unary, call="keras.ops.zeros_like"):
    """Zeros of the same shape."""


# -- shapes ----------------------------------------------------------------------------------------


class GetItem(Unary, call="operator.getitem", name="keras.getitem"):
    """x[key]: key is the text between the brackets."""

    key: str = attr()


class Reshape(Unary, call="keras.ops.reshape", name="keras.ops.reshape"):
    """Another shape; -1 is what the others leave."""

    newshape: tuple[int, ...] = attr()


class Transpose(Unary, call="keras.ops.transpose"):
    """Dimensions in another order."""

    axes: tuple[int, ...] = attr()


class ExpandDims(Unary, call="keras.ops.expand_dims"):
    """New extents of 1."""

    axis: tuple[int, ...] = attr()


class Squeeze(Unary, call="keras.ops.squeeze"):
    """Extents of 1 removed."""

    axis: tuple[int, ...] = attr()


class Concatenate(KerasOp, call="keras.ops.concatenate"):
    """Joined along a dimension."""

    xs: tuple[Value, ...] = operand()
    axis: int = attr()


class Stack(KerasOp, call="keras.ops.stack"):
    """Joined along a new dimension."""

    x: tuple[Value, ...] = operand()
    axis: int = attr()


class Split(Unary, call="keras.ops.split"):
    """Cut before the given positions."""

    indices_or_sections: tuple[int, ...] = attr()
    axis: int = attr()


class SplitEvenly(Unary, call="keras.ops.split", name="keras.ops.split_evenly"):
    """Cut into so many equal parts."""

    indices_or_sections: int = attr()
    axis: int = attr()


class Pad(Unary, call="keras.ops.pad"):
    """A border: (before, after) of each dimension."""

    pad_width: tuple[tuple[int, int], ...] = attr()
    mode: str = attr(default="constant")
    constant_values: float | None = attr(default=None)


class Tile(Unary, call="keras.ops.tile"):
    """Repeated along each dimension."""

    repeats: tuple[int, ...] = attr()


class Flip(Unary, call="keras.ops.flip"):
    """Backwards along dimensions."""

    axis: tuple[int, ...] = attr()


class BroadcastTo(Unary, call="keras.ops.broadcast_to"):
    """Extents of 1 repeated."""

    shape: tuple[int, ...] = attr()


# -- indices and products --------------------------------------------------------------------------


class Take(KerasOp, call="keras.ops.take"):
    """Slices along a dimension."""

    x: Value = operand()
    indices: Value = operand()
    axis: int = attr()


class Matmul(Binary, call="keras.ops.matmul"):
    """The matrix product of the last two dimensions."""

    infix = "@"


class DotProductAttention(KerasOp, call="keras.ops.dot_product_attention"):
    """softmax(query @ key^T * scale + bias) @ value; [batch, time, heads, features]."""

    query: Value = operand()
    key: Value = operand()
    value: Value = operand()
    bias: Value | None = operand(default=None)
    scale: float | None = attr(default=None)


OPS = (
    *math.OPS,
    *(Sum, Prod, Mean, Max, Min, Logsumexp, Argmax, Argmin, ZerosLike),
    *(GetItem, Reshape, Transpose, ExpandDims, Squeeze, Concatenate, Stack, Split, SplitEvenly),
    *(Pad, Tile, Flip, BroadcastTo, Take, Matmul, DotProductAttention),
)
