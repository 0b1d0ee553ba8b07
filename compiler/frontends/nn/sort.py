"""Layers that order and sum along an axis."""

from typing import Any

from ....ir.dialects.core import sort as core
from ..rules import Result
from ..values import integers
from .context import (
    LayerContext,
    LayerRules,
    extent_of,
    floats,
    known_dim,
    scalar_of,
)

rules = LayerRules("sort")


@rules("argSort")
def arg_sort(cx: LayerContext, p: Any) -> Result:
    """The indices that sort the input along an axis."""
    cx.expect_inputs(1)
    found = core.Argsort(cx.input, axis=int(p.axis), ascending=not p.descending).result
    return floats(found)


@rules("topK")
def top_k(cx: LayerContext, p: Any) -> Result:
    """The largest or smallest K elements and their indices; a second input may give K."""
    cx.expect_inputs(1, 2)
    axis, ascending = int(p.axis), bool(p.useBottomK)
    if len(cx.inputs) == 1:
        values, found = core.Topk(cx.input, int(p.K), axis, ascending).results
        return values, floats(found)
    given = scalar_of(cx, cx.inputs[1])
    count = extent_of(cx, given)
    if isinstance(count, int):
        values, found = core.Topk(cx.input, count, axis, ascending).results
    else:
        k = integers(given)
        values, found = core.DynamicTopk(cx.input, k, (count,), axis, ascending).results
    return values, floats(found)


@rules("cumSum")
def cum_sum(cx: LayerContext, p: Any) -> Result:
    """Running sums along an axis, which a second input may give."""
    cx.expect_inputs(1, 2)
    exclusive, reverse = bool(p.excludeFinalSum), bool(p.reverse)
    if len(cx.inputs) == 1:
        return core.Cumsum(cx.input, int(p.axis), exclusive, reverse).result
    given = scalar_of(cx, cx.inputs[1])
    axis = known_dim(given)
    if isinstance(axis, int):
        return core.Cumsum(cx.input, axis, exclusive, reverse).result
    return core.DynamicCumsum(cx.input, integers(given), exclusive, reverse).result
