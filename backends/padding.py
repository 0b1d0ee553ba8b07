"""Padding of windows, in the terms of libraries: VALID, SAME or explicit padding."""

from typing import Literal

from ..ir.attributes import PadType
from ..ir.dialects.core import conv as core
from ..ir.dims import is_static
from ..ir.reference import windows

Amounts = tuple[tuple[int, int], ...]


def resolve_padding(
    op: core.Windowed,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> str | Amounts:
    """Resolve to "VALID", "SAME", or explicit (before, after) padding of spatial dimensions."""
    pad_type: PadType = op.attributes["pad_type"]
    if pad_type in (PadType.VALID, PadType.SAME):
        return pad_type.value.upper()
    if pad_type is PadType.SAME_LOWER:
        explicit = same_amounts(op, "same_lower", kernel, strides, dilations)
    else:
        pad = op.per_spatial(op.attributes["pad"], 0, 2)
        explicit = tuple(zip(pad[::2], pad[1::2], strict=True))
    if not any(amount for pair in explicit for amount in pair):
        return "VALID"
    # Without strides, the padding is the same for any size.
    known = max(strides) == 1 or is_static(op.x.type.shape[1:-1])
    same = same_amounts(op, "same", kernel, strides, dilations) if known else None
    return "SAME" if explicit == same else explicit


def same_amounts(
    op: core.Windowed,
    kind: Literal["same", "same_lower"],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Amounts:
    """The explicit padding of a kind for which "SAME" means something else."""
    amounts: list[tuple[int, int]] = []
    rows = zip(op.x.type.shape[1:-1], kernel, strides, dilations, strict=True)
    for size, width, stride, dilation in rows:
        # Without a stride, the padding doesn't depend on the size, so any size will do.
        fits = isinstance(size, int) or stride == 1
        op.require("", fits, "this padding needs fixed spatial dimensions")
        known = size if isinstance(size, int) else 1
        amounts.append(windows.padding_amounts(kind, known, width, stride, dilation))
    return tuple(amounts)
