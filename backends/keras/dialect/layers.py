"""The namespace of layers: those with weights, and others that are usually written as layers."""

from typing import ClassVar

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from . import lookup, recurrent, weighted
from .base import KerasLayer
from .lookup import *  # noqa: F403  the namespace is one, in four files
from .recurrent import *  # noqa: F403
from .weighted import *  # noqa: F403

# -- pooling ---------------------------------------------------------------------------------------


class Pooling(KerasLayer):
    """Base of pooling over windows, channels-last."""

    positional = ("pool_size",)

    inputs: Value = operand()
    pool_size: tuple[int, ...] = attr()
    strides: tuple[int, ...] | None = attr(default=None)
    padding: str = attr(default="valid")


class MaxPooling1D(Pooling, call="keras.layers.MaxPooling1D"):
    """The largest of each window."""


class MaxPooling2D(Pooling, call="keras.layers.MaxPooling2D"):
    """The largest of each window."""


class MaxPooling3D(Pooling, call="keras.layers.MaxPooling3D"):
    """The largest of each window."""


class AveragePooling1D(Pooling, call="keras.layers.AveragePooling1D"):
    """The mean of each window, without padding."""


class AveragePooling2D(Pooling, call="keras.layers.AveragePooling2D"):
    """The mean of each window, without padding."""


class AveragePooling3D(Pooling, call="keras.layers.AveragePooling3D"):
    """The mean of each window, without padding."""


class GlobalPooling(KerasLayer):
    """Base of reductions of all pixels."""

    inputs: Value = operand()
    keepdims: bool = attr(default=False)


class GlobalAveragePooling1D(GlobalPooling, call="keras.layers.GlobalAveragePooling1D"):
    """The mean of all steps."""


class GlobalAveragePooling2D(GlobalPooling, call="keras.layers.GlobalAveragePooling2D"):
    """The mean of all pixels."""


class GlobalMaxPooling1D(GlobalPooling, call="keras.layers.GlobalMaxPooling1D"):
    """The largest of all steps."""


class GlobalMaxPooling2D(GlobalPooling, call="keras.layers.GlobalMaxPooling2D"):
    """The largest of all pixels."""


# -- padding and sizes -----------------------------------------------------------------------------


class Border(KerasLayer):
    """Base of padding and cropping layers: (before, after) for each spatial dimension."""

    positional: ClassVar[tuple[str, ...]] = ("padding",)

    inputs: Value = operand()
    padding: tuple[tuple[int, int], ...] = attr()


class ZeroPadding1D(Border, call="keras.layers.ZeroPadding1D"):
    """Pads with zeros."""


class ZeroPadding2D(Border, call="keras.layers.ZeroPadding2D"):
    """Pads with zeros."""


class ZeroPadding3D(Border, call="keras.layers.ZeroPadding3D"):
    """Pads with zeros."""


class Cropping(KerasLayer):
    """Base of cropping layers."""

    positional = ("cropping",)

    inputs: Value = operand()
    cropping: tuple[tuple[int, int], ...] = attr()


class Cropping1D(Cropping, call="keras.layers.Cropping1D"):
    """Crops."""


class Cropping2D(Cropping, call="keras.layers.Cropping2D"):
    """Crops."""


class Cropping3D(Cropping, call="keras.layers.Cropping3D"):
    """Crops."""


class UpSampling2D(KerasLayer, call="keras.layers.UpSampling2D"):
    """Repeats every pixel."""

    positional = ("size",)

    inputs: Value = operand()
    size: tuple[int, ...] = attr(default=(2,))
    interpolation: str = attr(default="nearest")


class Resizing(KerasLayer, call="keras.layers.Resizing"):
    """Resizes images to a fixed size; pixels are squares, and both images have the same edges."""

    positional = ("height", "width")

    inputs: Value = operand()
    height: int = attr()
    width: int = attr()
    interpolation: str = attr(default="bilinear")


# -- activations -----------------------------------------------------------------------------------


class Activation(KerasLayer, call="keras.layers.Activation"):
    """A function by its name."""

    positional = ("activation",)

    inputs: Value = operand()
    activation: str = attr()


class ReLU(KerasLayer, call="keras.layers.ReLU"):
    """max(x, 0), limited to max_value."""

    positional = ("max_value",)

    inputs: Value = operand()
    max_value: float | None = attr(default=None)
    negative_slope: float = attr(default=0.0)
    threshold: float = attr(default=0.0)


class LeakyReLU(KerasLayer, call="keras.layers.LeakyReLU"):
    """x, or negative_slope * x below 0."""

    inputs: Value = operand()
    negative_slope: float = attr(default=0.3)


class ELU(KerasLayer, call="keras.layers.ELU"):
    """x, or alpha * (exp(x) - 1) below 0."""

    inputs: Value = operand()
    alpha: float = attr(default=1.0)


class Softmax(KerasLayer, call="keras.layers.Softmax"):
    """exp(x) / sum(exp(x))."""

    inputs: Value = operand()
    axis: int = attr(default=-1)


# -- merging and shapes ----------------------------------------------------------------------------


class Merge(KerasLayer):
    """Base of layers that take a list."""

    listed = True

    inputs: tuple[Value, ...] = operand()


class Add(Merge, call="keras.layers.Add"):
    """The sum."""


class Multiply(Merge, call="keras.layers.Multiply"):
    """The product."""


class Subtract(Merge, call="keras.layers.Subtract"):
    """The difference."""


class Maximum(Merge, call="keras.layers.Maximum"):
    """The larger element."""


class Minimum(Merge, call="keras.layers.Minimum"):
    """The smaller element."""


class Concatenate(Merge, call="keras.layers.Concatenate"):
    """Joins along a dimension."""

    axis: int = attr(default=-1)


class Reshape(KerasLayer, call="keras.layers.Reshape"):
    """Reshapes every example."""

    positional = ("target_shape",)

    inputs: Value = operand()
    target_shape: tuple[int, ...] = attr()


class Flatten(KerasLayer, call="keras.layers.Flatten"):
    """Flattens every example to a vector."""

    inputs: Value = operand()


class Permute(KerasLayer, call="keras.layers.Permute"):
    """Permutes dimensions, counted from 1; the batch stays."""

    positional = ("dims",)

    inputs: Value = operand()
    dims: tuple[int, ...] = attr()


class Rescaling(KerasLayer, call="keras.layers.Rescaling"):
    """inputs * scale + offset, as float; per channel if they have several numbers."""

    positional = ("scale",)

    inputs: Value = operand()
    scale: tuple[float, ...] = attr()
    offset: tuple[float, ...] = attr(default=(0.0,))


OPS = (
    *weighted.OPS,
    *recurrent.OPS,
    *lookup.OPS,
    *(MaxPooling1D, MaxPooling2D, MaxPooling3D),
    *(AveragePooling1D, AveragePooling2D, AveragePooling3D),
    *(GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalMaxPooling1D, GlobalMaxPooling2D),
    *(ZeroPadding1D, ZeroPadding2D, ZeroPadding3D, Cropping1D, Cropping2D, Cropping3D),
    *(UpSampling2D, Resizing, Activation, ReLU, LeakyReLU, ELU, Softmax),
    *(Add, Multiply, Subtract, Maximum, Minimum, Concatenate),
    *(Reshape, Flatten, Permute, Rescaling),
)
