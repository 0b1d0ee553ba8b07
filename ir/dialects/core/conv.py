"""Convolution and its transpose."""

from typing import ClassVar

from ...attributes import Layout, PadType
from ...batch.kinds import leading
from ...declare import attr, operand
from ...dims import Dim, Shape, ceil_div, differs, floor_div
from ...reference import windows
from ...ssa import Op, Value
from ...types import FLOAT, Array, Type


class Windowed(Op):
    """Base of ops that slide a window over the spatial dimensions of `x`.

    `x` is [N, C, *spatial] or, with `layout = #channels_last`, [N, *spatial, C]; 1 to 3 spatial
    dimensions. `strides` and `dilations` have one entry for each (`[]` means ones), `pad` two
    (before, after), used when `pad_type` is `custom`.
    """

    batch = leading

    x: Value = operand(FLOAT, rank=(3, 4, 5))

    def per_spatial(self, values: tuple[int, ...], default: int, count: int = 1) -> tuple[int, ...]:
        """An attribute with one entry (or `count`) for each spatial dimension, defaults filled."""
        return values or (default,) * (count * (self.x.type.rank - 2))

    def padding(
        self,
        sizes: Shape,
        kernel: tuple[int, ...],
        strides: tuple[int, ...],
        dilations: tuple[int, ...],
    ) -> tuple[int, ...]:
        """Explicit (before, after) padding for known sizes."""
        pad_type: PadType = self.attributes["pad_type"]
        if pad_type is PadType.CUSTOM:
            return self.per_spatial(self.attributes["pad"], 0, 2)
        amounts: list[int] = []
        for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
            assert isinstance(size, int)
            amounts += windows.padding_amounts(pad_type.value, size, k, s, d)
        return tuple(amounts)


