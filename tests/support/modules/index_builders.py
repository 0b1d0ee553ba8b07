"""Builders of random instances for ops that index: positions must lie within the data."""

import math

import numpy as np
from cmlc.ir.dialects.core.scatter import ScatterMode
from cmlc.ir.dims import Dim
from cmlc.ir.ssa import Op, Value
from cmlc.ir.types import ANY, FLOAT, NUMERIC, DType
from support.modules.maker import Builder, Maker, UnsuitableError

MOST = 16  # elements of a constant that text spells out


def positions(maker: Maker, size: int, shape: tuple[int, ...]) -> Value:
    """Random positions, negative ones too."""
    picked = [maker.number(-size, size - 1) for _ in range(math.prod(shape))]
    data = np.reshape(picked, shape)
    return maker.constant(data, maker.choice((DType.I32, DType.I64)))


def gather(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY, (1, 2, 3))
    axis = maker.number(0, x.type.rank - 1)
    count = maker.number(1, 3)
    shape = maker.choice(((), (count,), (1, count)))
    return cls(x, positions(maker, maker.sizes(x)[axis], shape), axis=axis)


def along_axis(maker: Maker, x: Value) -> tuple[int, Value]:
    """A dimension, and indices along it."""
    axis = maker.number(0, x.type.rank - 1)
    if not x.type.is_static:
        raise UnsuitableError
    shape = list(x.type.static_shape)
    shape[axis] = maker.number(1, 3)
    if math.prod(shape) > MOST:
        raise UnsuitableError
    return axis, positions(maker, maker.sizes(x)[axis], tuple(shape))


def lookup(maker: Maker, cls: type[Op]) -> Op:
    """Keys that random numbers and strings are among, some of them twice, or none at all."""
    x = maker.pick((DType.I32, DType.I64, DType.STR))
    words = ("text", "", "é", "text ", "two\nlines")
    kinds = words if x.type.dtype is DType.STR else range(-1, 4)
    keys = [maker.choice(kinds) for _ in range(maker.number(0, 5))]
    return cls(x, maker.constant(keys, x.type.dtype))


def gather_along_axis(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR}, (1, 2))
    axis, indices = along_axis(maker, x)
    return cls(x, indices, axis=axis)


def multi_indices(maker: Maker, x: Value) -> tuple[Value, tuple[int, ...], int]:
    """Multi-indices into x, their own shape, and how many dimensions they name."""
    count = maker.number(1, x.type.rank)
    lead = maker.choice(((3,), (2, 2), ()))
    columns = [
        [maker.number(-size, size - 1) for _ in range(math.prod(lead))]
        for size in maker.sizes(x)[:count]
    ]
    data = np.reshape(np.transpose(columns), (*lead, count))
    return maker.constant(data, maker.choice((DType.I32, DType.I64))), lead, count


def gather_nd(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR}, (1, 2, 3))
    return cls(x, multi_indices(maker, x)[0])


def scattered(maker: Maker, ranks: tuple[int, ...] = (1, 2, 3)) -> tuple[Value, ScatterMode]:
    mode = maker.choice(ScatterMode)
    return maker.pick(FLOAT if mode is ScatterMode.DIV else NUMERIC, ranks), mode


def scatter(maker: Maker, cls: type[Op]) -> Op:
    x, mode = scattered(maker)
    axis = maker.number(0, x.type.rank - 1)
    count = maker.number(1, 3)
    picked = maker.choice(((), (count,), (2, count)))
    indices = positions(maker, maker.sizes(x)[axis], picked)
    dims: tuple[Dim, ...] = (*x.type.shape[:axis], *picked, *x.type.shape[axis + 1 :])
    return cls(x, indices, maker.operand(x, dims), axis=axis, mode=mode)


def scatter_nd(maker: Maker, cls: type[Op]) -> Op:
    x, mode = scattered(maker)
    indices, lead, count = multi_indices(maker, x)
    updates = maker.operand(x, (*lead, *x.type.shape[count:]))
    return cls(x, indices, updates, mode=mode)


def scatter_along_axis(maker: Maker, cls: type[Op]) -> Op:
    x, mode = scattered(maker, (1, 2))
    axis, indices = along_axis(maker, x)
    return cls(x, indices, maker.operand(x, indices.type.shape), axis=axis, mode=mode)


def reverse_sequence(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR}, (2, 3))
    seq_axis, batch_axis = maker.random.sample(range(x.type.rank), 2)
    batch, longest = x.type.shape[batch_axis], maker.sizes(x)[seq_axis]
    if not isinstance(batch, int):
        raise UnsuitableError
    lengths = [maker.number(0, longest) for _ in range(batch)]
    chosen = maker.constant(lengths, maker.choice((DType.I32, DType.I64)))
    return cls(x, chosen, seq_axis=seq_axis, batch_axis=batch_axis)


def one_hot(maker: Maker, cls: type[Op]) -> Op:
    count = maker.number(1, 3)
    indices = positions(maker, 4, maker.choice(((), (count,), (2, count))))
    dtype = maker.choice((DType.F32, DType.F32, DType.F64, DType.I32))
    return cls(indices, **maker.attributes(cls, indices.type.rank, dtype=dtype))


def non_zero(maker: Maker, cls: type[Op]) -> Op:
    """Of a constant: how many there are is known."""
    shape = tuple(maker.number(1, 4) for _ in range(maker.number(1, 2)))
    data = np.reshape([maker.number(0, 1) for _ in range(math.prod(shape))], shape)
    data.flat[0] = 1
    dtype = maker.choice((DType.F32, DType.I32, DType.BOOL))
    return cls(maker.constant(data, dtype), dims=(int(data.sum()), len(shape)))


def topk(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(NUMERIC, (1, 2, 3))
    axis = maker.number(0, x.type.rank - 1)
    k = maker.number(1, maker.sizes(x)[axis])
    return cls(x, **maker.attributes(cls, x.type.rank, axis=axis, k=k))


BUILDERS: dict[str, Builder] = {
    "tensor.gather": gather,
    "tensor.gather_along_axis": gather_along_axis,
    "tensor.gather_nd": gather_nd,
    "tensor.scatter": scatter,
    "tensor.scatter_nd": scatter_nd,
    "tensor.scatter_along_axis": scatter_along_axis,
    "tensor.reverse_sequence": reverse_sequence,
    "tensor.one_hot": one_hot,
    "tensor.non_zero": non_zero,
    "tensor.topk": topk,
    "tensor.lookup": lookup,
}
