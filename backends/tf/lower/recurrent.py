"""Recurrent networks."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import recurrent as core
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ....ir.weights.resources import LazyResource, Origin, Resource, ViewResource
from ...lowering import Lowering
from .. import dialect as tf

# From here on, a limit of what a sigmoid or tanh takes changes nothing.
_NO_LIMIT = 50.0


def lowering(block: bool) -> Lowering:
    """The rules.

    Args:
        block: whether LSTMs are single ops where they can be.
    """
    lower = Lowering()

    @lower(core.Lstm)
    def lstm(op: core.Lstm) -> tuple[Value, ...]:
        """One op, or the same call, with weights transposed."""
        if block and _is_plain(op):
            return _block(op).results
        return tf.Lstm(**_fields(op)).results

    @lower(core.Gru)
    def gru(op: core.Gru) -> tuple[Value, ...]:
        """The same call, with weights transposed."""
        return tf.Gru(**_fields(op)).results

    @lower(core.Rnn)
    def rnn(op: core.Rnn) -> tuple[Value, ...]:
        """The same call, with weights transposed."""
        return tf.Rnn(**_fields(op)).results

    return lower


lower = lowering(block=True)


def _is_plain(op: core.Lstm) -> bool:
    """Whether an LSTM is the one that TensorFlow's op computes, of weights that can be joined.

    Compressed weights stay compressed, apart, and so do those that something else has, too.
    """
    weights = (op.weight_x, op.weight_h, *([] if op.bias is None else [op.bias]))
    known = [weight.op for weight in weights]
    users = {user for weight in weights for user in weight.users}
    return (
        op.activations == ("sigmoid", "tanh", "tanh")
        and not op.coupled
        and (op.gate_clip <= 0 or op.gate_clip >= _NO_LIMIT)
        and op.x.type.dtype is DType.F32
        and all(isinstance(weight, Constant) and not weight.value.compressed for weight in known)
        and all(isinstance(user, core.Lstm) and _weights(user) == _weights(op) for user in users)
    )


def _weights(op: core.Lstm) -> tuple[Value | None, ...]:
    return op.weight_x, op.weight_h, op.bias


def _block(op: core.Lstm) -> tf.BlockLstm:
    weights = [cast(Constant, weight.op).value for weight in (op.weight_x, op.weight_h)]
    bias = op.bias and _ordered([cast(Constant, op.bias.op).value])
    types = tuple(value.type for value in op.results)
    return tf.BlockLstm(
        op.x,
        _ordered(weights),
        bias,
        op.initial_h,
        op.initial_c,
        op.peephole,
        cell_clip=op.cell_clip,
        result_types=types,
    )


def _ordered(weights: Sequence[Resource]) -> Value:
    """Weights [4H, columns] as one [all columns, 4H], or a bias; gates in the order i, f, g, o."""
    first = weights[0]
    rows, *_ = first.type.static_shape
    columns = [weight.type.static_shape[1] for weight in weights if weight.type.rank == 2]
    kind = first.type.with_shape((sum(columns), rows) if columns else (rows,))

    def load() -> Array:
        joined = np.concatenate([weight.array().T for weight in weights])
        for weight in weights:
            weight.release()
        i, f, o, g = np.split(joined, 4, -1)
        return np.concatenate([i, f, g, o], -1)

    keys = [weight.origin.key if weight.origin else weight.digest for weight in weights]
    known = any(weight.origin for weight in weights)
    origin = Origin(("block lstm", *keys)) if known else None
    return constant(LazyResource(kind, load, first.name, origin), first.name)


def _fields(op: core.Lstm | core.Gru | core.Rnn) -> dict[str, Any]:
    """The op's fields for the call; weights are transposed once, not in every step."""
    types = tuple(value.type for value in op.results)
    weights = {"weight_x": _transposed(op.weight_x), "weight_h": _transposed(op.weight_h)}
    return {**op.fields(), **weights, "result_types": types}


def _transposed(weight: Value) -> Value:
    rows, columns = weight.type.static_shape
    if isinstance(weight.op, Constant):
        view = ViewResource(weight.op.value, (1, 0), (columns, rows))
        return constant(view, view.name)
    out = weight.type.with_shape((columns, rows))
    return tf.Transpose(weight, (1, 0), result_types=out).result