class Conv(Windowed):
    """N-D convolution (cross-correlation) as MIL `conv` defines it.

    `weight` is [O, C / groups, *kernel], or channels last [*kernel, C / groups, O].

    (C1) x has as many channels as weight has input channels, times groups.
    (C2) groups divides the output channels.
    (C3) strides and dilations have one entry for each spatial dimension, pad two, all positive
    (pad may be 0).
    (C4) bias has one entry for each output channel.
    (C5) the window fits into the padded input.

    Example:
        %y = nn.conv(%x, %w) {strides = [2, 2]} : f32[1,8,4,4]
    """

    name = "nn.conv"
    filters: ClassVar[tuple[str, ...]] = ("weight",)

    weight: Value = operand(FLOAT, rank=(3, 4, 5), like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    strides: tuple[int, ...] = attr(default=())
    pad_type: PadType = attr(default=PadType.VALID)
    pad: tuple[int, ...] = attr(default=())
    dilations: tuple[int, ...] = attr(default=())
    groups: int = attr(default=1)
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def kernel(self) -> tuple[Dim, Dim, Shape]:
        """(output channels, input channels of a group, kernel size) of the weight."""
        shape = self.weight.type.shape
        if self.layout is Layout.CHANNELS_FIRST:
            return shape[0], shape[1], shape[2:]
        return shape[-1], shape[-2], shape[:-2]

    def infer(self) -> Type:
        x, layout = self.x.type, self.layout
        rank = x.rank
        self.require(
            "C3",
            self.weight.type.rank == rank,
            f"weight has rank {self.weight.type.rank}, x has rank {rank}",
        )
        out, group_in, kernel = self.kernel()
        channels = x.shape[layout.channel_axis(rank)]
        self.require(
            "C1",
            not differs(channels, group_in * self.groups),
            f"x has {channels} channels, weight expects {group_in} * {self.groups}",
        )
        divides = not isinstance(out, int) or (self.groups > 0 and out % self.groups == 0)
        self.require("C2", divides, f"{self.groups} groups do not divide {out} output channels")
        check_windows(self, rank - 2)
        if self.bias is not None:
            self.require(
                "C4",
                not differs(self.bias.type.shape[0], out),
                f"bias is {self.bias.type}, expected {out} entries",
            )
        axes = layout.spatial_axes(rank)
        sizes = tuple(x.shape[a] for a in axes)
        shape = list(x.shape)
        shape[layout.channel_axis(rank)] = out
        for axis, size in zip(axes, windowed_sizes(self, sizes, kernel), strict=True):
            shape[axis] = size
        return x.with_shape(shape)

    def evaluate(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        last = self.layout is Layout.CHANNELS_LAST
        sizes = tuple(x.shape[a] for a in self.layout.spatial_axes(x.ndim))
        kernel = weight.shape[:-2] if last else weight.shape[2:]
        strides, dilations = self.per_spatial(self.strides, 1), self.per_spatial(self.dilations, 1)
        return windows.convolve(
            x,
            weight,
            bias,
            strides=strides,
            dilations=dilations,
            pads=self.padding(sizes, kernel, strides, dilations),
            groups=self.groups,
            channels_last=last,
        )


class ConvTranspose(Windowed):
    """Transposed convolution: the gradient of `nn.conv` with respect to its input.

    `weight` is [C, O / groups, *kernel], or channels last [*kernel, O / groups, C]. The full result
    has (size - 1) * stride + (kernel - 1) * dilation + 1 entries; `pad` crops it. `same` and
    `same_lower` give size * stride entries, cropping the smaller half first or last. With
    `output_shape` the spatial result has exactly this shape: counted from the crop at the start,
    and continued with zeros (before the bias) where the full result ends.

    (C1) x and weight have the same number of input channels, and groups divides it.
    (C3) strides and dilations have one entry for each spatial dimension, pad two, output_shape one.
    (C4) bias has one entry for each output channel.
    (C5) the cropped result is not empty.
    """

    name = "nn.conv_transpose"
    filters: ClassVar[tuple[str, ...]] = ("weight",)

    weight: Value = operand(FLOAT, rank=(3, 4, 5), like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)
    strides: tuple[int, ...] = attr(default=())
    pad_type: PadType = attr(default=PadType.VALID)
    pad: tuple[int, ...] = attr(default=())
    dilations: tuple[int, ...] = attr(default=())
    groups: int = attr(default=1)
    output_shape: tuple[int, ...] = attr(default=())
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def crops_and_sizes(self, sizes: Shape, kernel: Shape) -> tuple[tuple[Dim, ...], Shape]:
        """((before, after) crop of every spatial dimension, flat; the result's spatial shape)."""
        rank = len(sizes)
        strides, dilations = self.per_spatial(self.strides, 1), self.per_spatial(self.dilations, 1)
        pad = (
            self.per_spatial(self.pad, 0, 2) if self.pad_type is PadType.CUSTOM else (0,) * 2 * rank
        )
        crops: list[Dim] = []
        result: list[Dim] = []
        for i, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
            full = (size - 1) * s + (k - 1) * d + 1
            low: Dim = pad[2 * i]
            out = full - low - pad[2 * i + 1]
            if self.pad_type in (PadType.SAME, PadType.SAME_LOWER):
                total = (k - 1) * d + 1 - s
                total = max(total, 0) if isinstance(total, int) else total
                small = floor_div(total, 2)
                low = small if self.pad_type is PadType.SAME else total - small
                out = size * s
            if self.output_shape:
                out = self.output_shape[i]
            crops += [low, full - low - out]
            result.append(out)
        return tuple(crops), tuple(result)

    def infer(self) -> Type:
        x, layout = self.x.type, self.layout
        rank = x.rank
        self.require(
            "C3",
            self.weight.type.rank == rank,
            f"weight has rank {self.weight.type.rank}, x has rank {rank}",
        )
        shape = self.weight.type.shape
        last = layout is Layout.CHANNELS_LAST
        in_channels, group_out = (shape[-1], shape[-2]) if last else (shape[0], shape[1])
        kernel = shape[:-2] if last else shape[2:]
        channels = x.shape[layout.channel_axis(rank)]
        divides = self.groups > 0 and not (isinstance(channels, int) and channels % self.groups)
        fits = divides and not differs(channels, in_channels)
        self.require(
            "C1", fits, f"x has {channels} channels, weight {in_channels}, groups {self.groups}"
        )
        check_windows(self, rank - 2)
        entries = len(self.output_shape)
        self.require(
            "C3",
            entries in (0, rank - 2),
            f"output_shape has {entries} entries, expected {rank - 2}",
        )
        out = group_out * self.groups
        if self.bias is not None:
            self.require(
                "C4",
                not differs(self.bias.type.shape[0], out),
                f"bias is {self.bias.type}, expected {out} entries",
            )
        axes = layout.spatial_axes(rank)
        _, sizes = self.crops_and_sizes(tuple(x.shape[a] for a in axes), kernel)
        result = list(x.shape)
        result[layout.channel_axis(rank)] = out
        for axis, size in zip(axes, sizes, strict=True):
            self.require(
                "C5", not isinstance(size, int) or size > 0, f"a dimension of the result is {size}"
            )
            result[axis] = size
        return x.with_shape(result)

    def evaluate(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        last = self.layout is Layout.CHANNELS_LAST
        sizes = tuple(x.shape[a] for a in self.layout.spatial_axes(x.ndim))
        kernel = weight.shape[:-2] if last else weight.shape[2:]
        crops, out = self.crops_and_sizes(sizes, kernel)
        return windows.convolve_transpose(
            x,
            weight,
            bias,
            strides=self.per_spatial(self.strides, 1),
            dilations=self.per_spatial(self.dilations, 1),
            pads=tuple(int(c) for c in crops if isinstance(c, int)),
            output_shape=tuple(int(size) for size in out if isinstance(size, int)),
            groups=self.groups,
            channels_last=last,
        )


def check_windows(op: Windowed, spatial: int) -> None:
    """(C3): the window attributes have the right number of entries, in range."""
    for name, count, low in (("strides", 1, 1), ("dilations", 1, 1), ("pad", 2, 0)):
        values: tuple[int, ...] = op.attributes.get(name, ())
        fits = len(values) in (0, count * spatial) and all(v >= low for v in values)
        op.require("C3", fits, f"{name} = {list(values)} does not fit {spatial} spatial dimensions")


def windowed_sizes(op: Windowed, sizes: Shape, kernel: Shape) -> Shape:
    """(C5): sizes after sliding a window; symbolic ones stay exact expressions."""
    pad_type: PadType = op.attributes["pad_type"]
    strides = op.per_spatial(op.attributes["strides"], 1)
    dilations = op.per_spatial(op.attributes.get("dilations", ()), 1)
    pad = op.per_spatial(op.attributes["pad"], 0, 2)
    result: list[Dim] = []
    for i, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        if pad_type in (PadType.SAME, PadType.SAME_LOWER):
            result.append(ceil_div(size, s))
            continue
        around = pad[2 * i] + pad[2 * i + 1] if pad_type is PadType.CUSTOM else 0
        span = size + around - ((k - 1) * d + 1)
        op.require(
            "C5",
            not isinstance(span, int) or span >= 0,
            f"window of {k} (dilated by {d}) is larger than the padded size {size + around}",
        )
        result.append(floor_div(span, s) + 1)
    return tuple(result)


OPS = (Conv, ConvTranspose)
