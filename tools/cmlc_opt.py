"""`cmlc-opt`: run any passes on any module; print the IR, or why patterns did not apply."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from . import console
from .cmlc import add_watching, make_watch, print_after, print_timing

if TYPE_CHECKING:
    from ..compiler.driver import Watch
    from ..ir.ssa import Module
    from ..passes.manager import Pipeline
    from ..passes.patterns import Event, Trace

EXAMPLES = """\
  cmlc-opt model.cmir                                         parse, verify, print
  cmlc-opt model.mlmodel --passes='canonicalize, (cse, dce)*' any model, any pipeline
  cmlc-opt model.cmir --passes='layout{to=channels_last}'     options in braces
  cmlc-opt model.mlmodel --explain fold-batch-norm            what nearly matched, and why not
  cmlc model.mlmodel --emit=ir | cmlc-opt - --passes=dce
"""


def make_parser() -> console.CommandParser:
    """The options of `cmlc-opt`."""
    parser = console.CommandParser("cmlc-opt", "Run passes on a module and print it.", EXAMPLES)
    add = parser.add_argument
    add("input", nargs="?", metavar="IN", help="a .cmir or any model file; - is standard input")
    add("--passes", default="", metavar="PIPELINE", help="what to run; nothing by default")
    add("-o", "--output", metavar="OUT", help="a .cmir file; its weights are written beside it")
    add_watching(parser)
    add(
        "--explain",
        metavar="PASS",
        default="",
        help="print where patterns of the pass declined; it runs last if not in --passes",
    )
    add("--trace-rewrites", action="store_true", help="print every rewrite on standard error")
    add("--locations", action="store_true", help="print where in the model each op comes from")
    add("--list-passes", action="store_true", help="print all passes and their options")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    if given.list_passes:
        _list_passes()
        return 0
    if given.input is None:
        raise console.usage_error("there is no input", "name a file, or - for standard input")
    pipeline = _pipeline(given)
    module, watch = _optimized(given, pipeline)
    _print(module, given)
    if given.timing:
        print_timing(watch)
    return 0


def _pipeline(given: argparse.Namespace) -> "Pipeline":
    """The passes to run; the explained one is among them."""
    from ..passes.manager import parse_pipeline
    from .pass_list import check_names

    check_names(print_after(given), ("all", "changed"))
    pipeline = parse_pipeline(given.passes)
    if not given.explain:
        return pipeline
    # The pass to explain may be given with options; one that runs anyway needs none.
    (explained,) = parse_pipeline(given.explain)
    given.explain = explained.name
    if explained.name in [item.name for item in pipeline]:
        return pipeline
    return parse_pipeline(", ".join(filter(None, (given.passes, explained.spec))))


def _optimized(given: argparse.Namespace, pipeline: "Pipeline") -> tuple["Module", "Watch"]:
    from ..compiler.driver import run_passes
    from ..ir.diagnostics import CompileError
    from ..passes.patterns import Trace

    watch = make_watch(given)
    module = _load(given.input, watch)
    trace, starts = Trace(), list[tuple[str, int]]()
    instrumentation = watch.instrumentation
    if instrumentation is not None and (given.explain or given.trace_rewrites):
        instrumentation.trace = trace
        instrumentation.progress = lambda name: starts.append((name, len(trace.events)))
    try:
        module = run_passes(module, pipeline, watch)
    except CompileError as error:
        raise error.in_file(given.input) from error
    finally:  # what happened before a failure is worth seeing, too
        if given.trace_rewrites:
            _print_rewrites(trace)
    if given.explain:
        _explain(given.explain, list(_events_of(given.explain, trace, starts)))
    return module, watch


def _load(source: str, watch: "Watch") -> "Module":
    from ..compiler import driver

    if source == "-":
        try:
            return driver.load_text(sys.stdin.read(), "<stdin>")
        except UnicodeDecodeError:
            raise console.usage_error("standard input is no IR text") from None
    return driver.load(Path(source), watch=watch)


def _print(module: "Module", given: argparse.Namespace) -> None:
    if not given.output or given.output == "-":
        from ..ir.text.printer import PrintOptions, print_module

        sys.stdout.write(print_module(module, PrintOptions(locations=given.locations)))
        return
    from ..ir.text.archive import write_archive

    path = Path(given.output)
    if path.suffix != ".cmir":
        raise console.usage_error(f"IR goes to a file called .cmir, not '{path}'")
    with console.writing(path):
        write_archive(module, path, locations=given.locations)


def _list_passes() -> None:
    from .pass_list import all_passes

    rows: list[tuple[str, ...]] = []
    for item in all_passes():
        rows.append((item.name, item.summary))
        rows += [("", f"  {option}") for option in item.options]
    console.print_rows(rows)


# -- what patterns did, and did not ---------------------------------------------------------------


def _events_of(name: str, trace: "Trace", starts: list[tuple[str, int]]) -> Iterator["Event"]:
    """What happened while the pass ran, as often as it did."""
    ends = [start for _, start in starts[1:]] + [len(trace.events)]
    for (running, start), end in zip(starts, ends, strict=True):
        if running == name:
            yield from trace.events[start:end]


def _explain(name: str, events: "Iterable[Event]") -> None:
    """Near-misses: patterns whose shape was there, with the reason they declined."""
    events = list(events)
    near = Counter((_where(event), event.before, event.reason) for event in events if event.reason)
    done = sum(not event.reason for event in events)
    print(
        f"{name}: {console.plural(done, 'rewrite')}, {console.plural(len(near), 'near-miss')}",
        file=sys.stderr,
    )
    for (where, before, reason), count in near.items():
        times = f" ({count} times)" if count > 1 else ""
        print(f"{where}\n    {before}\n    declined: {reason}{times}", file=sys.stderr)


def _print_rewrites(trace: "Trace") -> None:
    for event in trace.events:
        if event.reason:
            continue
        after = "\n    → ".join(event.after) or "an existing value"
        print(f"{_where(event)}\n    {event.before}\n    → {after}", file=sys.stderr)


def _where(event: "Event") -> str:
    return f"{event.pattern.name} ({event.pattern.where}) at {event.location}"


if __name__ == "__main__":
    sys.exit(main())
