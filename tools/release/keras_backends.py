"""Keras code on every backend of Keras: `make keras-backends` runs its tests on each.

The tests that compare Keras code with the interpreter run in an environment of their own, which has
torch. What fails there is a row of the table in docs/keras.md, with the reason from `DIFFERENCES`.

Exit status 1 when something fails for no known reason, when a known one explains nothing any more,
or when the table is not that of the document; 2 when there is no environment.
"""

from __future__ import annotations

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .environments import ROOT, Environment, StepError, interpreter, places, run
from .tables import between, table, written

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}
TESTS = "tests/differential"
PAGE = ROOT / "docs" / "keras.md"


@dataclass(frozen=True)
class Difference:
    """What is known to differ on some backends.

    Attributes:
        what: the calls, for the table.
        tests: a pattern of the names of tests that fail there.
        why: how backends differ, for the table.
    """

    what: str
    tests: str
    why: str


DIFFERENCES = (
    Difference(
        "`ops.top_k`",
        r"\[tensor\.(dynamic_)?topk|of_equal_elements",
        "indices are int64, and those of equal elements not always the first",
    ),
    Difference(
        "`ops.one_hot`",
        r"\[tensor\.one_hot\]",
        "an index out of range is an error, instead of zeros",
    ),
    Difference(
        '`ops.pad(mode="reflect")`',
        r"\[tensor\.pad\]",
        "an error, except along the last three dimensions of four or five",
    ),
    Difference(
        "`ops.dot_product_attention`",
        r"attends_to_nothing",
        "a query whose mask is -inf for all keys gives 0, instead of what is not a number",
    ),
    Difference(
        "`layers.StringLookup`, `IntegerLookup`",
        r"looks_up|what_keys_mean|of_a_lookup|remainder_of_a_position|vocabular",
        "an error of cmlc and of the code: these layers are for TensorFlow alone",
    ),
)

Failures = Mapping[str, Collection[str]]  # backend → names of tests


def failures(report: str) -> set[str]:
    """The names of the tests that failed, from a report of pytest in XML.

    Raises:
        ValueError: no test ran.
    """
    cases = list(ElementTree.fromstring(report).iter("testcase"))
    if not cases:
        raise ValueError("no test ran")
    failed = [case for case in cases if {part.tag for part in case} & {"failure", "error"}]
    return {case.get("name", "") for case in failed}


def failing(environment: Environment, backend: str) -> set[str]:
    """The tests of Keras code that fail on a backend.

    Raises:
        StepError: pytest could not run them.
    """
    report, log = environment.folder / f"{backend}.xml", environment.log(backend)
    report.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    files = sorted(str(path) for path in (ROOT / TESTS).glob("keras_*_test.py"))
    command = [environment.python, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    try:
        run([*command, f"--junitxml={report}", *files], log, {"KERAS_BACKEND": backend})
    except StepError:
        if not report.exists():
            raise
    return failures(report.read_text())


def lines_of(found: Failures) -> list[str]:
    """The table: a row for each known difference."""
    rows = [["call", *(BACKENDS[backend] for backend in found), "how"]]
    for known in DIFFERENCES:
        differs = [any(re.search(known.tests, name) for name in names) for names in found.values()]
        rows.append([known.what, *("differs" if it else "agrees" for it in differs), known.why])
    return list(table(rows))


def complaints(found: Failures) -> list[str]:
    """What fails for no known reason, and what explains nothing."""
    lines = [
        f"{BACKENDS[backend]}: {name} fails, and nothing in DIFFERENCES says why"
        for backend, names in found.items()
        for name in sorted(names)
        if not any(re.search(known.tests, name) for known in DIFFERENCES)
    ]
    names = [name for tests in found.values() for name in tests]
    return lines + [
        f"{known.what}: no test fails that matches {known.tests}"
        for known in DIFFERENCES
        if not any(re.search(known.tests, name) for name in names)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Keras code on every backend of Keras.")
    parser.add_argument("--write", action="store_true", help="put the table into docs/keras.md")
    options = parser.parse_args(arguments)
    series = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = interpreter(series, [sys.executable, *places(series)])
    if python is None:
        print(f"Python {series} can't make environments (no venv)", file=sys.stderr)
        return 2
    environment = Environment(python, "newest", ("dev", "torch"))
    found: dict[str, set[str]] = {}
    try:
        environment.make()
        for backend, title in BACKENDS.items():
            print(f"{title}: running", file=sys.stderr, flush=True)
            found[backend] = failing(environment, backend)
    except StepError as failure:
        print(failure, file=sys.stderr)
        return 2
    lines = lines_of(found)
    print("\n".join(lines))
    problems = complaints(found)
    text = PAGE.read_text(encoding="utf-8")
    if options.write:
        PAGE.write_text(written(text, "backends", lines), encoding="utf-8")
    elif between(text, "backends") != "\n".join(lines):
        problems.append(f"the table of {PAGE.relative_to(ROOT)} is another one (--write)")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
