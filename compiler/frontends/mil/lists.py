"""Lists of tensors, as one tensor with the list's length as the first dimension.

Elements are zeros until they are written; writing beyond the end makes a list longer, whatever
length the program declares. Dimensions that a program leaves open are assumed to be 1, which
written elements must confirm; the default shapes of most programs do.
"""

import numpy as np

from ....ir.dialects.builtin import Constant, constant, scalar
from ....ir.dialects.core import elementwise, index, reduce, scatter, shape, slicing
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ....ir.weights.resources import SplatResource
from ..rules import Result
from .constants import DTYPE_NAMES
from .context import MilContext, MilRules

rules = MilRules("lists")

_UNKNOWN = "has elements of a shape that is known only at run time"


@rules("make_list")
def make_list(cx: MilContext) -> Result:
    """Make `init_length` elements of zeros; whether the list may grow has no effect."""
    cx.flag("dynamic_length", True)
    name = cx.text("dtype", "fp32")
    if name not in ("bool", "fp16", "fp32", "int32"):
        raise cx.unsupported(f"has elements of the type '{name}'")
    sizes: list[int] = []
    for value in cx.values("elem_shape") if cx.has("elem_shape") else ():
        if not isinstance(value.op, Constant):
            raise cx.unsupported(_UNKNOWN)
        if value.type.dtype is DType.STR:  # the name of a dimension
            cx.scope.walk.has_open_lists = True
            sizes.append(1)
        else:
            sizes += [int(n) for n in value.op.value.array().reshape(-1)]
    length = cx.extents("init_length") if cx.has("init_length") else (1,)
    if length is None or len(length) != 1 or not isinstance(length[0], int):
        raise cx.unsupported("has a length that is known only at run time")
    kind = Tensor(cx.dtype(DTYPE_NAMES[name]), (length[0], *sizes))
    return constant(SplatResource(kind, 0), cx.location.name)


@rules("list_length")
def list_length(cx: MilContext) -> Result:
    """The number of elements."""
    return _length(cx.value("ls"))


@rules("list_read")
def list_read(cx: MilContext) -> Result:
    """One element; undefined outside the list."""
    place = shape.Reshape(cx.value("index"), ()).result
    return index.Gather(cx.value("ls"), place, axis=0).result


@rules("list_gather")
def list_gather(cx: MilContext) -> Result:
    """Several elements, one after the other; undefined outside the list."""
    return index.Gather(cx.value("ls"), cx.value("indices"), axis=0).result


@rules("list_write")
def list_write(cx: MilContext) -> Result:
    """The list with one element replaced."""
    places = shape.Reshape(cx.value("index"), (1,)).result
    known = cx.value("index").op
    last = int(known.value.array().max()) if isinstance(known, Constant) else None
    return _written(cx, places, shape.ExpandDims(cx.value("value"), (0,)).result, last)


@rules("list_scatter")
def list_scatter(cx: MilContext) -> Result:
    """The list with several elements replaced."""
    places = cx.value("indices")
    known = places.op
    last = int(known.value.array().max(initial=-1)) if isinstance(known, Constant) else None
    return _written(cx, places, cx.value("value"), last)


def _written(cx: MilContext, places: Value, values: Value, last: int | None) -> Value:
    """The list with the values written, extended to hold the last index (None: computed)."""
    found = cx.value("ls")
    if cx.scope.walk.has_open_lists and values.type.shape[1:] != found.type.shape[1:]:
        raise cx.unsupported(_UNKNOWN)
    length, rank = found.type.shape[0], found.type.rank
    if last is not None and isinstance(length, int):
        more = max(0, last + 1 - length)
        if more:
            found = slicing.Pad(found, (0, more) + (0, 0) * (rank - 1)).result
    else:
        end = reduce.ReduceMax(places, (0,)).result
        missing = elementwise.Sub(elementwise.Add(end, scalar(1, end)).result, _length(found))
        more = elementwise.Maximum(missing.result, scalar(0, end)).result
        zeros = constant(np.zeros(2 * rank, np.int32))
        amounts = scatter.Scatter(zeros, constant(np.asarray(1, np.int32)), more).result
        dims = (cx.fresh_symbol(0), *found.type.shape[1:])
        found = slicing.DynamicPad(found, amounts, dims).result
    return scatter.Scatter(found, places, values, mode=scatter.ScatterMode.UPDATE).result


def _length(value: Value) -> Value:
    sizes = shape.ShapeOf(value).result
    return index.Gather(sizes, constant(np.asarray(0, np.int32)), axis=0).result
