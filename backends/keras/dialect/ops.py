"""The namespace of `keras.ops`, whose functions run on every backend that Keras has."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from ....ir.types import DType
from . import math, positions
from .base import KerasOp
from .math import *  # noqa: F403  the namespace is one, in three files
from .math import Binary, Unary
from .positions import *  # noqa: F403

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
    """The index of the largest element; the first of equal ones."""

    axis: int = attr()
    keepdims: bool = attr(default=False)


class Argmin(Unary, call="keras.ops.argmin"):
    """The index of the smallest element; the first of equal ones."""

    axis: int = attr()
    keepdims: bool = attr(default=False)


class ZerosLike(Unary, call="keras.ops.zeros_like"):
    """Zeros of the same shape."""

    dtype: DType | None = attr(default=None)


# -- shapes ----------------------------------------------------------------------------------------


class Getitem(Unary, call="operator.getitem"):
    """x[key]: key is the text between the brackets."""

    key: str = attr()


class Reshape(Unary, call="keras.ops.reshape"):
    """Reshapes; -1 follows from the others."""

    newshape: tuple[int, ...] = attr()


class Transpose(Unary, call="keras.ops.transpose"):
    """Permutes dimensions."""

    axes: tuple[int, ...] = attr()


class ExpandDims(Unary, call="keras.ops.expand_dims"):
    """Inserts dimensions of 1."""

    axis: tuple[int, ...] = attr()


class Squeeze(Unary, call="keras.ops.squeeze"):
    """Removes dimensions of 1."""

    axis: tuple[int, ...] = attr()


class Concatenate(KerasOp, call="keras.ops.concatenate"):
    """Joins along a dimension."""

    xs: tuple[Value, ...] = operand()
    axis: int = attr()


class Stack(KerasOp, call="keras.ops.stack"):
    """Joins along a new dimension."""

    x: tuple[Value, ...] = operand()
    axis: int = attr()


class Split(Unary, call="keras.ops.split"):
    """Splits before the given indices."""

    indices_or_sections: tuple[int, ...] = attr()
    axis: int = attr()


class SplitEvenly(Unary, call="keras.ops.split", variant="evenly"):
    """Splits into a number of equal parts."""

    indices_or_sections: int = attr()
    axis: int = attr()


class Unstack(Unary, call="keras.ops.unstack"):
    """The parts along a dimension, without it."""

    axis: int = attr()


class Roll(Unary, call="keras.ops.roll"):
    """Shifts elements along dimensions; those that leave at one end come in at the other."""

    shift: tuple[int, ...] = attr()
    axis: tuple[int, ...] = attr()


class Pad(Unary, call="keras.ops.pad"):
    """Pads by (before, after) of each dimension."""

    pad_width: tuple[tuple[int, int], ...] = attr()
    mode: str = attr(default="constant")
    constant_values: float | None = attr(default=None)


class Tile(Unary, call="keras.ops.tile"):
    """Repeats along each dimension."""

    repeats: tuple[int, ...] = attr()


class Flip(Unary, call="keras.ops.flip"):
    """Reverses along dimensions."""

    axis: tuple[int, ...] = attr()


class BroadcastTo(Unary, call="keras.ops.broadcast_to"):
    """Repeats dimensions of 1."""

    shape: tuple[int, ...] = attr()


class OnesLike(Unary, call="keras.ops.ones_like"):
    """1 everywhere, in the shape of a tensor."""

    dtype: DType | None = attr(default=None)


# -- products and pixels ---------------------------------------------------------------------------


class Matmul(Binary, call="keras.ops.matmul"):
    """The matrix product of the last two dimensions."""

    infix = "@"


class DotProductAttention(KerasOp, call="keras.ops.dot_product_attention"):
    """softmax(query @ key^T * scale + bias) @ value; [batch, time, heads, features].

    No query sees keys where the mask [batch, heads, time of queries, time of keys] is false, nor,
    if it is causal, later ones.
    """

    query: Value = operand()
    key: Value = operand()
    value: Value = operand()
    bias: Value | None = operand(default=None)
    mask: Value | None = operand(default=None)
    scale: float | None = attr(default=None)
    is_causal: bool = attr(default=False)


class Conv(KerasOp, call="keras.ops.conv"):
    """Convolution, channels-last."""

    inputs: Value = operand()
    kernel: Value = operand()
    strides: tuple[int, ...] = attr(default=(1,))
    padding: str = attr(default="valid")
    dilation_rate: tuple[int, ...] = attr(default=(1,))


class DepthToSpace(Unary, call="keras.ops.depth_to_space"):
    """Channels to blocks of pixels, numbered by the position in the block first."""

    block_size: int = attr()


class SpaceToDepth(Unary, call="keras.ops.space_to_depth"):
    """Blocks of pixels to channels, numbered by the position in the block first."""

    block_size: int = attr()


class Interpolate(KerasOp, call="interpolate"):
    """Resizes [N, H, W, C] on a grid that Keras doesn't have; the generated code defines it."""

    images: Value = operand()
    target_size: tuple[int, ...] = attr()
    step: tuple[float, ...] = attr()
    first: tuple[float, ...] = attr(default=(0.0, 0.0))


OPS = (
    *math.OPS,
    *positions.OPS,
    *(Sum, Prod, Mean, Max, Min, Logsumexp, Argmax, Argmin, ZerosLike),
    *(Getitem, Reshape, Transpose, ExpandDims, Squeeze, Concatenate, Stack, Split, SplitEvenly),
    *(Unstack, Roll),
    *(Pad, Tile, Flip, BroadcastTo, OnesLike, Matmul, DotProductAttention),
    *(Conv, DepthToSpace, SpaceToDepth, Interpolate),
)
