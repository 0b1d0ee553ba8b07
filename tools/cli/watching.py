"""Options about what happens in passes, and what they print."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import console

if TYPE_CHECKING:
    from ...compiler.watch import Watch


def add_watching(parser: console.CommandParser) -> None:
    """Options about what happens in passes, the same for several commands."""
    add = parser.group("debugging").add_argument
    add(
        "--print-after",
        metavar="PASS",
        action="append",
        default=[],
        help="print the IR after this pass (or: all, changed) on standard error",
    )
    add(
        "--dump-dir",
        type=Path,
        metavar="DIR",
        help="write the IR of all stages and passes (or of --print-after's) into numbered files",
    )
    add("--timing", action="store_true", help="print where the time goes: stages, passes, groups")
    add("--timing-patterns", action="store_true", help="the same, with the patterns of passes")
    add("--stats", action="store_true", help="print what passes and patterns did to which ops")


def print_after(given: argparse.Namespace) -> frozenset[str]:
    """The names of all `--print-after`, which may also be separated by commas."""
    return frozenset(name for text in given.print_after for name in text.split(",") if name)


def make_watch(given: argparse.Namespace, started: Any = None) -> "Watch":
    """What the options say about watching passes."""
    from dataclasses import replace

    from ...compiler.watch import Watch
    from ...passes.manager import Instrumentation
    from .given import print_options

    def emit(name: str, text: str) -> None:
        print(f"// ----- after {name} -----\n{text}", file=sys.stderr)

    options = print_options(given)
    wanted, dump = print_after(given), None
    if given.dump_dir is not None:
        from .dump import Dump

        options = replace(options, data=False)
        dump = Dump(given.dump_dir, options)
        wanted = wanted or frozenset(("all",))
    instrumentation = Instrumentation(
        verify_each=getattr(given, "verify_each", False),
        print_after=wanted,
        emit=dump.text if dump else emit,
        print_options=options,
        reproducers=Path(),
        patterns={} if given.timing_patterns or given.stats else None,
    )
    made = dump.module if dump else None
    return Watch(instrumentation, started, made=made, quiet=console.quiet_errors)


def print_measured(given: argparse.Namespace, watch: "Watch") -> None:
    """What `--timing` and `--stats` ask for, on standard error."""
    from .measured import print_stats, print_timing

    if given.timing or given.timing_patterns:
        print_timing(watch, given.timing_patterns)
    if given.stats:
        print_stats(watch)


def measured_facts(given: argparse.Namespace, watch: "Watch") -> dict[str, Any]:
    """The same for `--json`."""
    from .measured import stats_facts, timing_facts

    facts: dict[str, Any] = {}
    if given.timing or given.timing_patterns:
        facts["timing"] = timing_facts(watch, given.timing_patterns)
    if given.stats:
        facts["stats"] = stats_facts(watch)
    return facts
