"""Matrix products."""

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import linear as core
from ....ir.resources import ViewResource
from ....ir.ssa import Value
from ...lowering import Lowering
from .. import dialect as tf
from .conv import add_bias

lower = Lowering()

lower.direct(core.MatMul, tf.MatMul, x="a", y="b", transpose_x="transpose_a", transpose_y="transpose_b")


def transposed(weight: Value) -> tuple[Value, bool]:
    """(the matrix, whether the product must still transpose it): constants become views."""
    if not isinstance(weight.op, Constant):
        return weight, True
    rows, columns = weight.type.static_shape
    view = ViewResource(weight.op.value, (1, 0), (columns, rows))
    return constant(view, view.name), False


@lower(core.Linear)
def linear(op: core.Linear) -> Value:
    """x @ weight + bias; a vector is taken as one row."""
    weight, transpose = transposed(op.weight)
    x, out = op.x, op.result.type
    single = x.type.rank == 1
    if single:
        x = tf.ExpandDims(x, 0, result_types=x.type.with_shape((1, *x.type.shape))).result
        out = out.with_shape((1, *out.shape))
    y = tf.MatMul(x, weight, transpose_b=transpose, result_types=out).result
    y = add_bias(y, op.bias)
    return tf.Squeeze(y, (0,), result_types=op.result.type).result if single else y
