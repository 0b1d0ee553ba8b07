"""Makes the columns of a table one matrix."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.builtin import constant
from ..ir.dialects.core.control import Assert
from ..ir.dialects.core.elementwise import Cast, Equal
from ..ir.dialects.core.index import Gather
from ..ir.dialects.core.reshaping import Squeeze
from ..ir.dialects.core.shape import Stack
from ..ir.dialects.core.slicing import SliceByIndex
from ..ir.interface import Argument
from ..ir.rewrite import adopt, replace_op
from ..ir.ssa import Function, Module, Value
from ..ir.types import DType, Tensor
from ..ir.verify import Legal
from .manager import Instrumentation, Pass

_NAME = "features"


@dataclass(frozen=True)
class FeatureMatrix(Pass):
    """Replace arguments that are numbers, a column each, by one matrix [1, F] of f64.

    Every argument must be a number with a dimension for entries, as models of tables have them;
    `dynamic-batch` makes it [N, F]. The matrix's attribute `columns` has the arguments' names, in
    its order; it is optional if all of them are, and has the default that all of them have. It is
    called `features`, or `features_matrix` if a column is called so. Where a model needs integers,
    the run stops if a column has others. A function that takes one array is left as it is.
    """

    name = "feature-matrix"

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        functions = [f for f in module.public_functions.values() if not _is_matrix(f)]
        if problems := [told for function in functions for told in _problems(function)]:
            raise CompileError(problems)
        for function in functions:
            _join(function)
        return bool(functions)


def _is_matrix(function: Function) -> bool:
    kinds = [known.kind for known in function.inputs]
    return kinds == ["array"] or not kinds


def _problems(function: Function) -> Iterator[Diagnostic]:
    """Why a function's arguments are not columns of numbers."""
    for value, known in zip(function.arguments, function.inputs, strict=True):
        is_number = known.kind in ("double", "int64") and value.type.rank == 1
        if is_number and known.batch == "added":
            continue
        message = f"input '{value.name}' is {value.type}: a matrix has a number in each column"
        yield Diagnostic(
            message, "unsupported", remedy="take each feature by itself (--features=columns)"
        )


def _join(function: Function) -> None:
    columns = list(function.arguments)
    name = _NAME
    while name in {column.name for column in columns}:
        name += "_matrix"
    matrix = Value(Tensor(DType.F64, (1, len(columns))), 0, name, block=function.block)
    places = {column: place for place, column in enumerate(columns)}
    for op in list(function.walk()):
        if isinstance(op, Stack) and (taken := _columns_of(op, places)) is not None:
            replace_op(op, [_gathered(matrix, taken)], "feature-matrix")
    for column, place in places.items():
        if column.use_count:
            found = _column(matrix, place, column)
            adopt([found], function.block, function.block.first)
            column.replace_all_uses_with(found)
    function.block.arguments = [matrix]
    names = tuple(column.name for column in columns)
    given = function.inputs
    known = Argument(
        kind="array",
        shape=(len(columns),),
        columns=names,
        optional=all(each.optional for each in given),
        default=_common({each.default for each in given}),
    )
    function.inputs = [known.with_batch()]


def _common(defaults: set[float | None]) -> float | None:
    """What is missing in every column; None if columns differ."""
    (first, *others) = defaults
    if first is None or any(other is None for other in others):
        return None
    same = all(other == first or (other != other and first != first) for other in others)
    return first if same else None


def _columns_of(op: Stack, places: dict[Value, int]) -> tuple[int, ...] | None:
    """The columns that an op joins to a matrix of f64; None if it joins anything else."""
    found: list[int] = []
    for value in op.values:
        if isinstance(value.op, Cast) and value.type.dtype is DType.F64:
            value = value.op.x
        if value not in places:
            return None
        found.append(places[value])
    same = op.result.type.dtype is DType.F64 and op.axis == 1 and op.result.type.rank == 2
    return tuple(found) if same else None


def _gathered(matrix: Value, columns: tuple[int, ...]) -> Value:
    if columns == tuple(range(len(columns))) and len(columns) == matrix.type.shape[1]:
        return matrix
    return Gather(matrix, constant(np.array(columns, np.int32)), axis=1).result


def _column(matrix: Value, place: int, argument: Value) -> Value:
    part = SliceByIndex(
        matrix,
        begin=(0, place),
        end=(0, place + 1),
        stride=(1, 1),
        begin_mask=(1, 0),
        end_mask=(1, 0),
    ).result
    column = Squeeze(part, (1,)).result
    dtype = argument.type.dtype
    if dtype.is_float:
        return column if dtype is DType.F64 else Cast(column, dtype).result
    whole = Cast(column, dtype).result
    holds = Equal(Cast(whole, DType.F64).result, column).result
    message = f"column '{argument.name}' has a number that is not whole"
    return Assert(holds, (whole,), message=message).results[0]
