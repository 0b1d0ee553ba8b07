"""Recurrent networks."""

from typing import Any

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import recurrent as core
from ....ir.ssa import Value
from ....ir.weights.resources import ViewResource
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()


@lower(core.Lstm)
def lstm(op: core.Lstm) -> tuple[Value, ...]:
    """The same call, with weights transposed."""
    return tf.Lstm(**_fields(op)).results


@lower(core.Gru)
def gru(op: core.Gru) -> tuple[Value, ...]:
    """The same call, with weights transposed."""
    return tf.Gru(**_fields(op)).results


@lower(core.Rnn)
def rnn(op: core.Rnn) -> tuple[Value, ...]:
    """The same call, with weights transposed."""
    return tf.Rnn(**_fields(op)).results


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
