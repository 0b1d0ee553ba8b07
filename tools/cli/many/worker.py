"""What is done with a part: its entries are read, run, and written as rows."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from ....compiler.columns import is_table
from ....compiler.entries import EntryError
from ....compiler.options import Options
from ....compiler.runtime import CompiledModel
from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.types import Array
from ..tables.cells import CellError
from ..tables.files import Row
from ..tables.inputs import Inputs, inputs_from
from .entry_files import FileInputs
from .formats import PLACE, Cells, Column
from .outputs import cells_of, cells_of_columns, outputs_to
from .part import Done, Failure, Part
from .targets import format_of


@dataclass(frozen=True)
class Job:
    """What workers need to know, on this machine or on another one.

    Attributes:
        model: the file of the model.
        options: how it is compiled.
        interpret: whether numpy computes, instead of the target's library.
        plugins: files to run first.
        source: the table, folder or list, for messages.
        columns: those of the table.
        of_files: whether entries are files.
        name: the input that files are for; empty if only one can be meant.
        target: where results are written, whose name says their format.
        skip: whether entries that can't be read become rows with an error.
        folder: where paths begin.
    """

    model: Path
    options: Options
    interpret: bool
    plugins: tuple[Path, ...]
    source: Path
    columns: tuple[str, ...]
    of_files: bool
    name: str
    target: Path
    skip: bool
    folder: Path

    @property
    def by_tensorflow(self) -> bool:
        """Whether graphs of TensorFlow compute."""
        return not self.interpret and self.options.target == "tf"

    @property
    def collects(self) -> bool:
        """Whether a run goes on after an entry at fault: one of many files, but not of a table."""
        return self.skip or self.of_files


@dataclass(frozen=True)
class Loaded:
    """A part that is read.

    Attributes:
        part: which.
        entries: what `predict` takes of each entry that could be read.
        places: their positions in the part.
        columns: the same as columns of a table, if that is faster.
        failures: the other entries.
    """

    part: Part
    entries: Sequence[Mapping[str, Any]]
    places: Sequence[int]
    columns: Mapping[str, Sequence[Any] | Array] | None
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Ran:
    """A part that was run.

    Attributes:
        part: which.
        cells: the results, by column.
        failures: entries without results.
    """

    part: Part
    cells: Cells
    failures: tuple[Failure, ...]


class Worker:
    """Does the work.

    Attributes:
        format: what it writes.
        inputs: how it reads.
    """

    def __init__(self, job: Job, model: CompiledModel) -> None:
        """Prepare for the job.

        Raises:
            CompileError: the model doesn't take such inputs, or a table can't hold its outputs.
        """
        self._job = job
        self._predict = model.interpret if job.interpret else model.predict
        # Graphs of TensorFlow run side by side, as numpy does; an interpreter of TFLite doesn't.
        several = job.interpret or job.by_tensorflow
        self._turn: AbstractContextManager[object] = nullcontext() if several else Lock()
        function = model.module.main
        make = format_of(job.target)
        self._outputs = outputs_to(function, make)
        columns = [column for output in self._outputs for column in output.columns]
        self.inputs: Inputs | FileInputs
        if job.of_files:
            self.inputs = FileInputs(function, job.name)
            columns = [Column(PLACE, "text"), *columns]
        else:
            self.inputs = inputs_from(function, job.columns)
        self._by_columns = not job.of_files and is_table(function)
        self.format = make(columns, with_errors=job.skip)

    def __call__(self, part: Part) -> Done:
        """All of it."""
        loaded = self.load(part)
        with self._turn:
            ran = self.run(loaded)
        return self.encode(ran)

    def load(self, part: Part) -> Loaded:
        """Read the entries.

        Raises:
            CompileError: one of a table is at fault.
        """
        if self._by_columns and isinstance(self.inputs, Inputs):
            columns = self.inputs.columns([row.cells for row in part.rows])
            if columns is not None:
                return Loaded(part, (), range(len(part.rows)), columns, ())
        entries: list[Mapping[str, Any]] = []
        places: list[int] = []
        failures: list[Failure] = []
        for index, row in enumerate(part.rows):
            try:
                entries.append(self._read(row))
                places.append(index)
            except CompileError as error:
                if not self._job.collects:
                    raise
                failures.append(Failure(index, row.place, _reason(error)))
        return Loaded(part, entries, places, None, tuple(failures))

    def _read(self, row: Row) -> Mapping[str, Any]:
        try:
            return self.inputs.row(row.cells)
        except CellError as error:
            message = f"{row.place}: column '{error.column}' {error.reason}"
            file = str(self._job.source)
            problem = Diagnostic(message, "usage", file=file, remedy=error.remedy)
            raise CompileError(problem) from None

    def run(self, loaded: Loaded) -> Ran:
        """Predict.

        Raises:
            CompileError: an entry of a table is at fault.
        """
        part, columns = loaded.part, loaded.columns
        if columns is not None:
            try:
                cells = cells_of_columns(self._outputs, self._predict(columns))
                return Ran(part, cells, loaded.failures)
            except CompileError:  # one of the rows: one by one they say which
                loaded = self._by_rows(loaded)
        entries, places = list(loaded.entries), list(loaded.places)
        failures = list(loaded.failures)
        while True:
            try:
                predicted = self._predict(entries)
                break
            except EntryError as error:
                index = places.pop(error.index)
                failures.append(self._fault(error, part.rows[index], index))
                del entries[error.index]
        cells = list(cells_of(self._outputs, predicted))
        if self._job.of_files:
            cells.insert(0, [part.rows[index].place for index in places])
        return Ran(part, cells, tuple(sorted(failures, key=lambda one: one.index)))

    def _by_rows(self, loaded: Loaded) -> Loaded:
        assert loaded.columns is not None
        names, cells = list(loaded.columns), zip(*loaded.columns.values(), strict=True)
        rows = [dict(zip(names, row, strict=True)) for row in cells]
        entries = [{k: v for k, v in row.items() if v is not None} for row in rows]
        return replace(loaded, columns=None, entries=entries)

    def _fault(self, error: EntryError, row: Row, index: int) -> Failure:
        """The failure of an entry that the model doesn't take.

        Raises:
            CompileError: the run can't go on without it.
        """
        if not self._job.collects:
            raise CompileError(
                replace(one, message=f"{row.place}: {one.message}", file=str(self._job.source))
                for one in error.own
            ) from error.__cause__
        return Failure(index, row.place, _reason(CompileError(error.own)))

    def encode(self, ran: Ran) -> Done:
        """Write the results in the format of the file."""
        part, rows = ran.part, self.format.encoded(ran.cells)
        return Done(part.number, part.seal, len(part.rows), rows, ran.failures)


def _reason(error: CompileError) -> str:
    return "; ".join(one.message for one in error.diagnostics)
