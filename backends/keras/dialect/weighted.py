"""Layers with weights."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from .base import KerasLayer

# -- convolutions ----------------------------------------------------------------------------------


class Conv(KerasLayer):
    """Base of convolutions, channels-last."""

    weights = ("kernel", "bias")
    positional = ("filters", "kernel_size")

    inputs: Value = operand()
    kernel: Value = operand()
    filters: int = attr()
    kernel_size: tuple[int, ...] = attr()
    bias: Value | None = operand(default=None)
    strides: tuple[int, ...] = attr(default=(1,))
    padding: str = attr(default="valid")
    dilation_rate: tuple[int, ...] = attr(default=(1,))
    groups: int = attr(default=1)
    activation: str | None = attr(default=None)
    use_bias: bool = attr(default=True)


class Conv1D(Conv, call="keras.layers.Conv1D"):
    """Convolution over one dimension."""


class Conv2D(Conv, call="keras.layers.Conv2D"):
    """Convolution over two dimensions."""


class Conv3D(Conv, call="keras.layers.Conv3D"):
    """Convolution over three dimensions."""


class SparseConv2D(Conv, call="SparseConv2D"):
    """Convolution whose dilation is about as large as the image, with the padding "same".

    The generated code defines the class, because TensorFlow takes long for such convolutions.
    """


class DepthwiseConv2D(KerasLayer, call="keras.layers.DepthwiseConv2D"):
    """A convolution of every channel by itself; kernel [height, width, C, multiplier]."""

    weights = ("kernel", "bias")
    positional = ("kernel_size",)

    inputs: Value = operand()
    kernel: Value = operand()
    kernel_size: tuple[int, ...] = attr()
    bias: Value | None = operand(default=None)
    strides: tuple[int, ...] = attr(default=(1,))
    padding: str = attr(default="valid")
    depth_multiplier: int = attr(default=1)
    dilation_rate: tuple[int, ...] = attr(default=(1,))
    activation: str | None = attr(default=None)
    use_bias: bool = attr(default=True)


class SeparableConv2D(KerasLayer, call="keras.layers.SeparableConv2D"):
    """A depthwise convolution, then one of single pixels."""

    weights = ("depthwise_kernel", "pointwise_kernel", "bias")
    positional = ("filters", "kernel_size")

    inputs: Value = operand()
    depthwise_kernel: Value = operand()
    pointwise_kernel: Value = operand()
    filters: int = attr()
    kernel_size: tuple[int, ...] = attr()
    bias: Value | None = operand(default=None)
    strides: tuple[int, ...] = attr(default=(1,))
    padding: str = attr(default="valid")
    dilation_rate: tuple[int, ...] = attr(default=(1,))
    depth_multiplier: int = attr(default=1)
    activation: str | None = attr(default=None)
    use_bias: bool = attr(default=True)


class ConvTranspose(KerasLayer):
    """Base of transposed convolutions; kernel [*size, output channels, input channels]."""

    weights = ("kernel", "bias")
    positional = ("filters", "kernel_size")

    inputs: Value = operand()
    kernel: Value = operand()
    filters: int = attr()
    kernel_size: tuple[int, ...] = attr()
    bias: Value | None = operand(default=None)
    strides: tuple[int, ...] = attr(default=(1,))
    padding: str = attr(default="valid")
    activation: str | None = attr(default=None)
    use_bias: bool = attr(default=True)


class Conv1DTranspose(ConvTranspose, call="keras.layers.Conv1DTranspose"):
    """Transposed convolution over one dimension."""


class Conv2DTranspose(ConvTranspose, call="keras.layers.Conv2DTranspose"):
    """Transposed convolution over two dimensions."""


class Conv3DTranspose(ConvTranspose, call="keras.layers.Conv3DTranspose"):
    """Transposed convolution over three dimensions."""


# -- other layers with weights ---------------------------------------------------------------------


class Dense(KerasLayer, call="keras.layers.Dense"):
    """x @ kernel + bias over the last dimension; kernel [inputs, units]."""

    weights = ("kernel", "bias")
    positional = ("units",)

    inputs: Value = operand()
    kernel: Value = operand()
    units: int = attr()
    bias: Value | None = operand(default=None)
    activation: str | None = attr(default=None)
    use_bias: bool = attr(default=True)


class Embedding(KerasLayer, call="keras.layers.Embedding"):
    """Rows of a table."""

    weights = ("embeddings",)
    positional = ("input_dim", "output_dim")

    inputs: Value = operand()
    embeddings: Value = operand()
    input_dim: int = attr()
    output_dim: int = attr()


class BatchNormalization(KerasLayer, call="keras.layers.BatchNormalization"):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta; in training, of the batch."""

    weights = ("gamma", "beta", "moving_mean", "moving_variance")

    inputs: Value = operand()
    gamma: Value = operand()
    beta: Value = operand()
    moving_mean: Value = operand()
    moving_variance: Value = operand()
    axis: int = attr(default=-1)
    epsilon: float = attr(default=1e-3)


