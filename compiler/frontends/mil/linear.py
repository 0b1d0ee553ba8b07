"""Matrix products and attention."""

import math

import numpy as np

from ....ir.dialects.builtin import Constant
from ....ir.dialects.core import elementwise
from ....ir.dialects.core import linear as core
from ....ir.dialects.core.shape import ExpandDims, Squeeze, Transpose
from ....ir.ssa import Value
from ....ir.types import BOOL
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules

rules = MilRules("linear")


@rules("linear")
def linear(cx: MilContext) -> Result:
    """x @ weight^T + bias; since iOS 17, weight and bias may have another dtype than x."""
    x, weight, bias = cx.value("x"), cx.value("weight"), cx.optional("bias")
    weight = _like(cx, weight, x)
    bias = None if bias is None else _like(cx, bias, x)
    if x.type.dtype.is_float:
        return core.Linear(x, weight, bias).result
    product = _product(x, weight, transpose_y=True)
    return product if bias is None else elementwise.Add(product, bias).result


@rules("matmul")
def matmul(cx: MilContext) -> Result:
    """The matrix product; a vector is a row on the left and a column on the right.

    Since iOS 17, a constant may have another dtype than the other operand, whose dtype is used.
    """
    x, y = cx.value("x"), cx.value("y")
    flags = cx.flag("transpose_x", False), cx.flag("transpose_y", False)
    if isinstance(y.op, Constant):
        y = _like(cx, y, x)
    elif isinstance(x.op, Constant):
        x = _like(cx, x, y)
    return _product(x, y, *flags)


def _like(cx: MilContext, weight: Value, x: Value) -> Value:
    """A weight in the dtype of x, if that holds it exactly."""
    if weight.type.dtype.is_float and not x.type.dtype.is_float:
        array = weight.op.value.array() if isinstance(weight.op, Constant) else None
        if array is None or not np.array_equal(array, np.trunc(array)):
            raise cx.unsupported(f"can't multiply {x.type} by weights that are not whole numbers")
    return cast(weight, x.type.dtype)


def _product(x: Value, y: Value, transpose_x: bool = False, transpose_y: bool = False) -> Value:
    """As numpy's matmul: the dimension that makes a vector a matrix is not in the result."""
    row, column = x.type.rank == 1, y.type.rank == 1
    x = ExpandDims(x, (0,)).result if row else x
    y = ExpandDims(y, (1,)).result if column else y
    flags = transpose_x and not row, transpose_y and not column
    product = core.MatMul(x, y, *flags).result
    extra = (-2,) * row + (-1,) * column
    return Squeeze(product, extra).result if extra else product


@rules("einsum")
def einsum(cx: MilContext) -> Result:
    """Products of matrices in dimensions -3 and -1, for each index of the others."""
    values = cx.values("values")
    cx.require(len(values) == 2, f"has {len(values)} operands, expected two")
    equation = cx.text("equation")
    letters: dict[str, int] = {}
    numbered = [letters.setdefault(c, len(letters)) if c.isalpha() else c for c in equation]
    batched = (0, 1, 2, 3, ",", 0, 3, 2, 4, "-", ">", 0, 1, 2, 4)
    single = (0, 1, 2, ",", 2, 1, 3, "-", ">", 0, 1, 3)
    if tuple(numbered) not in (batched, single):
        raise cx.unsupported(f"computes the unsupported equation '{equation}'")
    rank = 4 if tuple(numbered) == batched else 3
    for value in values:
        cx.require(value.type.rank == rank, f"'{equation}' has an operand of {value.type}")
    # One product for each index of dimension -2: that dimension goes before the matrices.
    leading = tuple(range(rank - 3))
    order = (*leading, rank - 2, rank - 3, rank - 1)
    x, y = (Transpose(value, order).result for value in values)
    return Transpose(core.MatMul(x, y).result, order).result


@rules("scaled_dot_product_attention", since=18)
def attention(cx: MilContext) -> Result:
    """softmax(query @ key^T / sqrt(E) + mask) @ value; where a truth mask is false, nothing."""
    query, key, value = (cx.value(name) for name in ("query", "key", "value"))
    features = query.type.shape[-1] if query.type.rank > 1 else 0
    if not isinstance(features, int):
        raise cx.unsupported("divides by the root of a dimension that is known only at run time")
    cx.require(features > 0, f"has a query of {query.type}")
    mask = cx.optional("attn_mask")
    if mask is not None and mask.type.dtype in BOOL:
        mask = elementwise.Select(mask, cx.constant(0, query), cx.constant(-math.inf, query)).result
    elif mask is not None:
        mask = cast(mask, query.type.dtype)
    scale = float(np.float32(1 / math.sqrt(features)))
    return core.Attention(query, key, value, mask, scale=scale).result
