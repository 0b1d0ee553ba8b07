"""Proof that a function treats the entries of a batch independently.

The batch is the symbol N, the first dimension of arguments and results. A network allows a dynamic
batch if every value that depends on the inputs has N in one place, no op works along that
dimension, and none draws new numbers each time. The attribute kinds of ops say which dimensions an
op works along; named are only the ops whose positions begin with the first dimension by their
nature. Between arguments and results N may leave the first place (recurrent layers have it second),
but only through ops that are named here.
"""

from collections.abc import Mapping

from ....ir.attributes import Kind
from ....ir.diagnostics import Diagnostic
from ....ir.dialects.core.activation import Softmax
from ....ir.dialects.core.custom import Call as CustomCall
from ....ir.dialects.core.image import CropResize
from ....ir.dialects.core.index import GatherNd
from ....ir.dialects.core.linear import Linear
from ....ir.dialects.core.recurrent import Gru, Lstm, Rnn
from ....ir.dialects.core.scatter import ScatterNd
from ....ir.dialects.core.shape import (
    Concat,
    ExpandDims,
    Reverse,
    SliceByIndex,
    Squeeze,
    Transpose,
)
from ....ir.dialects.core.sort import DynamicCumsum
from ....ir.dims import Expr, symbols
from ....ir.ssa import Function, Op, Value


def batch_problem(function: Function, batch: Expr) -> Diagnostic | None:
    """Why the function mixes or loses the batch dimension; None if it does neither."""
    name = str(batch)
    restless = next((op for op in function.walk() if op.effects()), None)
    if restless is not None:
        return _problem(restless, "draws new numbers each time, once for the whole batch")
    # Which dimension of a value is N; what has none is the same for all entries.
    places = {v: 0 for v in function.arguments if v.type.rank and v.type.shape[0] == batch}
    for op in function.block:
        if op.is_terminator:
            break
        if op.regions:  # they use values that are not operands
            return _problem(op, "chooses between computations for the whole batch")
        if not any(value in places for value in op.operands):
            if any(name in symbols(dim) for value in op.results for dim in value.type.shape):
                return _problem(op, "depends on the batch without depending on an input")
            continue
        for value in op.results:
            place = _place(value, batch, name)
            if place is None:
                return _lost(op, value, name)
            places[value] = place
        if not _independent(op, places):
            return _problem(op, "works along the batch dimension")
    misplaced = [value for value in function.results if places.get(value, 0) != 0]
    return _lost(misplaced[0].op, misplaced[0], name) if misplaced else None


def _place(value: Value, batch: Expr, name: str) -> int | None:
    """The only dimension that N occurs in, if that is N itself."""
    found = [i for i, dim in enumerate(value.type.shape) if name in symbols(dim)]
    return found[0] if len(found) == 1 and value.type.shape[found[0]] == batch else None


def _independent(op: Op, places: Mapping[Value, int]) -> bool:
    """Whether each entry of the results depends on the operands' same entry only."""
    values = [value for value in (*op.operands, *op.results) if value in places]
    ends = {places[value] - value.type.rank for value in values}
    if op.is_elementwise:
        return len(ends) == 1
    if all(places[value] == 0 for value in values):
        # Kinds speak of the first operand: a table that is gathered from is not the batch.
        return op.operands[0] not in places or not _works_along(op, 0)
    place = places.get(op.operands[0], 0)
    match op:
        case Transpose() | ExpandDims() | Squeeze():
            return True
        case Concat() | Reverse() | Softmax():
            return len(ends) == 1 and not _works_along(op, place)
        case Linear():
            return len(values) == 2 and place < op.x.type.rank - 1
        case Lstm(x) | Gru(x) | Rnn(x):
            states = [value for value in values if value.type.rank == 2]
            return places.get(x) == 1 and not any(places[state] for state in states)
        case _:
            return False


def _works_along(op: Op, place: int) -> bool:
    for item in op.spec.attributes:
        value = op.attributes[item.name]
        if item.kind is Kind.AXIS and value == place:
            return True
        if item.kind is Kind.AXES and place in value:
            return True
    if isinstance(op, DynamicCumsum | CustomCall):
        return True  # the axis may be the first; what a call does, nobody knows
    if isinstance(op, GatherNd | ScatterNd | CropResize):
        return True  # multi-indices begin with the first dimension, boxes name its images
    return isinstance(op, SliceByIndex) and op.slices()[0] != slice(None, None, 1)


def _lost(op: Op | None, value: Value, name: str) -> Diagnostic:
    assert op is not None, "arguments have the batch first"
    return _problem(op, f"gives {value.type}, in which {name} is not the batch")


def _problem(op: Op, message: str) -> Diagnostic:
    return Diagnostic(
        f"a dynamic batch is not possible: '{op.name}' {message}",
        kind="unsupported",
        location=op.location,
        subject=op.name,
    )
