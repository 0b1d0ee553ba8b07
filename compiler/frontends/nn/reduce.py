"""Reduction layers: the old one with named axes, and the newer ones for any axes."""

from collections.abc import Callable
from typing import Any

from ....ir.dialects.core import elementwise
from ....ir.dialects.core import reduce as core
from ....ir.dialects.core.shape import Reshape
from ....ir.ssa import Value
from ..rules import Result
from .context import LayerContext, LayerRules, floats

rules = LayerRules("reduce")

_AXES = ((-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,))  # CHW, HW, C, H, W
_MODES = (
    *(core.ReduceSum, core.ReduceMean, core.ReduceProd, None, core.ReduceSumSquare),
    *(core.ReduceL1Norm, core.ReduceL2Norm, core.ReduceMax, core.ReduceMin),
)
_LOG_SUM, _ARGMAX = 3, 9


@rules("reduce")
def reduce(cx: LayerContext, p: Any) -> Result:
    """One of ten reductions over channel, height or width; keeps the rank."""
    cx.expect_inputs(1)
    cx.require(0 <= p.axis < len(_AXES), f"has an unknown axis {p.axis}")
    cx.require(0 <= p.mode <= _ARGMAX, f"has an unknown mode {p.mode}")
    axes = _AXES[p.axis]
    x = cx.rank_at_least(cx.input, -min(axes))
    if p.mode == _ARGMAX:
        cx.require(len(axes) == 1, "takes the argmax over several axes")
        return floats(core.ReduceArgmax(x, axis=axes[0], keep_dims=True).result)
    if p.mode == _LOG_SUM:
        epsilon = cx.number(p.epsilon, default=1e-6)
        x = elementwise.Log(x, epsilon=epsilon).result
        return core.ReduceSum(x, axes=axes, keep_dims=True).result
    make = _MODES[p.mode]
    assert make is not None
    return make(x, axes=axes, keep_dims=True).result


def at_least_rank_1(value: Value) -> Value:
    """Core ML has no scalars: a fully reduced blob keeps one dimension of 1."""
    return Reshape(value, (1,)).result if value.type.rank == 0 else value


def _any_axes(make: Callable[..., Any]) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        cx.expect_inputs(1)
        axes = () if p.reduceAll else tuple(int(axis) for axis in p.axes)
        cx.require(bool(axes) or p.reduceAll, "names no axes")
        return at_least_rank_1(make(cx.input, axes=axes, keep_dims=bool(p.keepDims)).result)

    return rule


_ANY = {
    "reduceSum": core.ReduceSum,
    "reduceProd": core.ReduceProd,
    "reduceMean": core.ReduceMean,
    "reduceMax": core.ReduceMax,
    "reduceMin": core.ReduceMin,
    "reduceL1": core.ReduceL1Norm,
    "reduceL2": core.ReduceL2Norm,
    "reduceSumSquare": core.ReduceSumSquare,
    "reduceLogSum": core.ReduceLogSum,
    "reduceLogSumExp": core.ReduceLogSumExp,
}
for _name, _make in _ANY.items():
    rules.add(_name, _any_axes(_make))


def _position(make: Callable[..., Any]) -> Callable[..., Result]:
    def rule(cx: LayerContext, p: Any) -> Result:
        cx.expect_inputs(1)
        found = make(cx.input, axis=int(p.axis), keep_dims=not p.removeDim).result
        return floats(at_least_rank_1(found))

    return rule


rules.add("argMax", _position(core.ReduceArgmax))
rules.add("argMin", _position(core.ReduceArgmin))
