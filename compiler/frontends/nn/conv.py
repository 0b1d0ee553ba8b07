"""Convolution and deconvolution layers."""

from typing import Any

from ....ir.attributes import PadType
from ....ir.dialects.core import conv as core
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, LayerRules, pair
from .declared import Axes, Weights

rules = LayerRules("conv")

_PADDING_3D = (PadType.CUSTOM, PadType.VALID, PadType.SAME)


def _weights(p: Any) -> Weights:
    out, into, groups = int(p.outputChannels), int(p.kernelChannels), int(p.nGroups) or 1
    kernel = dict(zip(("kernel_height", "kernel_width"), pair(p.kernelSize, 3), strict=True))
    if p.isDeconvolution:
        return _filters(out, {"in": into, "out/groups": out // groups, **kernel})
    return _filters(out, {"out": out, "in/groups": into, **kernel})


def _filters(out: int, axes: Axes) -> Weights:
    return {"weights": axes, "bias": {"out": out}}


@rules("convolution", weights=_weights)
def convolution(cx: LayerContext, p: Any) -> Result:
    """2-D convolution; weights are [out, in / groups, H, W], or a second input."""
    if p.isDeconvolution:
        return deconvolution(cx, p)
    cx.expect_inputs(1, 2)
    x, restore = cx.as_images(cx.input)
    groups = int(p.nGroups) or 1
    if len(cx.inputs) == 2:
        weight = cx.inputs[1]
        cx.require(weight.type.rank == 4, f"has weights of type {weight.type}, expected rank 4")
    else:
        weight = cx.weight("weights", "weight")
    pad_type, pad = padding(cx, p, "ConvolutionPaddingType")
    conv = core.Conv(
        x,
        weight,
        cx.bias(p.hasBias),
        strides=pair(p.stride, 1),
        dilations=pair(p.dilationFactor, 1),
        pad_type=pad_type,
        pad=pad,
        groups=groups,
    )
    return restore(conv.result)


def deconvolution(cx: LayerContext, p: Any) -> Value:
    """Transposed convolution; weights are [in, out / groups, H, W].

    The specification says that the dilation is ignored; recorded results of Core ML honour it.
    """
    cx.expect_inputs(1)
    x, restore = cx.as_images(cx.input)
    groups = int(p.nGroups) or 1
    cx.require(not cx.is_empty("weights"), "has no weights")
    weight = cx.weight("weights", "weight")
    pad_type, pad = padding(cx, p, "ConvolutionPaddingType")
    conv = core.ConvTranspose(
        x,
        weight,
        cx.bias(p.hasBias),
        strides=pair(p.stride, 1),
        dilations=pair(p.dilationFactor, 1),
        pad_type=pad_type,
        pad=pad,
        groups=groups,
        output_shape=tuple(int(size) for size in p.outputShape),
    )
    return restore(conv.result)


def padding(cx: LayerContext, p: Any, oneof: str) -> tuple[PadType, tuple[int, ...]]:
    """(pad type, padding) of a layer with `valid` or `same` padding; neither means valid."""
    kind = p.WhichOneof(oneof)
    if kind == "same":
        lower = p.same.asymmetryMode == 1  # TOP_LEFT_HEAVY
        return (PadType.SAME_LOWER if lower else PadType.SAME), ()
    amounts = borders(cx, p.valid.paddingAmounts)
    return (PadType.CUSTOM, amounts) if any(amounts) else (PadType.VALID, ())


def borders(cx: LayerContext, amounts: Any) -> tuple[int, ...]:
    """BorderAmounts as (top, bottom, left, right); zeros if not set."""
    edges = amounts.borderAmounts
    cx.require(len(edges) in (0, 2), f"has padding for {len(edges)} dimensions, expected 2")
    if not edges:
        return (0, 0, 0, 0)
    return tuple(int(n) for edge in edges for n in (edge.startEdgeSize, edge.endEdgeSize))


# -- three dimensions ------------------------------------------------------------------------------


def _weights_3d(p: Any) -> Weights:
    out, into, groups = int(p.outputChannels), int(p.inputChannels), int(p.nGroups) or 1
    sizes = (int(p.kernelDepth), int(p.kernelHeight), int(p.kernelWidth))
    names = ("kernel_depth", "kernel_height", "kernel_width")
    kernel = dict(zip(names, sizes, strict=True))
    if p.isDeconvolution:
        return _filters(out, {"in": into, "out/groups": out // groups, **kernel})
    return _filters(out, {"out": out, "in/groups": into // groups, **kernel})


@rules("convolution3d", weights=_weights_3d)
def convolution_3d(cx: LayerContext, p: Any) -> Result:
    """Convolution of [N, C, D, H, W], or its transpose.

    Weights of the transpose are [in, out / groups, D, H, W], as in the 2-D layer; the specification
    exchanges the first two dimensions, recorded models don't.
    """
    cx.expect_inputs(1)
    x = cx.sequence_input()
    out, into, groups = int(p.outputChannels), int(p.inputChannels), int(p.nGroups)
    counts = {"output channels": out, "input channels": into, "groups": groups}
    for name, count in counts.items():
        cx.require(count > 0, f"has {count} {name}")
    fits = out % groups == 0 and into % groups == 0
    cx.require(fits, f"can't divide {into} and {out} channels into {groups} groups")
    cx.require(not cx.is_empty("weights"), "has no weights")
    pad_type, pad = padding_3d(cx, p)
    options = {
        "strides": extents_3d(cx, p, "stride"),
        "dilations": extents_3d(cx, p, "dilation"),
        "pad_type": pad_type,
        "pad": pad,
        "groups": groups,
    }
    extents_3d(cx, p, "kernel")  # checks them
    bias = cx.bias(p.hasBias)
    target = tuple(int(size) for size in p.outputShape)
    if p.isDeconvolution:
        weight = cx.weight("weights", "weight")
        conv = core.ConvTranspose(x, weight, bias, output_shape=target, **options)
    else:
        cx.require(not target, "has an output shape, which is only for deconvolutions")
        weight = cx.weight("weights", "weight")
        conv = core.Conv(x, weight, bias, **options)
    return cx.without_unit_sequence(conv.result)


def extents_3d(cx: LayerContext, p: Any, name: str) -> tuple[int, int, int]:
    """The layer's fields `name`Depth, -Height and -Width, which must be positive."""
    depth, height, width = (int(getattr(p, f"{name}{end}")) for end in ("Depth", "Height", "Width"))
    cx.require(min(depth, height, width) > 0, f"has a {name} of {depth} x {height} x {width}")
    return depth, height, width


def padding_3d(cx: LayerContext, p: Any) -> tuple[PadType, tuple[int, ...]]:
    """(pad type, padding) of a 3-D layer; padding counts only for CUSTOM, the default."""
    kind = p.paddingType
    cx.require(0 <= kind < len(_PADDING_3D), f"has an unknown padding type {kind}")
    amounts = borders_3d(p)
    cx.require(min(amounts) >= 0, f"has the padding {list(amounts)}, expected numbers of 0 or more")
    if kind != 0:
        return _PADDING_3D[kind], ()
    return (PadType.CUSTOM, amounts) if any(amounts) else (PadType.VALID, ())


def borders_3d(p: Any) -> tuple[int, ...]:
    """The fields of CUSTOM padding: (before, after) of depth, height and width."""
    edges = ("Front", "Back", "Top", "Bottom", "Left", "Right")
    return tuple(int(getattr(p, f"customPadding{edge}")) for edge in edges)
