"""Many inputs through a model: results are written whole, and a run that was stopped goes on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from .... import __version__
from ....compiler.runtime import CompiledModel
from ....compiler.source.rereading import place_of
from ....ir.diagnostics import CompileError, Diagnostic, problems_in
from ....ir.writing import failures_told, writing_whole
from .cluster import done_by_ray
from .entry_files import FileInputs
from .journal import Journal, journal_of
from .local import done_here
from .part import Done, Failure, Part
from .sources import Source, opened
from .worker import Job, Worker

_SHOWN = 20  # files that can't be read
Progress: TypeAlias = Callable[[int, float], None]
Engine: TypeAlias = Callable[[Job, Worker, Iterator[Part]], Iterator[Done]]


@dataclass(frozen=True)
class Predicted:
    """What was done.

    Attributes:
        rows: how many were written.
        columns: the names of the columns that were written.
        unused: columns of the table that the model doesn't take.
        unread: how many files of a folder were left out, because they aren't pictures.
        resumed: how many entries an earlier run had done.
        failures: entries without results, which were written as rows with an error.
        seconds: how long it took, from the first entry to the last.
    """

    rows: int
    columns: tuple[str, ...]
    unused: tuple[str, ...]
    unread: int
    resumed: int
    failures: tuple[Failure, ...]
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return (self.rows - self.resumed) / max(self.seconds, 1e-9)


def here(_: Job, worker: Worker, parts: Iterator[Part]) -> Iterator[Done]:
    """The engine of this machine."""
    return done_here(worker, parts)


def ray_engine(workers: int) -> Engine:
    """The engine of a cluster.

    Args:
        workers: how many processes; 0 for as many as there are processors.
    """
    return lambda job, _, parts: done_by_ray(job, parts, workers)


def predict_many(
    job: Job, model: CompiledModel, engine: Engine, progress: Progress, *, restart: bool
) -> Predicted:
    """Write the predictions for many inputs, whole or not at all.

    A run that is stopped leaves what is done beside the results; the same run goes on from that.

    Args:
        job: what is done, but for the columns.
        model: the model, compiled.
        engine: what computes.
        progress: told how many entries are done, and the share of the inputs.
        restart: begin anew.

    Raises:
        CompileError: inputs don't fit the model or can't be read, naming all files at fault or the
            first row; results can't be written; or a run that was stopped was another one.
    """
    with opened(job.source) as source:
        job = replace(job, columns=source.table.columns, of_files=source.of_files)
        with problems_in(str(job.source)):
            worker = Worker(job, model)
        size = source.size(worker.inputs.size if isinstance(worker.inputs, FileInputs) else 0)
        facts = _facts(job, source, size)
        begun = time.perf_counter()
        with failures_told(job.target), journal_of(job.target, facts, restart=restart) as journal:
            resumed = _taken_up(job, journal)
            try:
                parts = (part for part in source.parts(size) if not journal.has(part))
                count = resumed
                for done in engine(job, worker, parts):
                    journal.add(done)
                    count += done.count
                    progress(count, source.table.share())
            except CompileError as error:
                is_of_source = any(one.file == str(job.source) for one in error.diagnostics)
                if is_of_source and not job.collects:  # to mend the table is to begin anew
                    journal.remove()
                raise
            rows, failures = _written(job, worker, journal)
            journal.remove()
        seconds = time.perf_counter() - begun
    names, unused = worker.format.names, worker.inputs.unused
    return Predicted(rows, names, unused, source.unread, resumed, failures, seconds)


def _taken_up(job: Job, journal: Journal) -> int:
    """How many entries are done. Parts with files at fault are not: those may be mended now."""
    for head in journal.heads:
        if head.failures and not job.skip:
            journal.forget(head.number)
    return sum(head.count for head in journal.heads)


def _written(job: Job, worker: Worker, journal: Journal) -> tuple[int, tuple[Failure, ...]]:
    """(rows, those that have failed) of the file that is written.

    Raises:
        CompileError: there are failures, and rows with errors weren't asked for.
    """
    rows = sum(head.count for head in journal.heads)
    failures = [each for head in journal.heads for each in head.failures]
    if failures and not job.skip:
        raise _failed(job, rows, failures)
    with writing_whole(job.target) as new:
        worker.format.write(new, journal.parts())
    return rows, tuple(failures)


def _failed(job: Job, rows: int, failures: list[Failure]) -> CompileError:
    notes = [_note(one) for one in failures[:_SHOWN]]
    if len(failures) > _SHOWN:
        notes.append(f"and {len(failures) - _SHOWN:,} more")
    message = f"{len(failures):,} of {rows:,} files can't be run, so '{job.target}' is not written"
    remedy = (
        "mend them, or write them as rows with an error (--skip-unreadable), and run again: "
        "what is done is kept"
    )
    return CompileError(
        Diagnostic(message, "malformed", file=str(job.source), remedy=remedy, notes=tuple(notes))
    )


def _note(failure: Failure) -> str:
    named = failure.place in failure.reason
    return failure.reason if named else f"{failure.place}: {failure.reason}"


def _facts(job: Job, source: Source, size: int) -> dict[str, str]:
    """What has to be the same for a run to go on."""
    files = [place_of(path).files for path in (job.model, *job.plugins)]
    model = [[known[:3] for known in each] for each in files]  # the inode is nobody's business
    options = {**job.options.chosen(), "interpret": job.interpret, "name": job.name}
    return {
        "cmlc": __version__,
        "the model": str(model),
        "the options": str(sorted(options.items())),
        "the inputs": f"{job.source.absolute()} {source.state}",
        "the size of parts": str(size),
    }
