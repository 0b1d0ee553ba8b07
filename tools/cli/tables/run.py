"""A table through a model: rows in, predictions out, a few at a time."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ....compiler.entries import EntryError
from ....ir.diagnostics import CompileError, Diagnostic, problems_in
from ....ir.ssa import Function
from ....ir.writing import failures_told, writing_whole
from .cells import CellError
from .files import Row, Table, reading, writing
from .inputs import Inputs, inputs_from
from .outputs import outputs_to, row_of

_CELLS = 1 << 19  # that are in memory at once
_ROWS = 1024
Predict = Callable[[list[Mapping[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Predicted:
    """What was done.

    Attributes:
        rows: how many.
        columns: the names of the columns that were written.
        unused: columns of the table that the model doesn't take.
        seconds: how long it took, from the first row to the last.
    """

    rows: int
    columns: tuple[str, ...]
    unused: tuple[str, ...]
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / max(self.seconds, 1e-9)


def predict_table(
    function: Function,
    predict: Predict,
    source: Path,
    target: Path,
    progress: Callable[[int, float], None],
) -> Predicted:
    """Write the predictions for a table, whole or not at all.

    Args:
        function: the model's, as imported.
        predict: computes outputs for a list of rows.
        source: the table.
        target: where to.
        progress: told how many rows are done, and the share of the file that was read.

    Raises:
        CompileError: the table doesn't fit the model, naming columns or row and column; or it can't
            be read or written.
    """
    outputs = outputs_to(function)
    columns = [column for output in outputs for column in output.columns]
    done = 0
    with reading(source) as table:
        with problems_in(str(source)):
            inputs = inputs_from(function, table.columns)
        begun = time.perf_counter()
        with failures_told(target), writing_whole(target) as new, writing(new, columns) as put:
            for part in _parts(table):
                predicted = _predicted(inputs, part, predict, source)
                put([row_of(outputs, each) for each in predicted])
                done += len(part)
                progress(done, table.share())
        seconds = time.perf_counter() - begun
    return Predicted(done, tuple(column.name for column in columns), inputs.unused, seconds)


def _parts(table: Table) -> Iterator[list[Row]]:
    size = max(1, min(_ROWS, _CELLS // len(table.columns)))
    while part := list(islice(table.rows, size)):
        yield part


def _predicted(
    inputs: Inputs, part: list[Row], predict: Predict, source: Path
) -> list[dict[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for row in part:
        try:
            rows.append(inputs.row(row.cells))
        except CellError as error:
            message = f"{row.place}: column '{error.column}' {error.reason}"
            problem = Diagnostic(message, "usage", file=str(source), remedy=error.remedy)
            raise CompileError(problem) from None
    try:
        return predict(rows)
    except EntryError as error:
        place = part[error.index].place
        raise CompileError(
            replace(one, message=f"{place}: {one.message}", file=str(source)) for one in error.own
        ) from error.__cause__
