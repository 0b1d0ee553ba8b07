"""Inner products and embeddings.

`int8DynamicQuantize` lets Core ML round the input to int8 for speed; the product that it
approximates, and that recorded results show, uses the dequantized weights, as here.
"""

from typing import Any

from ....ir.dialects.core import elementwise, index, linear
from ....ir.dialects.core.shape import ExpandDims, Squeeze, Transpose
from ....ir.ssa import Value
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, append_units, flatten_tail
from .declared import matrix

rules = LayerRules("linear")


@rules("innerProduct", weights=matrix("outputChannels", "inputChannels"))
def inner_product(cx: LayerContext, p: Any) -> Result:
    """Matrix product; ranks 4 and 5 flatten their last three dimensions, kept as 1s."""
    cx.expect_inputs(1)
    x = cx.input
    units = 2 if x.type.rank > 3 else 0
    if units:
        x = flatten_tail(x, 3)
    product = linear.Linear(x, cx.weight("weights", "weight"), cx.bias(p.hasBias)).result
    return append_units(product, units) if units else product


@rules("embedding", weights=matrix("outputChannels", "inputDim", "entry"))
def embedding(cx: LayerContext, p: Any) -> Result:
    """Look up rows of a table by index; the input is [..., 1, 1, 1]."""
    x = cx.rank_at_least(cx.input, 4)
    cx.require(
        all(dim == 1 for dim in x.type.shape[-3:]),
        f"needs an input whose last three dimensions are 1, got {x.type}",
    )
    indices = Squeeze(x, (-3, -2, -1)).result
    return append_units(_look_up(cx, p, indices), 2)


@rules("embeddingND", weights=matrix("embeddingSize", "vocabSize", "entry"))
def embedding_nd(cx: LayerContext, p: Any) -> Result:
    """Look up rows of a table by index; the input's last dimension is 1 and becomes the row."""
    x = cx.rank_at_least(cx.input, 2)
    cx.require(x.type.shape[-1] == 1, f"needs an input whose last dimension is 1, got {x.type}")
    indices = Squeeze(x, (-1,)).result
    return _look_up(cx, p, indices)


def _look_up(cx: LayerContext, p: Any, indices: Value) -> Value:
    """Look up entries; weights are stored [size, count], and one column is an entry."""
    table = Transpose(cx.weight("weights", "weight"), (1, 0)).result
    found = index.Gather(table, integers(indices), axis=0).result
    bias = cx.bias(p.hasBias)
    return found if bias is None else elementwise.Add(found, bias).result


@rules(
    "batchedMatmul",
    weights=matrix("weightMatrixSecondDimension", "weightMatrixFirstDimension"),
)
def batched_matmul(cx: LayerContext, p: Any) -> Result:
    """Matrix product of two inputs, or of one and a weight [in, out] stored column by column.

    With two inputs, a vector is a row on the left and a column on the right; the result stays a
    vector.
    """
    cx.expect_inputs(1, 2)
    if len(cx.inputs) == 2:
        x, y = cx.inputs
        x = ExpandDims(x, (0,)).result if x.type.rank == 1 else x
        y = ExpandDims(y, (1,)).result if y.type.rank == 1 else y
        flags = {"transpose_x": bool(p.transposeA), "transpose_y": bool(p.transposeB)}
        return linear.MatMul(x, y, **flags).result
    return linear.Linear(cx.input, cx.weight("weights", "weight"), cx.bias(p.hasBias)).result
