"""Proof that a function treats the entries of a batch independently.

The batch is the symbol N, and always the first dimension. A network allows a dynamic batch if every
value that depends on the inputs has N first and nowhere else, no op works along that dimension, and
none draws new numbers each time. The attribute kinds of ops say which dimensions an op works along;
named are only the ops whose positions begin with the first dimension by their nature.
"""

from ....ir.attributes import Kind
from ....ir.diagnostics import Diagnostic
from ....ir.dialects.core.custom import Call as CustomCall
from ....ir.dialects.core.image import CropResize
from ....ir.dialects.core.index import GatherNd
from ....ir.dialects.core.scatter import ScatterNd
from ....ir.dialects.core.shape import SliceByIndex
from ....ir.dialects.core.sort import DynamicCumsum
from ....ir.dims import Expr, symbols
from ....ir.ssa import Function, Op, Value


def batch_problem(function: Function, batch: Expr) -> Diagnostic | None:
    """Why the function mixes or loses the batch dimension; None if it does neither."""
    name = str(batch)
    restless = next((op for op in function.walk() if op.effects()), None)
    if restless is not None:
        return _problem(restless, "draws new numbers each time, once for the whole batch")
    dependent: set[Value] = set(function.arguments)
    for op in function.block:
        if op.regions:  # they see values that are no operands
            return _problem(op, "chooses between computations for the whole batch")
        if not any(value in dependent for value in op.operands):
            if any(name in symbols(dim) for value in op.results for dim in value.type.shape):
                return _problem(op, "depends on the batch without depending on an input")
            continue
        if op.is_terminator:
            continue
        for value in op.results:
            if not _batched(value, batch, name):
                return _problem(op, f"gives {value.type}, in which {name} is not the batch")
        # Kinds speak of the first operand: a table that is gathered from is not the batch.
        if op.operands[0] in dependent and _works_along_batch(op):
            return _problem(op, "works along the batch dimension")
        dependent.update(op.results)
    return None


def _batched(value: Value, batch: Expr, name: str) -> bool:
    dims = value.type.shape
    return bool(dims) and dims[0] == batch and not any(name in symbols(dim) for dim in dims[1:])


def _works_along_batch(op: Op) -> bool:
    for item in op.spec.attributes:
        value = op.attributes[item.name]
        if item.kind is Kind.AXIS and value == 0:
            return True
        if item.kind is Kind.AXES and 0 in value:
            return True
    if isinstance(op, DynamicCumsum | CustomCall):
        return True  # the axis may be the first; what a call does, nobody knows
    if isinstance(op, GatherNd | ScatterNd | CropResize):
        return True  # multi-indices begin with the first dimension, boxes name its images
    return isinstance(op, SliceByIndex) and op.slices()[0] != slice(None, None, 1)


def _problem(op: Op, message: str) -> Diagnostic:
    return Diagnostic(
        f"a dynamic batch is not possible: '{op.name}' {message}",
        kind="unsupported",
        location=op.location,
        subject=op.name,
    )
