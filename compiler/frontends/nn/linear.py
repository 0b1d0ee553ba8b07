"""Inner products and embeddings.

`int8DynamicQuantize` lets Core ML round the input to int8 to be faster; the product that it stands
for, and that recorded results show, is the one with the dequantized weights, computed here.
"""

from typing import Any

from ....ir.dialects.core import elementwise, index, linear
from ....ir.dialects.core.shape import ExpandDims, Squeeze, Transpose
from ....ir.ssa import Value
from ..rules import Result
from ..values import integers
from .context import LayerContext, LayerRules, append_units, flatten_tail

rules = LayerRules("linear")


@rules("innerProduct")
def inner_product(cx: LayerContext, p: Any) -> Result:
    """Matrix product; ranks 4 and 5 flatten their last three dimensions and keep them as 1s."""
    cx.expect_inputs(1)
    x = cx.input
    units = 2 if x.type.rank > 3 else 0
    if units:
        x = flatten_tail(x, 3)
    out = int(p.outputChannels)
    weight = cx.weight(p.weights, (out, int(p.inputChannels)))
    product = linear.Linear(x, weight, cx.bias(p.bias, out, p.hasBias)).result
    return append_units(product, units) if units else product


@rules("embedding")
def embedding(cx: LayerContext, p: Any) -> Result:
    """Rows of a table by index; the input is [..., 1, 1, 1]."""
    x = cx.rank_at_least(cx.input, 4)
    cx.require(
        all(dim == 1 for dim in x.type.shape[-3:]),
        f"needs an input that ends in three extents of 1, got {x.type}",
    )
    indices = Squeeze(x, (-3, -2, -1)).result
    return append_units(_look_up(cx, p, indices, int(p.inputDim), int(p.outputChannels)), 2)


@rules("embeddingND")
def embedding_nd(cx: LayerContext, p: Any) -> Result:
    """Rows of a table by index; the input's last extent is 1 and becomes the row."""
    x = cx.rank_at_least(cx.input, 2)
    cx.require(x.type.shape[-1] == 1, f"needs an input whose last extent is 1, got {x.type}")
    indices = Squeeze(x, (-1,)).result
    return _look_up(cx, p, indices, int(p.vocabSize), int(p.embeddingSize))


def _look_up(cx: LayerContext, p: Any, indices: Value, count: int, size: int) -> Value:
    """Weights are stored [size, count]; one column is an entry."""
    table = Transpose(cx.weight(p.weights, (size, count)), (1, 0)).result
    found = index.Gather(table, integers(indices), axis=0).result
    bias = cx.bias(p.bias, size, p.hasBias)
    return found if bias is None else elementwise.Add(found, bias).result


@rules("batchedMatmul")
def batched_matmul(cx: LayerContext, p: Any) -> Result:
    """Matrix product of two inputs, or of one and a weight [in, out] stored column by column.

    Of two inputs, a vector counts as a row on the left and as a column on the right, and stays one.
    """
    cx.expect_inputs(1, 2)
    if len(cx.inputs) == 2:
        x, y = cx.inputs
        x = ExpandDims(x, (0,)).result if x.type.rank == 1 else x
        y = ExpandDims(y, (1,)).result if y.type.rank == 1 else y
        flags = {"transpose_x": bool(p.transposeA), "transpose_y": bool(p.transposeB)}
        return linear.MatMul(x, y, **flags).result
    rows, columns = int(p.weightMatrixFirstDimension), int(p.weightMatrixSecondDimension)
    weight = cx.weight(p.weights, (columns, rows))
    return linear.Linear(cx.input, weight, cx.bias(p.bias, columns, p.hasBias)).result
