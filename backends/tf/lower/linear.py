"""Matrix products."""

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import linear as core
from ....ir.dialects.core.broadcasting import broadcast_shapes
from ....ir.ssa import Value
from ....ir.types import DType
from ....ir.weights.resources import ViewResource
from ...lowering import Lowering
from .. import dialect as tf
from .activation import multiply
from .conv import add_bias

lower = Lowering()


@lower(core.MatMul)
def matmul(op: core.MatMul) -> Value:
    """Bytes are multiplied as i32, for which TensorFlow has kernels; wrapping is the same."""
    out = op.result.type
    narrow = out.dtype in (DType.I8, DType.U8)
    x, y = (_cast(v, DType.I32) if narrow else v for v in (op.x, op.y))
    wide = out.with_dtype(DType.I32) if narrow else out
    product = tf.Matmul(x, y, op.transpose_x, op.transpose_y, result_types=wide).result
    return _cast(product, out.dtype) if narrow else product


@lower(core.Attention)
def attention(op: core.Attention) -> Value:
    """Spelled out: TensorFlow has no such kernel for CPUs."""
    query, key = op.query.type, op.key.type
    batch = broadcast_shapes(op, query.shape[:-2], key.shape[:-2])
    kind = query.with_shape((*batch, query.shape[-2], key.shape[-2]))
    scores = tf.Matmul(op.query, op.key, transpose_b=True, result_types=kind).result
    scores = multiply(scores, op.scale)
    if op.mask is not None:
        scores = tf.Add(scores, op.mask, result_types=kind).result
    weights = tf.Softmax(scores, axis=-1, result_types=kind).result
    return tf.Matmul(weights, op.value, result_types=op.result.type).result


def _cast(value: Value, dtype: DType) -> Value:
    return tf.Cast(value, dtype, result_types=value.type.with_dtype(dtype)).result


def transposed(weight: Value) -> tuple[Value, bool]:
    """(the matrix, whether the product must still transpose it): constants become views.

    One that has other uses, such as a table that words are looked up in, stays as it is.
    """
    is_tied = any(not isinstance(user, core.Linear) for user in weight.users)
    if is_tied or not isinstance(weight.op, Constant):
        return weight, True
    rows, columns = weight.type.static_shape
    view = ViewResource(weight.op.value, (1, 0), (columns, rows))
    return constant(view, view.name), False


@lower(core.Linear)
def linear(op: core.Linear) -> Value:
    """x @ weight + bias; a vector is treated as one row."""
    weight, transpose = transposed(op.weight)
    x, out = op.x, op.result.type
    single = x.type.rank == 1
    if single:
        x = tf.ExpandDims(x, 0, result_types=x.type.with_shape((1, *x.type.shape))).result
        out = out.with_shape((1, *out.shape))
    y = tf.Matmul(x, weight, transpose_b=transpose, result_types=out).result
    y = add_bias(y, op.bias)
    return tf.Squeeze(y, (0,), result_types=op.result.type).result if single else y
