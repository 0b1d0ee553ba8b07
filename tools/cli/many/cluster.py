"""Parts on the machines of a Ray cluster: a process with the model for each worker.

Parts are handed out as workers become free. What a worker had when it died is done again by another
one, or by its successor.
"""

import os
from collections.abc import Generator, Iterator
from typing import Any

from ....compiler.plugins import load_plugin
from ....ir.diagnostics import CompileError, Diagnostic, usage_error
from ..model import model_of
from .local import one_thread_each
from .part import Done, Part
from .worker import Job, Worker

_EACH = 2  # parts that are handed to a worker at a time: it never waits for the next one
_TRIES = 3  # of a part whose workers die: then it is the part that kills them


class _Remote:
    """A worker in a process of its own."""

    def __init__(self, job: Job) -> None:
        os.chdir(job.folder)
        for plugin in job.plugins:
            load_plugin(plugin)
        if job.by_tensorflow:
            one_thread_each()
        self._worker = Worker(job, model_of(job.model, job.options, interpret=job.interpret))

    def do(self, part: Part) -> Done | tuple[Diagnostic, ...]:
        """What becomes of the part; or what is wrong, which exceptions don't carry over."""
        try:
            return self._worker(part)
        except CompileError as error:
            return error.diagnostics


def done_by_ray(job: Job, parts: Iterator[Part], workers: int) -> Generator[Done]:
    """What becomes of the parts, in the order in which workers end.

    Args:
        job: what they do.
        parts: taken as workers become free.
        workers: how many; 0 for one for each of the cluster's processors.

    Raises:
        CompileError: Ray isn't installed or has no such workers, the model can't be compiled there,
            or an entry of a table is at fault.
    """
    ray = _ray()
    begun_here = not ray.is_initialized()
    if begun_here:
        ray.init(log_to_driver=False, logging_level="error")
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        _check(ray, count)
        make = ray.remote(max_restarts=-1, max_task_retries=_TRIES, num_cpus=1)(_Remote)
        actors = [make.remote(job) for _ in range(count)]
        yield from _done(ray, actors, parts)
    finally:
        if begun_here:
            ray.shutdown()


def _done(ray: Any, actors: list[Any], parts: Iterator[Part]) -> Generator[Done]:
    running: dict[Any, Any] = {}

    def hand(actor: Any) -> None:
        if (part := next(parts, None)) is not None:
            running[actor.do.remote(part)] = actor

    for actor in [each for _ in range(_EACH) for each in actors]:
        hand(actor)
    while running:
        (ready, *_), _ = ray.wait(list(running))
        actor = running.pop(ready)
        hand(actor)
        yield _result(ray, ready)


def _result(ray: Any, reference: Any) -> Done:
    """A result.

    Raises:
        CompileError: there is none.
    """
    try:
        found = ray.get(reference)
    except ray.exceptions.RayError as error:
        said = str(error).strip().split("\n")[-1]
        remedy = "the model, plugins and files have to be at the same path on all machines"
        raise CompileError(
            Diagnostic(f"a worker failed: {said}", "usage", remedy=remedy)
        ) from error
    if not isinstance(found, Done):
        raise CompileError(found)
    return found


def _check(ray: Any, count: int) -> None:
    """Refuse more workers than there can be: Ray would wait for further machines for ever."""
    there = int(ray.cluster_resources().get("CPU", 1))
    if count > there:
        message = f"--workers is {count}, and Ray has {there} processors"
        raise usage_error(message, "ask for less, or start Ray on more machines")


def _ray() -> Any:
    """The library.

    Raises:
        CompileError: of kind "usage": it isn't installed.
    """
    try:
        import ray  # type: ignore[import-not-found]
    except ImportError:
        message = "--engine=ray needs the package ray"
        raise usage_error(message, "pip install 'cmlc[ray]', on all machines") from None
    return ray
