"""Products of many matrices with one become one product of rows, which TensorFlow fuses."""

from dataclasses import dataclass

import numpy as np

from ...ir.dialects.builtin import constant
from ...ir.dims import product
from ...ir.rewrite import replace
from ...ir.ssa import Value
from ...ir.types import DType, Tensor
from ...ir.verify import Legal
from ...passes.manager import PatternPass
from ...passes.patterns import Rewrite, no, pattern
from . import dialect as tf
from .dialect.base import TfOp

# What TensorFlow computes of each number of a product, and of its place in the row.
_OF_ROWS = (
    *(tf.BiasAdd, tf.Relu, tf.Relu6, tf.LeakyRelu, tf.Elu, tf.Gelu, tf.ExactGelu, tf.Silu),
    *(tf.Softplus, tf.Softsign, tf.Sigmoid, tf.Tanh),
)


@pattern(tf.Matmul)
def product_of_rows(op: tf.Matmul) -> Rewrite:
    """[…, K] @ [K, N] → reshape([rows, K] @ [K, N])."""
    x, out = op.a.type, op.result.type
    if x.rank < 3 or op.b.type.rank != 2:
        return None
    if op.transpose_a:
        return no("the rows are columns of the matrices")
    width = x.shape[-1]
    if not isinstance(width, int):
        return no("the length of the rows is known only at run time")
    if not width:
        return no("the rows are empty")
    rows = product(x.shape[:-1])
    flat = tf.Reshape(op.a, (-1, width), result_types=x.with_shape((rows, width))).result
    narrow = out.with_shape((rows, out.shape[-1]))
    return _unflattened(replace(op, a=flat, result_types=narrow).result, op.a, out)


@pattern(*_OF_ROWS)
def function_of_rows(op: TfOp) -> Rewrite:
    """f(reshape(rows)) → reshape(f(rows)), so that TensorFlow can fuse f with the product."""
    value, operand = op.operands[0], op.spec.operands[0].name
    rows = _rows(value)
    if rows is None:
        return None
    moved = replace(op, **{operand: rows, "result_types": rows.type})
    return _unflattened(moved.results[0], value, op.results[0].type)


@pattern(tf.Reshape)
def reshape_of_rows(op: tf.Reshape) -> Rewrite:
    """reshape(reshape(x)) → reshape(x), or x if it has that shape."""
    match op.tensor:
        case Value(op=tf.Reshape(x) | tf.ReshapeDynamic(x)):
            return x if x.type == op.result.type else replace(op, tensor=x).result
        case _:
            return None


def _rows(value: Value) -> Value | None:
    """The matrix whose rows a reshape distributes over several dimensions, if `value` is one."""
    match value:
        case Value(op=tf.Reshape(x) | tf.ReshapeDynamic(x)) if (
            x.type.rank == 2 < value.type.rank and x.type.shape[1] == value.type.shape[-1]
        ):
            return x
        case _:
            return None


def _unflattened(rows: Value, like: Value, out: Tensor) -> Value:
    """Rows with the leading dimensions of `like`."""
    sizes = tuple(dim if isinstance(dim, int) else -1 for dim in out.shape)
    if sizes.count(-1) < 2 and (-1 not in sizes or 0 not in sizes):
        return tf.Reshape(rows, sizes, result_types=out).result
    width = constant(np.asarray([sizes[-1]], np.int32))
    kind = Tensor(DType.I32, (out.rank,))
    shape = tf.Concat((_leading(like), width), axis=0, result_types=kind).result
    return tf.ReshapeDynamic(rows, shape, result_types=out).result


def _leading(value: Value) -> Value:
    """The shape of a value without the last dimension, computed once for a chain of rows."""
    kind = Tensor(DType.I32, (value.type.rank - 1,))
    match value:
        case Value(op=tf.ReshapeDynamic(_, Value(op=tf.Concat((lead, _))))) if lead.type == kind:
            return lead
        case _:
            shape = tf.Shape(value, result_types=Tensor(DType.I32, (value.type.rank,))).result
            return tf.StridedSlice(shape, (0,), (-1,), (1,), result_types=kind).result


@dataclass(frozen=True)
class FlattenRowsTf(PatternPass):
    """Multiply all rows by a matrix at once, and add biases and apply activations to them.

    TensorFlow multiplies [8, 7, 7, 768] by a matrix 56 times, and its graph optimizer fuses biases
    and activations only with products of two matrices. Values keep their shapes elsewhere.

    Example:
        cmlc-opt m.cmir --passes= --lower --target=tf --explain=flatten-rows-tf
    """

    name = "flatten-rows-tf"
    patterns = (product_of_rows, function_of_rows, reshape_of_rows)

    @property
    def requires(self) -> Legal:
        return Legal(prefixes=("tf.", "kernels."))
