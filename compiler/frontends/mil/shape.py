"""Other shapes for the same elements: reshape, transpose, joins and their relatives."""

import numpy as np

from ....ir.dialects.builtin import array_of, constant, scalar
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.elementwise import Equal, Select
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, Expr, product
from ....ir.dims import floor_div as divide
from ....ir.ssa import Value
from ....ir.types import Tensor
from ..rules import Result
from ..slices import slice_axes
from ..values import integers
from .constants import tensor_type
from .context import MilContext, MilRules

rules = MilRules("shape")

rules.direct("transpose", core.Transpose)
rules.direct("expand_dims", core.ExpandDims)
rules.direct("shape", core.ShapeOf)


def declared_type(cx: MilContext, output: int = 0) -> Tensor:
    """The declared type of a result; its open dimensions are fresh symbols."""
    return tensor_type(
        cx.operation.outputs[output].type, lambda axis: cx.fresh_symbol(axis, output)
    )


def declared_dims(
    cx: MilContext, known: tuple[Dim, ...] | None = None, count: int | None = None
) -> tuple[Dim, ...]:
    """The shape of the result: known dimensions, and declared ones elsewhere."""
    dims = declared_type(cx).shape
    rank = len(known) if known is not None else len(dims) if count is None else count
    cx.require(len(dims) == rank, f"makes rank {rank}, but declares rank {len(dims)}")
    return dims if known is None else known


@rules("squeeze")
def squeeze(cx: MilContext) -> Result:
    """Remove dimensions of 1, or the named ones if they are 1; others are kept, as in PyTorch."""
    x = cx.value("x")
    rank = x.type.rank
    axes = cx.integers("axes", tuple(range(rank)))
    cx.require(all(-rank <= axis < rank for axis in axes), f"has axes {list(axes)} for {x.type}")
    units = tuple(sorted({axis % rank for axis in axes if x.type.shape[axis] == 1}))
    return core.Squeeze(x, units).result if units else x


# -- reshape ---------------------------------------------------------------------------------------


def reshape_to(cx: MilContext, x: Value, target: tuple[Dim, ...]) -> Value | None:
    """Reshape; -1 follows from the other dimensions. None if it is known only at run time."""
    total = product(x.type.shape)
    cx.require(target.count(-1) <= 1, f"has more than one -1 in {list(map(str, target))}")
    if -1 in target:
        rest = product(dim for dim in target if dim != -1)
        cx.require(rest != 0, f"can't infer a dimension of {list(map(str, target))}")
        inferred = divide(total, rest)
        target = tuple(inferred if dim == -1 else dim for dim in target)
    free = [dim for dim in target if isinstance(dim, Expr) and dim not in x.type.shape]
    found = product(target)
    if isinstance(found, int) and isinstance(total, int):
        cx.require(
            found == total,
            f"turns {x.type} into {list(target)}, which has another number of elements",
        )
    if found == total and len(free) <= 1:
        return core.Reshape(x, target).result
    return None


def _aligned(cx: MilContext, x: Value, count: int) -> tuple[Dim, ...] | None:
    """The dimension of x that 0 means at each position; None if 0 is not allowed there."""
    dims = x.type.shape
    if len(dims) == count:
        return dims
    if cx.opset < 17:
        return None
    return ((1,) * count + dims)[len(dims) :]


@rules("reshape")
def reshape(cx: MilContext) -> Result:
    """Reshape to a shape in which 0 keeps a dimension and -1 follows from the others.

    Before iOS 17, 0 needs the same rank as x; since then dimensions are counted from the last one,
    and 0 before the first one means 1.
    """
    x, shape = cx.value("x"), cx.value("shape")
    cx.require(shape.type.rank == 1, f"takes a shape of type {shape.type}")
    known = known_dims(cx.value("shape"))
    if known is None:
        return _reshape_computed(cx, x, shape)
    if 0 in known:
        kept = _aligned(cx, x, len(known))
        if kept is None:
            message = f"has 0 in a shape of {len(known)} entries for {x.type}"
            raise cx.unsupported(
                message, "before iOS 17, 0 keeps a dimension only at the same rank"
            )
        known = tuple(old if dim == 0 else dim for dim, old in zip(known, kept, strict=True))
        shape = _filled(cx, x, shape) if any(isinstance(dim, Expr) for dim in kept) else shape
    made = reshape_to(cx, x, known)
    if made is not None:
        return made
    given = declared_type(cx).shape
    cx.require(len(given) == len(known), f"makes rank {len(known)}, but declares {len(given)}")
    dims = tuple(old if new == -1 else new for new, old in zip(known, given, strict=True))
    return core.DynamicReshape(x, integers(shape), dims).result


