"""Small integer tensors known exactly at compile time, even where they depend on symbols.

Shape computations (`shape` → gather → arithmetic → reshape) end in a tensor of dimensions. This
analysis evaluates such chains with the ops' own `evaluate` on arrays of `Dim` objects, so that a
frontend can turn a dynamic reshape into a static one.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .dialects.builtin import Constant
from .dialects.core import elementwise, index, shape
from .dialects.core.broadcasting import Comparison
from .dims import Dim, Expr, interval
from .hooks import hook_of
from .ssa import Op, Value

Objects: TypeAlias = npt.NDArray[Any]

MAX_ELEMENTS = 256
# Ops whose `evaluate` means the same on arrays of symbolic numbers.
_SYMBOLIC = (
    *(shape.Concat, shape.Stack, shape.SliceByIndex, shape.Reshape, shape.Squeeze),
    *(shape.ExpandDims, shape.Transpose, shape.Split, shape.Tile, shape.Reverse, index.Gather),
    shape.BroadcastTo,
    *(elementwise.Add, elementwise.Sub, elementwise.Mul),
)
_COMPARISONS = (
    *(elementwise.Equal, elementwise.NotEqual, elementwise.Less, elementwise.LessEqual),
    *(elementwise.Greater, elementwise.GreaterEqual),
)


def known_dims(value: Value) -> tuple[Dim, ...] | None:
    """The entries of a rank-1 (or scalar) tensor of whole numbers, or None if unknown."""
    found = _known(value, {})
    if found is None:
        return None
    entries: list[Any] = np.ravel(found).tolist()
    whole = all(isinstance(e, Expr) or float(e).is_integer() for e in entries)
    return tuple(e if isinstance(e, Expr) else int(e) for e in entries) if whole else None


def _known(value: Value, memo: dict[Value, Objects | None]) -> Objects | None:
    if value not in memo:
        memo[value] = None  # while it is being computed; SSA has no cycles
        memo[value] = _compute(value, memo)
    return memo[value]


def _compute(value: Value, memo: dict[Value, Objects | None]) -> Objects | None:
    op = value.op
    if op is None or not value.type.is_static or op.regions:
        return None
    if int(np.prod(value.type.static_shape, dtype=np.int64)) > MAX_ELEMENTS:
        return None
    if isinstance(op, Constant):
        return op.value.array().astype(object) if op.value.type.dtype.numpy.kind != "O" else None
    if isinstance(op, shape.ShapeOf):
        return _objects(op.x.type.shape)
    operands = [_known(operand, memo) for operand in op.operands]
    known = [item for item in operands if item is not None]
    if len(known) != len(operands) or op.effects():
        return None
    try:
        if any(isinstance(entry, Expr) for item in known for entry in item.flat):
            return _symbolic(op, value, known)
        rows = zip(known, op.operands, strict=True)
        return _evaluate(op, value, [item.astype(v.type.dtype.numpy) for item, v in rows])
    except (IndexError, ValueError, ZeroDivisionError):
        return None  # indices out of range and the like: a run-time error, if they are used


def _symbolic(op: Op, value: Value, given: list[Objects]) -> Objects | None:
    operands = [item for item in map(_whole, given) if item is not None]
    if len(operands) != len(given):
        return None
    if isinstance(op, elementwise.Cast) and op.dtype.numpy.kind in "iuf":
        return operands[0]  # dimensions are small whole numbers: every numeric dtype holds them
    if isinstance(op, elementwise.FloorDiv):
        return np.asarray(np.floor_divide(operands[0], operands[1]), object)
    if isinstance(op, index.Gather):
        if any(isinstance(entry, Expr) for entry in operands[1].flat):
            return None
        return np.asarray(op.evaluate(operands[0], operands[1].astype(np.int64)), object)
    if isinstance(op, _COMPARISONS):
        return _compared(op, *operands)
    if isinstance(op, elementwise.Select):
        return _chosen(op, value, operands)
    return _evaluate(op, value, operands) if isinstance(op, _SYMBOLIC) else None


def _whole(numbers: Objects) -> Objects | None:
    """The same numbers, as integers where they are floats; None if one is not a whole number."""
    entries: list[Any] = np.ravel(numbers).tolist()
    if not all(float(e).is_integer() for e in entries if isinstance(e, float)):
        return None
    found = np.empty(len(entries), object)
    found[:] = [int(e) if isinstance(e, float) else e for e in entries]
    return found.reshape(numbers.shape)


def _compared(op: Comparison, x: Objects, y: Objects) -> Objects | None:
    """The comparison, if it has the same answer for all extents."""
    x, y = np.broadcast_arrays(x, y)
    entries: list[Dim] = np.ravel(x - y).tolist()
    found = [_answer(type(op), *interval(entry)) for entry in entries]
    return None if None in found else np.asarray(found, object).reshape(x.shape)


def _answer(comparison: type[Comparison], low: int | None, high: int | None) -> bool | None:
    """The comparison of a difference in this interval with 0; None if both answers are possible."""
    less, more = low is None or low < 0, high is None or high > 0
    equal = (low is None or low <= 0) and (high is None or high >= 0)
    signs = [sign for sign, can_be in ((-1, less), (0, equal), (1, more)) if can_be]
    answers = {bool(comparison.kernel(np.asarray(sign), np.asarray(0))) for sign in signs}
    return answers.pop() if len(answers) == 1 else None


def _chosen(op: elementwise.Select, value: Value, operands: list[Objects]) -> Objects | None:
    """The chosen extents, if the choice depends on none."""
    choice, *others = operands
    if any(isinstance(entry, Expr) for entry in choice.flat):
        return None
    return _evaluate(op, value, [choice.astype(bool), *others])


def _evaluate(op: Op, value: Value, arrays: list[Objects]) -> Objects | None:
    evaluate = hook_of(op, "evaluate")
    if evaluate is None:
        return None
    with np.errstate(all="ignore"):
        results: Objects | tuple[Objects, ...] = evaluate(*op.grouped(arrays).values())
    result = results[value.index] if isinstance(results, tuple) else results
    return np.asarray(result, object)


def _objects(entries: tuple[Dim, ...]) -> Objects:
    array = np.empty(len(entries), object)
    array[:] = entries
    return array
