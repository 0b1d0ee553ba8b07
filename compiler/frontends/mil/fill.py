"""Tensors made from a few numbers: fills, ranges, and bands of matrices."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import fill as core
from ....ir.dialects.core.shape import BroadcastTo, Reshape
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, is_static
from ....ir.ssa import Value
from ..ranges import range_between
from ..rules import Result
from ..values import integers
from .constants import has_open_rank
from .context import MilContext, MilRules
from .shape import declared_dims, declared_type

rules = MilRules("fill")


def _scalar(cx: MilContext, name: str) -> Value:
    value = cx.value(name)
    fits = all(dim == 1 for dim in value.type.shape)
    cx.require(fits, f"takes {value.type} for '{name}', expected one number")
    return value if value.type.rank == 0 else Reshape(value, ()).result


def _filling(cx: MilContext) -> Value:
    """The number to fill with, in the result's dtype; 0 if missing."""
    if cx.has("value"):
        return _scalar(cx, "value")
    return constant(np.zeros((), cx.dtype(declared_type(cx).dtype).numpy))


@rules("fill")
def fill(cx: MilContext) -> Result:
    """Fill a shape with one number."""
    shape, known = cx.value("shape"), known_dims(cx.value("shape"))
    cx.require(shape.type.rank == 1, f"takes a shape of type {shape.type}")
    if known is not None:
        negative = any(isinstance(dim, int) and dim < 0 for dim in known)
        cx.require(not negative, f"makes a tensor of shape {list(map(str, known))}")
        if is_static(known):
            return BroadcastTo(_filling(cx), known).result
    is_open = known is None and has_open_rank(cx.operation.outputs[0].type)
    dims = _as_many(cx, shape) if is_open else declared_dims(cx, known)
    return core.DynamicBroadcastTo(_filling(cx), integers(shape), dims).result


def _as_many(cx: MilContext, shape: Value) -> tuple[Dim, ...]:
    """Dimensions that only running tells, as many as the shape has numbers."""
    (count,) = shape.type.shape
    if not isinstance(count, int):
        raise cx.unsupported("takes a shape of unknown length")
    return tuple(map(cx.fresh_symbol, range(count)))


@rules("fill_like")
def fill_like(cx: MilContext) -> Result:
    """Fill the shape of a tensor with one number."""
    like = cx.value("ref_tensor")
    dims = like.type.shape
    if is_static(dims):
        return BroadcastTo(_filling(cx), dims).result
    return core.BroadcastLike(_filling(cx), like).result


# -- ranges ----------------------------------------------------------------------------------------


@rules("range_1d")
def range_1d(cx: MilContext) -> Result:
    """Count from start by steps up to end, which is excluded."""
    start, end, step = (_scalar(cx, name) for name in ("start", "end", "step"))
    return range_between(cx, start, end, step, lambda: declared_dims(cx, count=1)[0])


# -- bands -----------------------------------------------------------------------------------------


@rules("band_part")
def band_part(cx: MilContext) -> Result:
    """Keep some diagonals below and above the main one; a negative number means all."""
    x, rank = cx.value("x"), cx.value("x").type.rank
    cx.require(rank >= 2, f"takes {x.type}, expected matrices")
    counts = (cx.integer("lower", -1), cx.integer("upper", -1))
    limits = (core.NO_LIMIT if count < 0 else count for count in counts)
    return core.BandPart(x, *limits).result