def _reshape_computed(cx: MilContext, x: Value, shape: Value) -> Value:
    (count,) = shape.type.shape
    cx.require(isinstance(count, int), "takes a shape of unknown rank")
    assert isinstance(count, int)
    dims = declared_dims(cx, count=count)
    return core.DynamicReshape(x, _filled(cx, x, shape), dims).result


def _filled(cx: MilContext, x: Value, shape: Value) -> Value:
    """The computed shape with dimensions of x instead of 0."""
    shape, (count,) = integers(shape), shape.type.static_shape
    rank = x.type.rank
    if _aligned(cx, x, count) is None:
        return shape
    old = core.ShapeOf(x).result
    if rank < count:
        ones = constant(np.ones(count - rank, np.int32))
        old = core.Concat((ones, old), 0).result
    elif rank > count:
        old = slice_axes(old, {0: (rank - count, None, 1)})
    return Select(Equal(shape, scalar(0, shape)).result, old, shape).result


@rules("reshape_like")
def reshape_like(cx: MilContext) -> Result:
    """Reshape to a shape composed of parts of the shapes of other tensors."""
    x, refs = cx.value("x"), cx.values("ref_tensors")
    begins, ends, masks = (_numbers(cx, name) for name in ("begins", "ends", "end_masks"))
    fits = len(refs) == len(begins) == len(ends) == len(masks)
    cx.require(fits, "doesn't have as many positions as tensors")
    target: list[Dim] = []
    for ref, begin, end, mask in zip(refs, begins, ends, masks, strict=True):
        target += ref.type.shape[begin : None if mask else end]
    made = reshape_to(cx, x, tuple(target))
    if made is None:
        raise cx.unsupported(f"turns {x.type} into {list(map(str, target))}")
    return made


def _numbers(cx: MilContext, name: str) -> list[int]:
    found = [known_number(value) for value in cx.values(name)]
    if None in found:
        raise cx.unsupported(f"computes '{name}', which must be constant")
    return [number for number in found if number is not None]


def known_number(value: Value) -> int | None:
    """A constant of one whole number or bool."""
    array = array_of(value)
    return None if array is None or array.size != 1 else int(array.reshape(-1)[0])


@rules("flatten2d")
def flatten_2d(cx: MilContext) -> Result:
    """Merge the dimensions before `axis`, and those from `axis` on."""
    x, axis = cx.value("x"), cx.integer("axis", 1)
    dims = x.type.shape
    cx.require(-len(dims) <= axis <= len(dims), f"has axis {axis} for {x.type}")
    return core.Reshape(x, (product(dims[:axis]), product(dims[axis:]))).result


# -- joins and order -------------------------------------------------------------------------------


@rules("concat")
def concat(cx: MilContext) -> Result:
    """Concatenate along an axis, element by element if interleaved; scalars make a vector."""
    values, axis = cx.values("values"), cx.integer("axis")
    interleave = cx.flag("interleave", False)
    rank = values[0].type.rank
    if rank == 0:
        return core.Stack(values, 0).result
    if not interleave:
        return core.Concat(values, axis).result
    cx.require(-rank <= axis < rank, f"has axis {axis} for rank {rank}")
    positive = axis % rank
    stacked = core.Stack(values, positive + 1).result
    dims = list(stacked.type.shape)
    dims[positive : positive + 2] = [dims[positive] * len(values)]
    return core.Reshape(stacked, tuple(dims)).result


@rules("stack")
def stack(cx: MilContext) -> Result:
    """Stack along a new axis."""
    return core.Stack(cx.values("values"), cx.integer("axis")).result


@rules("reverse")
def reverse(cx: MilContext) -> Result:
    """Reverse some axes, or all of them."""
    x = cx.value("x")
    axes = cx.integers("axes", tuple(range(x.type.rank)))
    return core.Reverse(x, axes).result if axes else x
