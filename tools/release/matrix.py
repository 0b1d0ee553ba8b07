"""Where it runs: `make matrix` prints a table in Markdown.

The demo, the wheel, the quick tests and recorded cases run on every interpreter that is here, with
the oldest and the newest libraries that pyproject.toml allows.

Exit status 1 when anything failed, 2 when no interpreter was found.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from .environments import (
    PIP,
    ROOT,
    Environment,
    Libraries,
    StepError,
    interpreter,
    places,
    run,
)
from .tables import table, written

SERIES = ("3.11", "3.12", "3.13")
SETS: tuple[Libraries, ...] = ("oldest", "newest")
SHOWN = {
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "coremltools": "coremltools",
    "protobuf": "protobuf",
    "numpy": "numpy",
}
SAMPLE = ROOT / "tests" / "data" / "digits.mlmodel"
NOT_RECORDED = "–"


@dataclass(frozen=True)
class Row:
    """What was found in one environment."""

    environment: Environment
    versions: Sequence[str]
    results: Sequence[str]
    failures: Sequence[StepError]

    def cells(self) -> list[str]:
        """As the table has them."""
        found = self.environment
        return [found.interpreter.version, found.libraries, *self.versions, *self.results]


def demo(environment: Environment) -> str:
    """The sample model as a SavedModel that reads digits as well as when it was trained."""
    printed = run([environment.python, "-m", "cmlc.tools.demo"], environment.log("demo"))
    return _found(r"held-out digits right: (\S+)", printed)


def wheel(environment: Environment) -> str:
    """The wheel of this tree, built here, away from the tree: all of the package is in it."""
    log, built = environment.log("wheel"), environment.folder / "wheel"
    shutil.rmtree(built, ignore_errors=True)
    command = [environment.python, "-m", "build", "--no-isolation", "--outdir", str(built)]
    run([*command, str(ROOT)], log)
    (file,) = built.glob("*.whl")
    installed = built / "installed"
    pip = [environment.python, *PIP, "install", "--no-deps", "--no-index"]
    run([*pip, "--target", str(installed), str(file)], log)
    here = partial(run, log=log, folder=built, variables={"PYTHONPATH": str(installed)})
    place = here([environment.python, "-c", "import cmlc; print(cmlc.__file__)"])
    if not Path(place.strip()).is_relative_to(installed):
        raise StepError([f"import cmlc found {place.strip()}, which"], log)
    here([environment.python, "-m", "cmlc.tools.cmlc", str(SAMPLE), "-o", "saved"])
    random = ["--random", "0"]
    here([environment.python, "-m", "cmlc.tools.cmlc_run", str(SAMPLE), *random])
    return "runs"


def tests(environment: Environment, jobs: int) -> str:
    """The tests that need no TensorFlow."""
    command = [environment.python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    parallel = ["-n", str(jobs), "--dist", "loadfile"] if jobs > 1 else []
    return _found(r"(\d+ passed)", run([*command, *parallel], environment.log("tests")))


def recorded(environment: Environment, sample: int, jobs: int) -> str:
    """A sample of the recorded cases, where they are present: TensorFlow's numbers differ."""
    replay = [environment.python, str(ROOT / "tests" / "conformance" / "replay.py")]
    command = [*replay, "--sample", str(sample), "--jobs", str(jobs), "--list-failures"]
    log = environment.log("recorded")
    try:
        return _found(r"(\d+ cases, \d+ agree)", run(command, log))
    except StepError:
        if "no recorded cases in" in log.read_text().rpartition("\n$ ")[2]:
            return NOT_RECORDED
        raise


def _found(pattern: str, text: str) -> str:
    """The group of a pattern in what a command printed."""
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"nothing like {pattern} in what was printed:\n{text[-2000:]}")
    return match[1]


def row(environment: Environment, sample: int, jobs: int) -> Row:
    """Everything in one environment; a step that fails doesn't keep the others from running."""
    steps: dict[str, Callable[[Environment], str]] = {
        "demo": demo,
        "wheel": wheel,
        "quick tests": partial(tests, jobs=jobs),
        "recorded cases": partial(recorded, sample=sample, jobs=jobs),
    }
    failures: list[StepError] = []
    results = ["not installed"] * len(steps)
    versions = ["–"] * len(SHOWN)
    try:
        say(f"{environment.name}: installing")
        environment.make()
        versions = environment.versions(list(SHOWN))
    except StepError as failure:
        return Row(environment, versions, results, [failure])
    for position, (name, step) in enumerate(steps.items()):
        say(f"{environment.name}: {name}")
        environment.log(name.partition(" ")[0]).unlink(missing_ok=True)
        try:
            results[position] = step(environment)
        except StepError as failure:
            results[position] = "**fails**"
            failures.append(failure)
    return Row(environment, versions, results, failures)


def say(line: str) -> None:
    """Progress goes to standard error: standard output is the table."""
    print(line, file=sys.stderr, flush=True)


def lines_of(rows: Sequence[Row]) -> list[str]:
    """The table."""
    heads = ["Python", "libraries", *SHOWN.values(), "demo", "wheel", "quick tests"]
    return list(table([[*heads, "recorded cases"], *(item.cells() for item in rows)]))


def environments(only: Sequence[str]) -> Iterator[Environment]:
    """Those of the interpreters that are here; the others are told."""
    for series in SERIES:
        wanted: list[Libraries] = [
            libraries for libraries in SETS if not only or f"{series}-{libraries}" in only
        ]
        if not wanted:
            continue
        found = interpreter(series, places(series))
        if found is None:
            say(f"Python {series} is not here (or has no venv): skipped")
            continue
        yield from (Environment(found, libraries) for libraries in wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Where it runs: a table in Markdown.")
    names = [f"{series}-{libraries}" for series in SERIES for libraries in SETS]
    parser.add_argument("only", nargs="*", metavar="ROW", help=f"of {', '.join(names)}; else all")
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    parser.add_argument("--sample", type=int, default=300, help="how many recorded cases")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the table there, too")
    options = parser.parse_args(arguments)
    if strangers := set(options.only) - set(names):
        parser.error(f"{', '.join(sorted(strangers))}: expected some of {', '.join(names)}")
    rows: list[Row] = []
    for environment in environments(options.only):
        if options.fresh:
            shutil.rmtree(environment.folder, ignore_errors=True)
        rows.append(row(environment, options.sample, options.jobs))
    if not rows:
        return 2
    lines = lines_of(rows)
    print("\n".join(lines))
    if options.write:
        dated = [f"On {date.today().isoformat()}:", "", *lines]
        options.write.write_text(written(options.write.read_text(), "matrix", dated))
    for failure in (failure for item in rows for failure in item.failures):
        say(str(failure))
    return 1 if any(item.failures for item in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
