"""Pooling over windows."""

from typing import ClassVar

from ...attributes import Layout, PadType
from ...declare import attr
from ...reference import windows
from ...types import Array, Type
from .conv import Windowed, check_windows, windowed_sizes


class Pool(Windowed):
    """Base: reduces every window of `x`, channel by channel.

    (C3) kernel has one positive entry for each spatial dimension; strides likewise (`[]` means
    ones), pad two.
    (C5) the window fits into the padded input.
    """

    kind: ClassVar[windows.PoolKind]

    kernel_sizes: tuple[int, ...] = attr()
    strides: tuple[int, ...] = attr(default=())
    pad_type: PadType = attr(default=PadType.VALID)
    pad: tuple[int, ...] = attr(default=())
    layout: Layout = attr(default=Layout.CHANNELS_FIRST)

    def infer(self) -> Type:
        x, layout = self.x.type, self.layout
        kernel = self.kernel_sizes
        fits = len(kernel) == x.rank - 2 and all(k > 0 for k in kernel)
        self.require("C3", fits, f"kernel_sizes = {list(kernel)} does not fit x ({x})")
        check_windows(self, x.rank - 2)
        axes = layout.spatial_axes(x.rank)
        shape = list(x.shape)
        sizes = windowed_sizes(self, tuple(x.shape[a] for a in axes), kernel)
        for axis, size in zip(axes, sizes, strict=True):
            shape[axis] = size
        return x.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        sizes = tuple(x.shape[a] for a in self.layout.spatial_axes(x.ndim))
        strides, ones = self.per_spatial(self.strides, 1), self.per_spatial((), 1)
        return windows.pool(
            x,
            self.kind,
            kernel=self.kernel_sizes,
            strides=strides,
            pads=self.padding(sizes, self.kernel_sizes, strides, ones),
            exclude_padding=self.attributes.get("exclude_padding_from_average", False),
            channels_last=self.layout is Layout.CHANNELS_LAST,
        )


class MaxPool(Pool):
    """The largest element of each window; padding never wins."""

    name = "nn.max_pool"
    kind = "max"


class AvgPool(Pool):
    """The mean of each window; padding counts as zeros unless excluded.

    The mean of a window that has only padding is 0 in either case.
    """

    name = "nn.avg_pool"
    kind = "average"

    exclude_padding_from_average: bool = attr(default=False)


class L2Pool(Pool):
    """The square root of the sum of squares of each window."""

    name = "nn.l2_pool"
    kind = "l2"


OPS = (MaxPool, AvgPool, L2Pool)
