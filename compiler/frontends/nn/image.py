"""Layers that resample images."""

from typing import Any

from ....ir.dialects.core import image as core
from ....ir.reference.resize import upsampled_size
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, layer_rules, pair

rules = layer_rules("image")

_COORDINATES = ("default", "strict_align_corners", "unalign_corners")


@rules("upsample")
def upsample(cx: LayerContext, p: Any) -> Result:
    """By whole or fractional factors, nearest or bilinear."""
    x, restore = cx.as_images(cx.input)
    fractional = tuple(float(f) for f in p.fractionalScalingFactor)
    whole = pair(p.scalingFactor, 1)
    factors = fractional if len(fractional) == 2 else tuple(float(f) for f in whole)
    is_whole = all(factor.is_integer() for factor in factors)
    cx.require(min(factors) > 0, f"has factors {list(factors)}")
    if p.mode == 0 and is_whole:
        scale = tuple(int(factor) for factor in factors)
        return restore(core.UpsampleNearest(x, scale).result)
    cx.require(0 <= p.linearUpsampleMode < 3, f"has an unknown mode {p.linearUpsampleMode}")
    mode = "nearest" if p.mode == 0 else "bilinear"
    coordinates = "default" if p.mode == 0 else _COORDINATES[p.linearUpsampleMode]
    return restore(core.Resize(x, _scaled(cx, x, factors), mode, coordinates).result)


def _scaled(cx: LayerContext, x: Value, factors: tuple[float, ...]) -> tuple[int, ...]:
    sizes: list[int] = []
    for dim, factor in zip(x.type.shape[-2:], factors, strict=True):
        if not isinstance(dim, int):
            raise cx.unsupported("scales a flexible extent by an interpolating factor")
        sizes.append(upsampled_size(dim, factor))
    return tuple(sizes)
