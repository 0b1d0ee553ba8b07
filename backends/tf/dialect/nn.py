"""Convolution, pooling, activations, images, recurrence and detection."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from .base import TfOp

# "SAME", "VALID", or ((before, after) for every dimension).
Padding = str | tuple[tuple[int, ...], ...]


class Conv2d(TfOp, call="tf.nn.conv2d"):
    """2-D convolution, NHWC; filters [H, W, in / groups, out]."""

    input: Value = operand()
    filters: Value = operand()
    strides: tuple[int, ...] = attr()
    padding: Padding = attr()
    dilations: tuple[int, ...] = attr(default=(1, 1))


class DepthwiseConv2d(TfOp, call="tf.nn.depthwise_conv2d"):
    """Depthwise convolution, NHWC; filter [H, W, in, multiplier]."""

    input: Value = operand()
    filter: Value = operand()
    strides: tuple[int, ...] = attr()
    padding: Padding = attr()
    dilations: tuple[int, ...] = attr(default=(1, 1))


class Convolution(TfOp, call="tf.nn.convolution"):
    """1-D or 3-D convolution, channels last; filters [*kernel, in / groups, out]."""

    input: Value = operand()
    filters: Value = operand()
    strides: tuple[int, ...] = attr()
    padding: str = attr()
    dilations: tuple[int, ...] = attr(default=())


class ConvTranspose(TfOp, call="kernels.conv_transpose"):
    """Transposed convolution, channels last; the full result, uncropped."""

    input: Value = operand()
    filters: Value = operand()
    strides: tuple[int, ...] = attr()


class BiasAdd(TfOp, call="tf.nn.bias_add"):
    """Adds a vector along the last dimension."""

    value: Value = operand()
    bias: Value = operand()


class MaxPool(TfOp, call="tf.nn.max_pool"):
    """Largest of each window."""

    input: Value = operand()
    ksize: tuple[int, ...] = attr()
    strides: tuple[int, ...] = attr()
    padding: str = attr()


class AvgPool(TfOp, call="tf.nn.avg_pool"):
    """Mean of each window."""

    input: Value = operand()
    ksize: tuple[int, ...] = attr()
    strides: tuple[int, ...] = attr()
    padding: str = attr()


class _Features(TfOp):
    """Base of calls on `features`."""

    features: Value = operand()


class Relu(_Features, call="tf.nn.relu"):
    """max(x, 0)."""


class Relu6(_Features, call="tf.nn.relu6"):
    """min(max(x, 0), 6)."""


class LeakyRelu(_Features, call="tf.nn.leaky_relu"):
    """x, or alpha * x below 0."""

    alpha: float = attr()


class Elu(_Features, call="tf.nn.elu"):
    """x, or exp(x) - 1 below 0."""


class Softplus(_Features, call="tf.math.softplus"):
    """log(1 + exp(x))."""


class Softsign(_Features, call="tf.nn.softsign"):
    """x / (1 + |x|)."""


class Silu(_Features, call="tf.nn.silu"):
    """x * sigmoid(x)."""


class Gelu(_Features, call="tf.nn.gelu"):
    """Gaussian error linear unit."""

    approximate: bool = attr()


class ExactGelu(_Features, call="kernels.exact_gelu"):
    """Gaussian error linear unit by erf: faster than the library's, and more widely read."""


class Sigmoid(TfOp, call="tf.sigmoid"):
    """1 / (1 + exp(-x))."""

    x: Value = operand()


class Softmax(TfOp, call="tf.nn.softmax"):
    """exp(x) / sum(exp(x))."""

    logits: Value = operand()
    axis: int = attr()


class DepthToSpace(TfOp, call="tf.nn.depth_to_space"):
    """Channels to blocks of pixels, NHWC; the output channel is the last part of the number."""

    input: Value = operand()
    block_size: int = attr()


class SpaceToDepth(TfOp, call="tf.nn.space_to_depth"):
    """Blocks of pixels to channels, NHWC."""

    input: Value = operand()
    block_size: int = attr()


class LocalResponseNorm(TfOp, call="kernels.local_response_norm"):
    """Normalization across neighbouring channels along any dimension."""

    x: Value = operand()
    size: int = attr()
    alpha: float = attr()
    beta: float = attr()
    k: float = attr()
    axis: int = attr()


class ResizeNearestNeighbor(TfOp, call="tf.raw_ops.ResizeNearestNeighbor"):
    """Nearest-neighbour resampling of both spatial dimensions, NHWC."""

    images: Value = operand()
    size: Value = operand()
    align_corners: bool = attr(default=False)
    half_pixel_centers: bool = attr(default=False)


