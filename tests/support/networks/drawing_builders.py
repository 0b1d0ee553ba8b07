"""Builders of random instances for ops that draw numbers, or choose by numbers."""

import numpy as np
from cmlc.ir.dialects.builtin import constant
from cmlc.ir.ssa import Op, Value
from cmlc.ir.types import FLOAT, NUMERIC, DType
from support.modules.maker import Builder, Maker

SEEDS = (-1, 0, 7, 2**40 + 3, -2)


def extents(maker: Maker) -> tuple[Value, tuple[int, ...]]:
    """A constant shape, and its numbers."""
    dims = tuple(maker.number(1, 4) for _ in range(maker.number(1, 3)))
    return maker.constant(dims, maker.choice((DType.I32, DType.I64))), dims


def drawn(maker: Maker, cls: type[Op]) -> Op:
    shape, dims = extents(maker)
    numbers = {
        "low": (-1.0, 0.0),
        "high": (0.0, 2.5),
        "mean": (0.0, -2.0),
        "stddev": (0.0, 1.0, 0.5),
        "prob": (0.0, 0.25, 1.0),
    }
    names = {item.name for item in cls.spec.attributes}
    given = {name: maker.choice(those) for name, those in numbers.items() if name in names}
    return cls(shape, dims=dims, seed=maker.choice(SEEDS), **given)


def random_categorical(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(FLOAT, (1, 2, 3))
    return cls(x, size=maker.number(1, 3), seed=maker.choice(SEEDS))


def dynamic_topk(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(NUMERIC, (1, 2, 3))
    axis = maker.number(0, x.type.rank - 1)
    k = maker.number(1, maker.sizes(x)[axis])
    count = maker.constant(k, maker.choice((DType.I32, DType.I64)))
    return cls(x, count, dims=(k,), axis=axis, ascending=maker.chance(0.5))


def dynamic_cumsum(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(NUMERIC, (1, 2, 3))
    axis = maker.number(-x.type.rank, x.type.rank - 1)
    where = maker.constant(axis, maker.choice((DType.I32, DType.I64)))
    return cls(x, where, exclusive=maker.chance(0.5), reverse=maker.chance(0.5))


def non_maximum_suppression(maker: Maker, cls: type[Op]) -> Op:
    batch, count, classes = maker.number(1, 3), maker.number(1, 6), maker.number(1, 3)
    boxes = maker.argument(maker.dtype(FLOAT), (batch, count, 4))
    scores = maker.operand(boxes, (batch, count, classes))
    dtype = boxes.type.dtype.numpy
    iou, score = (
        constant(np.asarray(maker.choice(those), dtype)) for those in ((0.0, 0.25), (-9.0, 0.0))
    )
    most = maker.number(1, 8)
    number = maker.constant(most, maker.choice((DType.I32, DType.I64)))
    return cls(boxes, scores, iou, score, number, dims=(most,), per_class=maker.chance(0.5))


BUILDERS: dict[str, Builder] = {
    "tensor.random_uniform": drawn,
    "tensor.random_normal": drawn,
    "tensor.random_bernoulli": drawn,
    "tensor.random_categorical": random_categorical,
    "tensor.dynamic_topk": dynamic_topk,
    "tensor.dynamic_cumsum": dynamic_cumsum,
    "image.non_maximum_suppression": non_maximum_suppression,
}
