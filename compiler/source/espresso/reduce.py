"""Reductions."""

from .files import Dims
from .layer import EspressoLayer, RuleTable

_MODES = {0: "Sum", 2: "Prod", 5: "L2", 10: "Min"}
_CHANNELS = 4  # the only set of axes whose number is known
_OLD = {"Sum": "SUM", "Prod": "PROD", "L2": "L2", "Min": "MIN"}


def reduce(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Over the channels, or over one axis of blobs with ranks of their own; keeps the rank."""
    cx.arity(1)
    cx.expect("use_version", 1)
    mode, shape = cx.integer("mode"), list(cx.shape())
    if mode not in _MODES:
        raise cx.unknown("mode", mode)
    name = _MODES[mode]
    if cx.flag("nd_mode"):
        return (_any_axis(cx, name),)
    axes = cx.integer("axis_mode")
    if axes != _CHANNELS:
        raise cx.unknown("axis_mode", axes)
    p = cx.add("reduce")
    p.mode, p.axis = p.ReduceOperation.Value(_OLD[name]), p.ReduceAxis.Value("C")
    cx.require(len(shape) > 2, f"has an input of shape {shape}, expected rank 3")
    shape[-3] = 1
    return (tuple(shape),)


def _any_axis(cx: EspressoLayer, name: str) -> Dims:
    """Over `nd_axis`; the compiled rank shows whether the dimension is kept as 1."""
    cx.only_exact()
    cx.keys.pop("axis_mode", None)  # for the other kind of network
    shape, axis = list(cx.shape()), cx.integer("nd_axis")
    at = cx.axis(axis, len(shape), "nd_axis")
    p = cx.add(f"reduce{name}", since=4)
    p.axes.append(axis)
    p.keepDims = len(cx.result()) == len(shape)
    shape[at : at + 1] = [1] if p.keepDims else []
    return tuple(shape) or (1,)


RULES: RuleTable = {"reduce": reduce}