class ResizeBilinear(TfOp, call="tf.raw_ops.ResizeBilinear"):
    """Bilinear resampling of both spatial dimensions, NHWC."""

    images: Value = operand()
    size: Value = operand()
    align_corners: bool = attr(default=False)
    half_pixel_centers: bool = attr(default=False)


class Resample(TfOp, call="kernels.resample"):
    """Resampling of one dimension whose size is known only at run time."""

    x: Value = operand()
    axis: int = attr()
    count: int = attr()
    mode: str = attr()
    coordinates: str = attr()


class CropResize(TfOp, call="kernels.crop_resize"):
    """Boxes cropped from images, each resampled to one size, NHWC."""

    x: Value = operand()
    boxes: Value = operand()
    box_indices: Value | None = operand(default=None)
    size: tuple[int, ...] = attr(default=(1, 1))
    normalized: bool = attr(default=False)
    spatial_scale: float = attr(default=1.0)
    box_mode: str = attr(default="corners_height_first")
    coordinates: str = attr(default="default")
    pad_value: float = attr(default=0.0)


class Lstm(TfOp, call="kernels.lstm"):
    """An LSTM as a while loop over time; weights transposed to [I, 4H] and [H, 4H]."""

    x: Value = operand()
    weight_x: Value = operand()
    weight_h: Value = operand()
    bias: Value | None = operand(default=None)
    initial_h: Value | None = operand(default=None)
    initial_c: Value | None = operand(default=None)
    peephole: Value | None = operand(default=None)
    activations: tuple[str, ...] = attr(default=("sigmoid", "tanh", "tanh"))
    coupled: bool = attr(default=False)
    cell_clip: float = attr(default=0.0)
    gate_clip: float = attr(default=0.0)


class BlockLstm(TfOp, call="kernels.block_lstm"):
    """An LSTM that TensorFlow has one op for; a while loop in files that other programs read.

    The weight is [I + H, 4H], and the gates are in the op's order: input, forget, cell, output.
    """

    x: Value = operand()
    weight: Value = operand()
    bias: Value | None = operand(default=None)
    initial_h: Value | None = operand(default=None)
    initial_c: Value | None = operand(default=None)
    peephole: Value | None = operand(default=None)
    cell_clip: float = attr(default=0.0)


class Gru(TfOp, call="kernels.gru"):
    """A GRU as a while loop over time; weights transposed to [I, 3H] and [H, 3H]."""

    x: Value = operand()
    weight_x: Value = operand()
    weight_h: Value = operand()
    bias: Value | None = operand(default=None)
    initial_h: Value | None = operand(default=None)
    bias_h: Value | None = operand(default=None)
    activations: tuple[str, ...] = attr(default=("sigmoid", "tanh"))
    reset_after: bool = attr(default=False)
    gate_clip: float = attr(default=0.0)


class Rnn(TfOp, call="kernels.rnn"):
    """A simple RNN as a while loop over time; weights transposed to [I, H] and [H, H]."""

    x: Value = operand()
    weight_x: Value = operand()
    weight_h: Value = operand()
    bias: Value | None = operand(default=None)
    initial_h: Value | None = operand(default=None)
    activation: str = attr(default="tanh")
    gate_clip: float = attr(default=0.0)


class NonMaxSuppression(TfOp, call="kernels.non_max_suppression"):
    """The best boxes that don't overlap."""

    boxes: Value = operand()
    scores: Value = operand()
    iou_threshold: Value = operand()
    score_threshold: Value = operand()
    max_boxes: Value = operand()
    per_class: bool = attr()


class PairwiseCoupling(TfOp, call="kernels.pairwise_coupling"):
    """Probabilities of classes from the log-odds of pairs."""

    x: Value = operand()


OPS = (
    *(Conv2d, DepthwiseConv2d, Convolution, ConvTranspose, BiasAdd, MaxPool, AvgPool),
    *(Relu, Relu6, LeakyRelu, Elu, Softplus, Softsign, Silu, Gelu, ExactGelu, Sigmoid, Softmax),
    *(DepthToSpace, SpaceToDepth),
    *(LocalResponseNorm, ResizeNearestNeighbor, ResizeBilinear, Resample, CropResize),
    *(BlockLstm, Lstm, Gru, Rnn),
    *(NonMaxSuppression, PairwiseCoupling),
)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
