"""Layers that index by computed positions."""

from typing import Any

from ....ir.dialects.core import index as core
from ..rules import Result
from .context import LayerContext, integers, layer_rules

rules = layer_rules("index")


@rules("gather")
def gather(cx: LayerContext, p: Any) -> Result:
    """Slices of the first input along an axis at the positions in the second."""
    cx.expect_inputs(2)
    data, indices = cx.inputs
    return core.Gather(data, integers(indices), axis=int(p.axis)).result
