"""Matrix products."""

import numpy as np

from ...batch.kinds import ALONG, broadcasting, shared_but
from ...batch.place import FRONT, Place
from ...batch.rule import Given, RefusalError, Taken
from ...declare import attr, operand
from ...dims import differs
from ...reference import normalize
from ...ssa import Op, Value
from ...types import FLOAT, NUMERIC, Array, Type
from .broadcasting import broadcast_shapes


class Linear(Op):
    """x @ weight^T + bias over the last dimension of x (MIL `linear`); weight is [out, in].

    (C1) the last dimension of x equals that of weight.
    (C2) bias has one entry for each output.
    """

    name = "nn.linear"

    x: Value = operand(FLOAT)
    weight: Value = operand(FLOAT, rank=2, like="x")
    bias: Value | None = operand(FLOAT, rank=1, like="x", default=None)

    def infer(self) -> Type:
        x = self.x.type
        self.require("C1", x.rank > 0, "x is a scalar, expected rank 1 or more")
        out, features = self.weight.type.shape
        self.require(
            "C1",
            not differs(x.shape[-1], features),
            f"x has {x.shape[-1]} features, weight expects {features}",
        )
        if self.bias is not None:
            self.require(
                "C2",
                not differs(self.bias.type.shape[0], out),
                f"bias is {self.bias.type}, expected {out} entries",
            )
        return x.with_shape((*x.shape[:-1], out))

    def evaluate(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        y = np.matmul(x, weight.T)
        return y if bias is None else y + bias

    def batch(self, given: Given) -> Taken:
        """Row by row."""
        shared_but(self, given, {0})
        place, last = given.places[0], self.x.type.rank - 1
        assert place is not None
        _check_inner(self, given, {0: (last,)})
        if place.axis >= last + place.own:
            place = place.apart(self.x.type.shape)
            place = place if place.axis <= last else FRONT
        return Taken((place,), (place, *(None,) * (len(given.places) - 1)))


class MatMul(Op):
    """Matrix product over the last two dimensions; leading dimensions broadcast (MIL `matmul`).

    (C1) both operands have rank 2 or more.
    (C2) the contracted dimensions are equal.
    """

    name = "nn.matmul"

    x: Value = operand(NUMERIC)
    y: Value = operand(NUMERIC, like="x")
    transpose_x: bool = attr(default=False)
    transpose_y: bool = attr(default=False)

    def infer(self) -> Type:
        x, y = self.x.type, self.y.type
        self.require(
            "C1", min(x.rank, y.rank) >= 2, f"operands are {x} and {y}, expected rank 2 or more"
        )
        rows, inner_x = x.shape[-2:][::-1] if self.transpose_x else x.shape[-2:]
        inner_y, columns = y.shape[-2:][::-1] if self.transpose_y else y.shape[-2:]
        self.require(
            "C2",
            not differs(inner_x, inner_y),
            f"can't contract a dimension of {inner_x} with one of {inner_y}",
        )
        batch = broadcast_shapes(self, x.shape[:-2], y.shape[:-2])
        return x.with_shape((*batch, rows, columns))

    def evaluate(self, x: Array, y: Array) -> Array:
        x = np.swapaxes(x, -1, -2) if self.transpose_x else x
        y = np.swapaxes(y, -1, -2) if self.transpose_y else y
        return np.matmul(x, y)

    def batch(self, given: Given) -> Taken:
        """Matrix by matrix; with one other factor for all also row by row, or column by column."""
        rows, columns = self.x.type.rank - 2, self.y.type.rank - 1
        inner_x, inner_y = rows + 1, columns - 1
        if self.transpose_x:
            rows, inner_x = inner_x, rows
        if self.transpose_y:
            columns, inner_y = inner_y, columns
        _check_inner(self, given, {0: (inner_x,), 1: (inner_y,)})
        rank = self.result.type.rank
        match given.places:
            case (Place(axis, outer, own=False), None) if axis == rows:
                return Taken((Place(rank - 2, outer),))
            case (None, Place(axis, outer, own=False)) if axis == columns:
                return Taken((Place(rank - 1, outer),))
            case _:
                return broadcasting(self, given, 2)


class Attention(Op):
    """softmax(query @ key^T * scale + mask) @ value (MIL `scaled_dot_product_attention`).

    Shapes are [..., L, E], [..., S, E] and [..., S, V]; leading dimensions broadcast. The softmax
    is over S. The mask is added to the scores and doesn't change their shape.

    (C1) query, key and value have rank 2 or more.
    (C2) query and key have the same E, and key and value the same S.
    (C3) the mask broadcasts to the scores [..., L, S].
    """

    name = "nn.attention"

    query: Value = operand(FLOAT)
    key: Value = operand(FLOAT, like="query")
    value: Value = operand(FLOAT, like="query")
    mask: Value | None = operand(FLOAT, like="query", default=None)
    scale: float = attr(default=1.0)

    def infer(self) -> Type:
        query, key, value = (v.type for v in (self.query, self.key, self.value))
        ranks = min(query.rank, key.rank, value.rank)
        self.require(
            "C1", ranks >= 2, f"operands are {query}, {key} and {value}, expected rank 2 or more"
        )
        fits = not differs(query.shape[-1], key.shape[-1])
        self.require("C2", fits, f"query has {query.shape[-1]} features, key {key.shape[-1]}")
        fits = not differs(key.shape[-2], value.shape[-2])
        self.require("C2", fits, f"there are {key.shape[-2]} keys and {value.shape[-2]} values")
        batch = broadcast_shapes(self, query.shape[:-2], key.shape[:-2])
        if self.mask is not None:
            scores = (*batch, query.shape[-2], key.shape[-2])
            wide = broadcast_shapes(self, scores, self.mask.type.shape)
            fits = len(wide) == len(scores) and not any(map(differs, wide, scores))
            self.require(
                "C3", fits, f"the mask is {self.mask.type}, which does not broadcast to the scores"
            )
        batch = broadcast_shapes(self, batch, value.shape[:-2])
        return query.with_shape((*batch, query.shape[-2], value.shape[-1]))

    def evaluate(self, query: Array, key: Array, value: Array, mask: Array | None = None) -> Array:
        scores = np.matmul(query, np.swapaxes(key, -1, -2)) * query.dtype.type(self.scale)
        if mask is not None:
            scores = scores + mask
        return np.matmul(normalize.softmax(scores, -1), value)

    def batch(self, given: Given) -> Taken:
        """Query by query with the same keys and values for all, or sequence by sequence."""
        query, key, value = (v.type.rank for v in (self.query, self.key, self.value))
        inner = {0: (query - 1,), 1: (key - 2, key - 1), 2: (value - 2,)}
        mask = () if self.mask is None else self.mask.type.shape
        if mask:
            inner[3] = (len(mask) - 1,)
        _check_inner(self, given, inner)
        alike = len(mask) < 2 or mask[-2] == 1  # for all queries
        match given.places:
            case (Place(axis, outer, own=False), None, None, *rest) if (
                axis == query - 2 and alike and not any(rest)
            ):
                return Taken((Place(self.result.type.rank - 2, outer),))
            case _:
                return broadcasting(self, given, 2)


def _check_inner(op: Op, given: Given, axes: dict[int, tuple[int, ...]]) -> None:
    """Refuse a batch that is itself a dimension which is summed over."""
    for index, worked in axes.items():
        place = given.places[index]
        entry = op.operands[index].type.shape
        if place is not None and place.is_dimension(entry) and place.axis in worked:
            raise RefusalError(ALONG)


OPS = (Linear, MatMul, Attention)
