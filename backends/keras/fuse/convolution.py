"""Biases and activations inside of layers, and convolutions that are one layer."""

from ....ir.dialects.builtin import Constant
from ....ir.rewrite import replace
from ....ir.ssa import Op
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.weights import reshaped

_ACTIVATED = (
    *(layers.Conv, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.ConvTranspose),
    layers.Dense,
)


@pattern(ops.Add)
def bias_into_layer(op: ops.Add) -> Rewrite:
    """dense(x) + bias → dense(x, bias)."""
    source, bias = op.x1.op, op.x2
    if not isinstance(source, _ACTIVATED) or source.use_bias or source.activation is not None:
        return None
    if not isinstance(bias.op, Constant) or not bias.op.value.name:
        return None
    channels = op.result.type.shape[-1]
    if bias.type.shape[-1:] != (channels,) or bias.type.static_shape[:-1] != (1,) * (
        bias.type.rank - 1
    ):
        return no("it isn't one number for each channel")
    if not op.x1.has_one_use or bias.type.rank > op.x1.type.rank:
        return no("the layer's result is used without it, too")
    given = {"bias": reshaped(bias, bias.type.static_shape[-1:]), "use_bias": True}
    return replace(source, **given, result_types=op.result.type).result


@pattern(layers.ReLU, layers.Activation, layers.Softmax)
def activation_into_layer(op: Op) -> Rewrite:
    """relu(conv(x)) → conv(x, activation="relu")."""
    source = op.operands[0].op
    name = _name_of(op)
    if not isinstance(source, _ACTIVATED) or source.activation is not None or not name:
        return None
    if not op.operands[0].has_one_use:
        return no("the layer's result is used without the activation, too")
    return replace(source, activation=name, result_types=op.results[0].type).result


def _name_of(op: Op) -> str:
    """What an activation is called inside of a layer; empty if it has parameters."""
    match op:
        case layers.ReLU(_, None, 0.0, 0.0):
            return "relu"
        case layers.ReLU(_, 6.0, 0.0, 0.0):
            return "relu6"
        case layers.Activation(_, activation):
            return activation
        case layers.Softmax(_, -1):
            return "softmax"
        case _:
            return ""


@pattern(layers.Conv2D)
def separable(op: layers.Conv2D) -> Rewrite:
    """conv1x1(depthwise(x)) → separable_conv(x), with nothing in between."""
    match op.inputs.op:
        case layers.DepthwiseConv2D() as first if not first.use_bias and first.activation is None:
            pass
        case _:
            return None
    if set(op.kernel_size) != {1} or set(op.strides) != {1} or op.groups != 1:
        return None
    if not op.inputs.has_one_use:
        return no("the depthwise convolution has another user")
    return layers.SeparableConv2D(
        first.inputs,
        first.kernel,
        op.kernel,
        filters=op.filters,
        kernel_size=first.kernel_size,
        bias=op.bias,
        strides=first.strides,
        padding=first.padding,
        dilation_rate=first.dilation_rate,
        depth_multiplier=first.depth_multiplier,
        activation=op.activation,
        use_bias=op.use_bias,
        result_types=op.result.type,
    ).result


PATTERNS = (
    separable,
    bias_into_layer,
    activation_into_layer,
)