class LayerNormalization(KerasLayer, call="keras.layers.LayerNormalization"):
    """(x - mean) / sqrt(variance + epsilon) over the last dimensions, scaled and shifted."""

    weights = ("gamma", "beta")

    inputs: Value = operand()
    gamma: Value | None = operand(default=None)
    beta: Value | None = operand(default=None)
    axis: tuple[int, ...] = attr(default=(-1,))
    epsilon: float = attr(default=1e-3)
    center: bool = attr(default=True)
    scale: bool = attr(default=True)


class RMSNormalization(KerasLayer, call="keras.layers.RMSNormalization"):
    """x / sqrt(mean(x²) + epsilon) over the last dimension, scaled."""

    weights = ("scale",)

    inputs: Value = operand()
    scale: Value = operand()
    axis: int = attr(default=-1)
    epsilon: float = attr(default=1e-6)


class GroupNormalization(KerasLayer, call="keras.layers.GroupNormalization"):
    """The same over groups of the channels along `axis`, and all other dimensions but the first.

    -1 means as many groups as channels.
    """

    weights = ("gamma", "beta")

    inputs: Value = operand()
    gamma: Value | None = operand(default=None)
    beta: Value | None = operand(default=None)
    groups: int = attr(default=32)
    axis: int = attr(default=-1)
    epsilon: float = attr(default=1e-3)
    center: bool = attr(default=True)
    scale: bool = attr(default=True)


class MultiHeadAttention(KerasLayer, call="keras.layers.MultiHeadAttention"):
    """Attention of `query` [N, T, C] to `value` and `key` [N, S, D]; the key is the value if none.

    Kernels are [C or D, heads, depth], that of the output [heads, value depth, units]. The scores'
    scale is 1 / sqrt(key_dim). No query sees keys where the mask, broadcast to [N, heads, T, S], is
    false, nor, if it is causal, later ones.
    """

    named = ("key", "attention_mask")
    called = ("use_causal_mask",)

    weights = (
        *("query_kernel", "query_bias", "key_kernel", "key_bias"),
        *("value_kernel", "value_bias", "output_kernel", "output_bias"),
    )
    query: Value = operand()
    value: Value = operand()
    query_kernel: Value = operand()
    key_kernel: Value = operand()
    value_kernel: Value = operand()
    output_kernel: Value = operand()
    num_heads: int = attr()
    key_dim: int = attr()
    key: Value | None = operand(default=None)
    query_bias: Value | None = operand(default=None)
    key_bias: Value | None = operand(default=None)
    value_bias: Value | None = operand(default=None)
    output_bias: Value | None = operand(default=None)
    attention_mask: Value | None = operand(default=None)
    value_dim: int | None = attr(default=None)
    use_bias: bool = attr(default=True)
    output_shape: int | None = attr(default=None)
    use_causal_mask: bool = attr(default=False)


class PReLU(KerasLayer, call="keras.layers.PReLU"):
    """x, or alpha * x below 0."""

    weights = ("alpha",)

    inputs: Value = operand()
    alpha: Value = operand()
    shared_axes: tuple[int, ...] | None = attr(default=None)


class Weight(KerasLayer, call="Weight"):
    """A tensor that no layer of Keras holds; the generated code defines the class.

    Its input only determines its place in the graph.
    """

    weights = ("value",)
    positional = ("shape",)

    inputs: Value = operand()
    value: Value = operand()
    shape: tuple[int, ...] = attr()
    dtype: str = attr(default="float32")
    trainable: bool = attr(default=True)


OPS = (
    *(Conv1D, Conv2D, Conv3D, SparseConv2D, DepthwiseConv2D, SeparableConv2D),
    *(Conv1DTranspose, Conv2DTranspose, Conv3DTranspose, Dense, Embedding),
    *(
        BatchNormalization,
        LayerNormalization,
        RMSNormalization,
        GroupNormalization,
        MultiHeadAttention,
        PReLU,
        Weight,
    ),
)
__all__ = ["Conv", "ConvTranspose", *(op.__name__ for op in OPS)]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
