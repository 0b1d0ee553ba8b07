"""Symbolic dimensions as tensors that a graph computes from shapes."""

from functools import reduce

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dims import Atom, Dim, Expr, bare_symbol
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from .. import dialect as tf

_SCALAR = Tensor(DType.I32, ())


def extents_from(x: Value, dims: tuple[Dim, ...]) -> Value:
    """The dims as an i32 vector; symbols are taken from the shape of x, in which they stand alone.

    Dimensions of x itself are taken directly, whatever their expression.
    """
    shape = tf.Shape(x, result_types=Tensor(DType.I32, (x.type.rank,))).result

    def number(dim: Dim) -> Value:
        if isinstance(dim, int):
            return constant(np.asarray(dim, np.int32))
        if dim in x.type.shape:
            return _entry(shape, x.type.shape.index(dim))
        return _sum(dim)

    def _sum(dim: Expr) -> Value:
        parts: list[Value] = []
        for monomial, coefficient in dim.terms:
            factors = [_factor(atom) for atom in monomial]
            if coefficient != 1 or not factors:
                factors.append(number(coefficient))
            parts.append(reduce(lambda a, b: _call(tf.Multiply, a, b), factors))
        return reduce(lambda a, b: _call(tf.Add, a, b), parts)

    def _factor(atom: Atom) -> Value:
        if atom.kind == "symbol":
            names = [bare_symbol(dim) for dim in x.type.shape]
            return _entry(shape, names.index(atom.name))
        left, right = number(atom.left), number(atom.right)
        return _call(tf.Maximum if atom.kind == "max" else tf.Floordiv, left, right)

    scalars = tuple(number(dim) for dim in dims)
    return tf.Stack(scalars, 0, result_types=Tensor(DType.I32, (len(dims),))).result


def _entry(shape: Value, index: int) -> Value:
    return tf.Gather(shape, number_of(index), 0, result_types=_SCALAR).result


def number_of(value: int) -> Value:
    """A scalar i32 constant."""
    return constant(np.asarray(value, np.int32))


def _call(op: type[tf.Multiply | tf.Add | tf.Maximum | tf.Floordiv], x: Value, y: Value) -> Value:
    return op(x, y, result_types=_SCALAR).result
