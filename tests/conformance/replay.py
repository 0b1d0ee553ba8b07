"""Replays recorded cases against the installed compiler and reports how far they agree.

    python tests/conformance/replay.py --suite nn-numpy --sample 100 --jobs 2

Exit status 1 when a supported case disagrees or fails and `known_disagreements.toml` does not
excuse it, 2 when there is nothing to replay.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from case import Entry, read_index, select, shared_data, spread
from play import Outcome, Status, play, prepare
from pool import Accident, Job, PoolError, run
from report import Report, read_known


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    options = parser().parse_args(arguments)
    folder = options.folder or shared_data()
    if not (folder / "index.jsonl").exists():
        print(f"no recorded cases in {folder}: set CMLC_SHARED or name the folder", file=sys.stderr)
        return 2
    chosen = select(read_index(folder), options.suite, options.layers)
    if options.sample is not None:
        chosen = spread(chosen, options.sample, options.seed)
    if not chosen:
        print("no case matches", file=sys.stderr)
        return 2
    started = time.perf_counter()
    try:
        choices = {"weights": options.weights, "precision": options.precision}
        outcomes = replay_all(chosen, options.jobs, options.timeout, choices)
    except PoolError as reason:
        print(reason, file=sys.stderr)
        return 2
    report = report_on(chosen, outcomes)
    listing = report.lines(
        list_failures=options.list_failures, only_supported=options.only_supported
    )
    print("\n".join(listing))
    print(f"{len(outcomes)} cases in {time.perf_counter() - started:.0f} s")
    if options.json:
        report.write_json(options.json)
    return 1 if report.failures() else 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = result.add_argument
    add("folder", nargs="?", type=Path, metavar="CASES_DIR", help="the folder with index.jsonl")
    add("--suite", nargs="+", default=[], metavar="NAME", help="only these suites")
    add("--layers", type=comma_separated, default=[], help="only cases with one of these types")
    add("--only-supported", action="store_true", help="leave types without any out of the table")
    add("--sample", type=int, metavar="N", help="a spread sample: rare layers come first")
    add("--seed", type=int, default=0, help="another sample")
    add("--jobs", type=int, default=2, help="worker processes")
    add("--timeout", type=float, default=60.0, metavar="SECONDS", help="how long one case may take")
    weights = ("expanded", "compressed")
    add("--weights", choices=weights, default="expanded", help="as cmlc has it")
    add("--precision", choices=("auto", "float32", "keep"), default="auto", help="as cmlc has it")
    add("--json", type=Path, metavar="OUT", help="write all outcomes to this file")
    add("--list-failures", action="store_true", help="all failures, not only the first")
    return result


def comma_separated(text: str) -> list[str]:
    """`a,b` as a list."""
    return [part for part in text.split(",") if part]


def replay_all(
    entries: Sequence[Entry],
    jobs: int,
    seconds: float = 60.0,
    choices: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Outcomes in the order of the entries, compiled with these choices."""
    weights = (choices or {}).get("weights", "expanded")
    job = Job(partial(prepare, weights), partial(play, choices=choices), seconds)
    outcomes: dict[str, Outcome] = {}
    with progress(len(entries)) as advance:
        for entry, result in run(job, entries, min(jobs, len(entries))):
            outcome = accident(entry, result) if isinstance(result, Accident) else result
            outcomes[entry.caseid] = outcome
            advance(outcome)
    return [outcomes[entry.caseid] for entry in entries]


def report_on(entries: Sequence[Entry], outcomes: Sequence[Outcome]) -> Report:
    """A report that excuses the known disagreements."""
    return Report({entry.caseid: entry for entry in entries}, outcomes, read_known())


def accident(entry: Entry, what: Accident) -> Outcome:
    """A worker that crashed or hung: our bug, like any exception."""
    return Outcome(entry.caseid, Status.ERROR, reason=what.reason)


@contextmanager
def progress(total: int) -> Iterator[Callable[[Outcome], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bad = 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), "{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def advance(outcome: Outcome) -> None:
            nonlocal bad
            bad += outcome.status not in (Status.AGREE, Status.UNSUPPORTED)
            bar.update(task, advance=1, description=f"{bad} failures" if bad else "")

        yield advance


if __name__ == "__main__":
    sys.exit(main())
