"""Convolution and its transpose, in one to three spatial dimensions."""

from typing import Any

from ....ir.attributes import PadType
from ....ir.dialects.core import conv as core
from ....ir.dialects.core import elementwise
from ....ir.dialects.core.shape import Reshape
from ....ir.dims import differs, product
from ....ir.ssa import Value
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules

rules = MilRules("conv")

_PAD_TYPES = {kind.value: kind for kind in PadType}


@rules("conv")
def conv(cx: MilContext) -> Result:
    """Convolution; weights are [out, in / groups, *kernel] and may be computed."""
    x, weight, bias = _operands(cx)
    return core.Conv(x, weight, bias, **_options(cx)).result


@rules("conv_quantized")
def conv_quantized(cx: MilContext) -> Result:
    """Convolution with weights scale * weight + bias, per output channel or per tensor.

    Look-up tables, its other kind of quantization, have no parameter for the table.
    """
    kind = cx.text("quantization_type")
    if kind != "linear":
        raise cx.unsupported(f"has weights of the quantization type '{kind}'")
    cx.integer("nbits", 8)  # how a NeuralNetwork packs them; a program stores one per byte
    x, weight, bias = _operands(cx)
    cx.require(weight.type.rank > 0, f"has a weight of type {weight.type}")
    scaled = elementwise.Mul(weight, _by_channel(cx, "quant_scale", weight)).result
    scaled = elementwise.Add(scaled, _by_channel(cx, "quant_bias", weight)).result
    return core.Conv(x, scaled, bias, **_options(cx)).result


def _by_channel(cx: MilContext, name: str, weight: Value) -> Value:
    """One number, or one per output channel, shaped to combine with the weight."""
    value = cast(cx.value(name), weight.type.dtype)
    count = product(value.type.shape)
    fits = count == 1 or not differs(count, weight.type.shape[0])
    cx.require(fits, f"has '{name}' of type {value.type} for a weight {weight.type}")
    return Reshape(value, (count, *(1,) * (weight.type.rank - 1))).result


@rules("conv_transpose")
def conv_transpose(cx: MilContext) -> Result:
    """Transposed convolution; weights are [in, out / groups, *kernel]."""
    x, weight, bias = _operands(cx)
    options = _options(cx)
    target = cx.integers("output_shape", ())
    if target:
        cx.require(len(target) == x.type.rank, f"has an output shape {list(target)} for {x.type}")
    made = core.ConvTranspose(x, weight, bias, output_shape=target[2:], **options).result
    if target:
        fits = not any(differs(a, b) for a, b in zip(made.type.shape, target, strict=True))
        cx.require(fits, f"makes {made.type}, but has the output shape {list(target)}")
    return made


def _operands(cx: MilContext) -> tuple[Value, Value, Value | None]:
    """x, weight and bias; since iOS 17, the last two may have another float dtype."""
    x, bias = cx.value("x"), cx.optional("bias")
    dtype = x.type.dtype
    return x, cast(cx.value("weight"), dtype), None if bias is None else cast(bias, dtype)


def _options(cx: MilContext) -> dict[str, Any]:
    pad_type, pad = padding(cx, "valid")
    return {
        "strides": cx.integers("strides", ()),
        "dilations": cx.integers("dilations", ()),
        "pad_type": pad_type,
        "pad": pad,
        "groups": cx.integer("groups", 1),
    }


def padding(cx: MilContext, default: str | None = None) -> tuple[PadType, tuple[int, ...]]:
    """(pad type, padding); padding counts only for the type custom, as in Core ML."""
    name, amounts = cx.text("pad_type", default).lower(), cx.integers("pad", ())
    if name not in _PAD_TYPES:
        raise cx.unsupported(f"has the unknown padding type '{name}'")
    return _PAD_TYPES[name], amounts if name == "custom" else ()
