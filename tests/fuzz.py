"""Compiles damaged models, and reports what became of them: `python tests/fuzz.py`, `make fuzz`.

Every damaged model goes through the whole command, TensorFlow included, in a worker process.
Right is an exit status of 0, or of 1 with a diagnostic and no output. Wrong are: a traceback, the
status of a bug, no answer in time, more memory than allowed, an output beside an error.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.pool import Accident, Job, run
from support.modules.mutations import damage
from support.running.samples import write_samples

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Task:
    """One model to damage, and how."""

    source: Path
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What the command did.

    Attributes:
        damage: what was done to the model.
        status: the exit status.
        message: the first line on standard error.
        problem: what is wrong with that; empty if nothing is.
        seconds: how long it took.
        peak: the process's largest resident size meanwhile, in bytes.
    """

    damage: str
    status: int
    message: str
    problem: str
    seconds: float
    peak: int


def prepare() -> None:
    """What every command would load, once."""
    from cmlc.tools.cli import console

    console.start_library("tensorflow")
    import cmlc.compiler.driver  # noqa: F401


def play(task: Task) -> Outcome:
    """Damage the model and compile it, in a folder that vanishes."""
    from cmlc.tools import cmlc

    with tempfile.TemporaryDirectory() as scratch:
        path, out = Path(scratch) / task.source.name, Path(scratch) / "out"
        done = damage(task.source, path, task.seed)
        _forget_peak()
        begun, errors = time.perf_counter(), io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            status = cmlc.main([str(path), "-o", str(out), "--verify-each"])
        seconds, peak = time.perf_counter() - begun, _peak()
        said = errors.getvalue().strip()
        problem = ""
        if status not in (0, 1):
            problem = f"exit status {status}"
        elif "Traceback" in said:
            problem = "a traceback"
        elif status and "error:" not in said:
            problem = "no diagnostic"
        elif bool(status) == out.exists():
            problem = "an output beside an error" if status else "no output"
        return Outcome(done, status, said.split("\n")[0][:300], problem, seconds, peak)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # Linux only: elsewhere the peak is of all tasks so far
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    import resource

    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def outcomes(
    sources: Sequence[Path], count: int, jobs: int, seconds: float
) -> Iterator[tuple[Task, Outcome]]:
    """All tasks as they end; accidents (death, no answer) become outcomes."""
    tasks = [Task(sources[seed % len(sources)], seed) for seed in range(count)]
    for task, result in run(Job(prepare, play, seconds, 100), tasks, jobs):
        if isinstance(result, Accident):
            yield task, Outcome("?", -1, "", result.reason, seconds, 0)
        else:
            yield task, result


def main() -> int:
    """The command; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", type=Path, help="files and folders to damage")
    parser.add_argument("--count", type=int, default=500, help="how many damaged models (500)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--seconds", type=float, default=60, help="limit for one model (60)")
    parser.add_argument("--megabytes", type=int, default=2000, help="limit for one model (2000)")
    parser.add_argument("--list", action="store_true", help="print every outcome")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources = given.models or [DATA / "digits.mlmodel", *write_samples(Path(scratch))]
        found = list(outcomes(sources, given.count, given.jobs, given.seconds))
    if given.list:
        for task, outcome in found:
            print(f"{outcome.status} {task.seed} {outcome.damage}: {outcome.message}")
    statuses = Counter(outcome.status for _, outcome in found)
    wrong = [
        (task, outcome, outcome.problem or "too much memory")
        for task, outcome in found
        if outcome.problem or outcome.peak > given.megabytes * 1e6
    ]
    for task, outcome, problem in wrong:
        print(f"{task.source.name} seed {task.seed} ({outcome.damage}): {problem}")
        print(f"    {outcome.message}")
    slowest = max(outcome.seconds for _, outcome in found)
    peak = max(outcome.peak for _, outcome in found) / 1e6
    print(
        f"{len(found)} damaged models of {len(sources)}: {statuses[0]} compiled all the same, "
        f"{statuses[1]} refused, {len(wrong)} wrong; slowest {slowest:.1f} s, peak {peak:.0f} MB"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
