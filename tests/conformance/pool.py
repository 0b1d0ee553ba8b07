"""A small pool of worker processes that survives what happens inside them.

Owns the processes: each takes one task at a time; one that dies or does not answer in time is
replaced, and its task ends as an `Accident`. The standard executors give up the whole run then.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

STARTUP_SECONDS = 180.0
STARTS = 3  # workers that may fail in a row to become ready
# Read when numpy and TensorFlow are loaded: parallelism comes from processes alone.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}
READY = "ready"


class PoolError(Exception):
    """Workers cannot even be prepared: nothing would come of going on."""


@dataclass(frozen=True)
class Accident:
    """Why a task has no result."""

    reason: str


@dataclass(frozen=True)
class Job(Generic[Task, Result]):
    """What workers do. Both functions are sent by name, hence defined at module level."""

    prepare: Callable[[], None]
    play: Callable[[Task], Result]
    seconds: float = 60.0  # how long one task may take
    tasks_per_worker: int = 500  # then a fresh one: frameworks never give back all memory


@dataclass
class Worker(Generic[Task, Result]):
    """One process and our end of its pipe."""

    process: Any
    connection: Any
    log: Path  # what it wrote to its standard streams
    deadline: float
    ready: bool = False
    task: Task | None = None
    done: int = 0

    def give(self, task: Task, seconds: float) -> None:
        """Send a task; the clock starts."""
        self.task = task
        self.deadline = time.monotonic() + seconds
        self.connection.send(task)

    def end(self) -> None:
        """Make sure it is gone."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        self.log.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of its log, for a message."""
        lines = (
            self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        )
        return lines[-1][:200] if lines else ""


@dataclass
class Pool(Generic[Task, Result]):
    """Workers at work on one list of tasks."""

    job: Job[Task, Result]
    size: int
    waiting: deque[Task]
    workers: list[Worker[Task, Result]] = field(default_factory=list)
    failed_starts: int = 0

    def results(self) -> Iterator[tuple[Task, Result | Accident]]:
        """Each task with its result, as they come."""
        try:
            while True:
                self.fill()
                if not self.workers:
                    return
                for worker in self.answering():
                    yield from self.receive(worker)
                for worker in [item for item in self.workers if self.is_late(item)]:
                    yield from self.lose(worker, self.lateness(worker))
        finally:
            for worker in self.workers:
                worker.end()

    def fill(self) -> None:
        """As many workers as there is work for."""
        idle = sum(worker.task is None for worker in self.workers)
        wanted = min(self.size - len(self.workers), len(self.waiting) - idle)
        self.workers += [start(self.job) for _ in range(wanted)]

    def answering(self) -> list[Worker[Task, Result]]:
        """Workers with something to read, in at most a second; a dead one has its end of file."""
        by_connection = {worker.connection: worker for worker in self.workers}
        ready = multiprocessing.connection.wait(list(by_connection), timeout=1.0)
        return [by_connection[connection] for connection in ready]

    def receive(self, worker: Worker[Task, Result]) -> Iterator[tuple[Task, Result | Accident]]:
        """Take one message: a result, or that the worker is ready."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            yield from self.lose(worker, "")
            return
        if worker.ready and worker.task is not None:
            task, worker.task, worker.done = worker.task, None, worker.done + 1
            yield task, message
        elif message == READY:
            worker.ready, self.failed_starts = True, 0
        self.feed(worker)

    def feed(self, worker: Worker[Task, Result]) -> None:
        """The next task, or the end of this worker."""
        if self.waiting and worker.done < self.job.tasks_per_worker:
            worker.give(self.waiting.popleft(), self.job.seconds)
        else:
            self.workers.remove(worker)
            worker.end()

    def is_late(self, worker: Worker[Task, Result]) -> bool:
        """Whether its time is up."""
        return time.monotonic() > worker.deadline

    def lateness(self, worker: Worker[Task, Result]) -> str:
        """What to say of a worker whose time is up."""
        limit = self.job.seconds if worker.ready else STARTUP_SECONDS
        return f"no answer within {limit:.0f} s"

    def lose(
        self, worker: Worker[Task, Result], reason: str
    ) -> Iterator[tuple[Task, Result | Accident]]:
        """A worker died (no reason given) or is too late; its task, if any, ends with it."""
        worker.process.join(0 if reason else 5)
        reason = reason or f"the process died, exit status {worker.process.exitcode}"
        words = worker.last_words()
        self.workers.remove(worker)
        worker.end()
        if worker.task is not None:
            yield worker.task, Accident(f"{reason}: {words}" if words else reason)
            return
        self.failed_starts += 1
        if self.failed_starts >= STARTS:
            raise PoolError(f"workers cannot start: {reason}: {words}")


def run(
    job: Job[Task, Result], tasks: Sequence[Task], size: int
) -> Iterator[tuple[Task, Result | Accident]]:
    """Play all tasks on `size` processes; results come in any order."""
    return Pool(job, max(1, size), deque(tasks)).results()


def start(job: Job[Task, Result]) -> Worker[Task, Result]:
    """A new process. Spawned, not forked: TensorFlow's threads do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    handle, name = tempfile.mkstemp(prefix="replay-", suffix=".log")
    os.close(handle)
    process = context.Process(target=work, args=(theirs, job, name), daemon=True)
    with environment(ONE_THREAD):
        process.start()
    theirs.close()  # else its end of file never comes
    return Worker(process, ours, Path(name), time.monotonic() + STARTUP_SECONDS)


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for a child that inherits them; ours are as before."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def work(connection: Any, job: Job[Any, Any], log: str) -> None:
    """The worker's side: prepare, then answer until nobody asks."""
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    job.prepare()
    os.ftruncate(stream, 0)  # what loading libraries had to say explains no later accident
    connection.send(READY)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            connection.send(job.play(connection.recv()))
