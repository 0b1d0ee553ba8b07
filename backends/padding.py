"""Padding of windows, in the terms of libraries: VALID, SAME or explicit padding."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from ..ir.attributes import Layout, PadType
from ..ir.dialects.builtin import constant
from ..ir.dialects.core import conv as core
from ..ir.dialects.core.shape import Pad
from ..ir.dims import Dim, is_static
from ..ir.reference import windows
from ..ir.ssa import Value
from ..ir.types import Tensor
from .refusals import require_fixed

Amounts = tuple[tuple[int, int], ...]


def resolve_padding(
    op: core.Windowed,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> str | Amounts:
    """Resolve to "VALID", "SAME", or explicit (before, after) padding of spatial dimensions.

    Padding behind the last window, which PyTorch's pooling has with `ceil_mode`, is read by nobody:
    what is "VALID" or "SAME" without it is that.
    """
    pad_type: PadType = op.attributes["pad_type"]
    if pad_type in (PadType.VALID, PadType.SAME):
        return pad_type.value.upper()
    if pad_type is PadType.SAME_LOWER:
        explicit = same_amounts(op, "same_lower", kernel, strides, dilations)
    else:
        pad = op.per_spatial(op.attributes["pad"], 0, 2)
        explicit = tuple(zip(pad[::2], pad[1::2], strict=True))
    read = _read(op, explicit, kernel, strides, dilations)
    if not any(amount for pair in read for amount in pair):
        return "VALID"
    # Without strides, the padding is the same for any size.
    known = max(strides) == 1 or is_static(_spatial(op))
    same = same_amounts(op, "same", kernel, strides, dilations) if known else None
    return "SAME" if read == same else explicit


def _read(
    op: core.Windowed,
    explicit: Amounts,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Amounts:
    """The padding that windows reach."""
    found: list[tuple[int, int]] = []
    rows = zip(_spatial(op), explicit, kernel, strides, dilations, strict=True)
    for size, (low, high), width, stride, dilation in rows:
        if isinstance(size, int):
            spare = (low + size + high - (width - 1) * dilation - 1) % stride
            high = max(high - spare, 0)
        found.append((low, high))
    return tuple(found)


def same_amounts(
    op: core.Windowed,
    kind: Literal["same", "same_lower"],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Amounts:
    """The explicit padding of a kind for which "SAME" means something else.

    Raises:
        RefusedError: it depends on an open extent.
    """
    amounts: list[tuple[int, int]] = []
    rows = zip(_spatial(op), kernel, strides, dilations, strict=True)
    for size, width, stride, dilation in rows:
        # Without a stride, the padding doesn't depend on the size, so any size will do.
        fits = isinstance(size, int) or stride == 1
        require_fixed(fits, "this padding needs fixed spatial dimensions")
        known = size if isinstance(size, int) else 1
        amounts.append(windows.padding_amounts(kind, known, width, stride, dilation))
    return tuple(amounts)


def _spatial(op: core.Windowed) -> tuple[Dim, ...]:
    """The extents that windows move along."""
    layout: Layout = op.attributes["layout"]
    shape = op.x.type.shape
    return tuple(shape[axis] for axis in layout.spatial_axes(len(shape)))


def replicated(op: Pad, title: str, gather: Callable[[Value, Value, int, Tensor], Value]) -> Value:
    """The border of `op` that repeats the edge: clamped positions, gathered along each dimension.

    Args:
        op: pads in the mode "replicate".
        title: what messages call the target.
        gather: makes a target's op of (data, positions, axis, type of the result).

    Raises:
        RefusedError: a dimension with a border has an open extent.
    """
    require_fixed(has_fixed_extents(op), f"{title} needs fixed extents for this mode")
    return bordered(op, "edge", gather)


def has_fixed_extents(op: Pad) -> bool:
    """Whether dimensions with a border have them."""
    rows = zip(op.x.type.shape, op.pairs(), strict=True)
    return is_static([dim for dim, amounts in rows if any(amounts)])


def bordered(
    op: Pad,
    mode: Literal["edge", "reflect"],
    gather: Callable[[Value, Value, int, Tensor], Value],
) -> Value:
    """The border of `op` as what is found at positions along each dimension.

    Args:
        op: a padding; dimensions with a border have fixed extents.
        mode: what the border is, as numpy calls it.
        gather: makes a target's op of (data, positions, axis, type of the result).
    """
    value = op.x
    for axis, (low, high) in enumerate(op.pairs()):
        if not low and not high:
            continue
        size = value.type.shape[axis]
        assert isinstance(size, int), "extents with a border are fixed"
        positions = np.pad(np.arange(size, dtype=np.int32), (low, high), mode)
        shape = list(value.type.shape)
        shape[axis] = size + low + high
        value = gather(value, constant(positions), axis, value.type.with_shape(shape))
    return value
