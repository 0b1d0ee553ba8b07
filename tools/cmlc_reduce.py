"""`cmlc-reduce`: shrink a module while it keeps failing in the same way."""

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ir.diagnostics import usage_error
from ..ir.writing import failures_told
from .cli import console, printing
from .cli.choices import IMPORTING, add_choices
from .cli.given import options_of

if TYPE_CHECKING:
    from ..ir.ssa import Module
    from .debug.reduce_tests import Test

EXAMPLES = """\
  cmlc-reduce model.cmir --passes=fold-batch-norm           a pass fails, or changes numbers
  cmlc-reduce model.mlmodel --after=canonicalize --passes=cse
  cmlc-reduce model.cmir --lower                            lowering fails; --target=keras
  cmlc-reduce model.mlmodel --compare                       TensorFlow gives other numbers
  cmlc-reduce model.cmir --test 'cmlc {} -o /tmp/out'       this command fails
  cmlc-reduce model.cmir --test './check.sh {}' --match 'not finite'

what is kept:
  --test: the command's exit status is the one that it has on the whole module, and with --match
  the text is in its output. {} stands for a .cmir file; weights are beside it. Scripts that exit
  with 0 for what is wanted need --match. Without --test: the same exception of the same function,
  or numbers beyond the tolerance; modules are tested in this process, hundreds a second.
"""


def make_parser() -> console.CommandParser:
    """The options of `cmlc-reduce`."""
    description = "Shrink a module while it keeps failing."
    parser = console.CommandParser("cmlc-reduce", "MODULE", description, EXAMPLES)
    parser.add_argument("model", type=Path, metavar="MODULE", help="a .cmir or any model file")
    add_choices(parser, IMPORTING)
    add = parser.add_argument_group("what fails").add_argument
    add("--test", metavar="COMMAND", help="what fails; {} stands for the module's file")
    add("--match", metavar="TEXT", default="", help="what the command must print")
    add("--timeout", type=float, default=60, metavar="S", help="ends a command (60 seconds)")
    add("--passes", metavar="PIPELINE", help="passes that fail or change numbers")
    add("--lower", action="store_true", help="lowering fails, after the target's passes")
    add("--compare", action="store_true", help="the target gives other numbers than numpy")
    add("--tolerance", type=float, default=1e-4, metavar="T", help="of numbers, relative (1e-4)")
    add("--random", type=int, default=0, metavar="SEED", help="of the inputs (0)")
    add("--after", default="", metavar="PIPELINE", help="passes to run once, before anything else")
    add = parser.group("output").add_argument
    add("-o", "--output", type=Path, metavar="OUT", help="MODULE.reduced.cmir by default")
    add("--json", action="store_true", help="print one JSON object")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    from ..compiler import driver
    from ..ir.text.archive import write_archive
    from ..passes.manager import parse_pipeline
    from .debug.reduce_tests import make_test

    path = given.output or Path(f"{given.model.stem}.reduced.cmir")
    if path.suffix != ".cmir":
        raise usage_error(f"IR goes to a file called .cmir, not '{path}'")
    before = parse_pipeline(given.after)
    with make_test(given) as test, console.progress(enabled=not given.json) as started:
        watch = driver.Watch(started=started)
        module = driver.run_passes(
            driver.load(given.model, options_of(given), watch), before, watch
        )
        begun = time.perf_counter()
        reduced, facts = _reduced(module, test, started)
        facts["seconds"] = time.perf_counter() - begun
    head = f"// RUN: {test.command.replace('{}', shlex.quote(path.name))}\n"
    with failures_told(path):
        write_archive(reduced, path, head=head)
    facts["output"] = str(path)
    if given.json:
        printing.print_json({"ok": True, **facts})
    else:
        _print(facts)
    return 0


def _reduced(module: "Module", test: "Test", started: Any) -> "tuple[Module, dict[str, Any]]":
    """(the smallest module that was found, what was done)."""
    from ..compiler.driver import count_ops
    from ..passes.reduce import REDUCTIONS, Progress, Reducer

    wanted = test.signature(module)
    if not wanted:
        raise usage_error("the whole module does not fail: nothing can be kept", test.hint)

    def report(progress: Progress) -> None:
        if started is not None:
            done = printing.plural(progress.tried, "candidate")
            started(f"{progress.ops} ops after {done}", progress.reduction)

    reducer = Reducer(module, lambda candidate: test.signature(candidate) == wanted, report)
    try:
        reducer.run(REDUCTIONS)
    except KeyboardInterrupt:
        printing.note("interrupted: this is the smallest module so far")
    progress = reducer.progress
    return reducer.module, {
        "failure": wanted,
        "ops": {"before": count_ops(module), "after": count_ops(reducer.module)},
        "candidates": {"tried": progress.tried, "kept": progress.kept},
    }


def _print(facts: dict[str, Any]) -> None:
    ops, tried = facts["ops"], facts["candidates"]["tried"]
    seconds = f"{facts['seconds']:.1f} s"
    printing.print_rows(
        [
            ("kept", facts["failure"]),
            ("ops", f"{ops['before']:,} → {ops['after']:,}"),
            ("tried", f"{printing.plural(tried, 'candidate')} in {seconds}"),
            ("written", facts["output"]),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
