"""Layers that order and sum along an axis."""

from typing import Any

from ....ir.dialects.core import sort as core
from ..rules import Result
from .context import LayerContext, floats, known_number, layer_rules

rules = layer_rules("sort")


@rules("argSort")
def arg_sort(cx: LayerContext, p: Any) -> Result:
    """The positions that put the input in order along an axis."""
    cx.expect_inputs(1)
    found = core.Argsort(cx.input, axis=int(p.axis), ascending=not p.descending).result
    return floats(found)


@rules("topK")
def top_k(cx: LayerContext, p: Any) -> Result:
    """The largest or smallest K elements and their positions; a second input may give K."""
    cx.expect_inputs(1, 2)
    k = known_number(cx, 1, int(p.K))
    values, found = core.Topk(cx.input, k, int(p.axis), ascending=bool(p.useBottomK)).results
    return values, floats(found)


@rules("cumSum")
def cum_sum(cx: LayerContext, p: Any) -> Result:
    """Running sums along an axis, which a second input may give."""
    cx.expect_inputs(1, 2)
    axis = known_number(cx, 1, int(p.axis))
    exclusive, reverse = bool(p.excludeFinalSum), bool(p.reverse)
    return core.Cumsum(cx.input, axis, exclusive, reverse).result
