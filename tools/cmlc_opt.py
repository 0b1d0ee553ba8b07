"""`cmlc-opt`: run any passes on any module; print the IR, or why patterns did not apply."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..ir.diagnostics import problems_in, usage_error
from ..ir.writing import failures_told
from .cli import console, printing
from .cli.choices import IMPORTING, PRINTING, add_choices
from .cli.explain import events_of, explained_facts, print_explained, print_rewrites
from .cli.given import chosen, options_of, print_options
from .cli.watching import add_watching, make_watch, measured_facts, print_after, print_measured

if TYPE_CHECKING:
    from ..compiler.options import Options
    from ..compiler.watch import Watch
    from ..ir.ssa import Module
    from ..passes.manager import Pipeline
    from ..passes.patterns import Event

EXAMPLES = """\
  cmlc-opt model.cmir                                         parse, verify, print
  cmlc-opt model.mlmodel --passes='canonicalize, (cse, dce)*' any model, any pipeline
  cmlc-opt model.cmir --passes='layout{to=channels_last}'     options in braces
  cmlc-opt model.mlmodel --explain fold-batch-norm            what nearly matched, and why not
  cmlc-opt model.cmir --plugin my_pass.py --passes='my-pass{threshold=3}'   a pass of your own
  cmlc-opt m.mlmodel --passes='layout, constant-fold' --lower --target=keras --explain=fuse-keras
  cmlc-opt --help-pass constant-fold                          all about one pass
  cmlc model.mlmodel --emit=ir | cmlc-opt - --passes=dce
"""


def make_parser() -> console.CommandParser:
    """The options of `cmlc-opt`."""
    parser = console.CommandParser(
        "cmlc-opt", "[IN]", "Run passes on a module and print it.", EXAMPLES
    )
    parser.add_argument(
        "input", nargs="?", metavar="IN", help="a .cmir or any model file; - is standard input"
    )
    add_choices(parser, (*IMPORTING, "verify_each", *PRINTING))
    add = parser.group("model").add_argument
    add("--passes", default="", metavar="PIPELINE", help="what to run; nothing by default")
    add("--lower", action="store_true", help="then lower for --target what its passes prepared")
    add = parser.group("output").add_argument
    add("-o", "--output", metavar="OUT", help="a .cmir file; its weights are written beside it")
    add("--json", action="store_true", help="print one JSON object; the IR goes to -o OUT")
    add_watching(parser)
    add = parser.group("debugging").add_argument
    add(
        "--explain",
        metavar="PASS",
        default="",
        help="print where patterns of the pass declined; it runs last if not in --passes",
    )
    add("--trace-rewrites", action="store_true", help="print every rewrite on standard error")
    add("--list-passes", action="store_true", help="print all passes and their options")
    add("--help-pass", metavar="PASS", help="print what a pass does, its options and its patterns")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    if given.list_passes or given.help_pass:
        _describe(given)
        return 0
    if given.input is None:
        raise usage_error("there is no input", "name a file, or - for standard input")
    if given.json and (given.output or "-") == "-":
        raise usage_error("--json and the IR can't share standard output", "add -o")
    pipeline = _pipeline(given)
    module, watch, events = _optimized(given, pipeline)
    _print(module, given)
    if given.json:
        _print_facts(given, module, watch, events)
        return 0
    if given.explain:
        print_explained(given.explain, events)
    print_measured(given, watch)
    return 0


def _describe(given: argparse.Namespace) -> None:
    """All passes, or one."""
    from .cli.pass_list import all_passes, as_facts, pass_facts, print_help, print_list

    if given.json:
        items = [pass_facts(given.help_pass)] if given.help_pass else all_passes()
        printing.print_json({"ok": True, "passes": [as_facts(item) for item in items]})
    elif given.help_pass:
        print_help(pass_facts(given.help_pass))
    else:
        print_list()


def _print_facts(
    given: argparse.Namespace, module: "Module", watch: "Watch", events: "list[Event]"
) -> None:
    from ..compiler.driver import count_ops

    facts = {"ok": True, "output": given.output, "ops": count_ops(module)}
    if given.explain:
        facts["explain"] = explained_facts(given.explain, events)
    printing.print_json(facts | measured_facts(given, watch))


def _pipeline(given: argparse.Namespace) -> "Pipeline":
    """The passes to run, including the explained one unless lowering runs it."""
    from ..backends.table import load_target
    from ..passes.manager import parse_pipeline
    from .cli.pass_list import check_names

    check_names(print_after(given), ("all", "changed"))
    if "target" in chosen(given) and not given.lower:
        raise usage_error("--target is for --lower", "add --lower, or name passes")
    given.passes = ", ".join(filter(None, (*_by_choices(given), given.passes)))
    pipeline = parse_pipeline(given.passes)
    if not given.explain:
        return pipeline
    # The pass to explain may be given with options; one that runs anyway needs none.
    (explained,) = parse_pipeline(given.explain)
    given.explain = explained.name
    after = load_target(options_of(given).target).after if given.lower else ""
    if explained.name in [item.name for item in (*pipeline, *parse_pipeline(after))]:
        return pipeline
    return parse_pipeline(", ".join(filter(None, (given.passes, explained.spec))))


def _by_choices(given: argparse.Namespace) -> list[str]:
    """The passes that carry out what is chosen: `cmlc` runs them before any other, too."""
    from ..compiler.driver import passes_of

    return passes_of(options_of(given)) if {"batch", "io_layout"} & chosen(given).keys() else []


def _optimized(
    given: argparse.Namespace, pipeline: "Pipeline"
) -> tuple["Module", "Watch", "list[Event]"]:
    """The module after the passes, what was seen, and the events of the pass to explain."""
    from ..compiler.driver import lower, run_passes
    from ..passes.patterns import Trace

    watch = make_watch(given)
    options = options_of(given)
    module = _load(given.input, options, watch)
    trace, starts = Trace(), list[tuple[str, int]]()
    instrumentation = watch.instrumentation
    if instrumentation is not None and (given.explain or given.trace_rewrites):
        instrumentation.trace = trace
        instrumentation.progress = lambda name: starts.append((name, len(trace.events)))
    try:
        with problems_in(given.input):
            module = run_passes(module, pipeline, watch)
            if given.lower:
                module = lower(module, options, watch)
    finally:  # what happened before a failure is worth seeing, too
        if given.trace_rewrites:
            print_rewrites(trace)
    return module, watch, list(events_of(given.explain, trace, starts))


def _load(source: str, options: "Options", watch: "Watch") -> "Module":
    from ..compiler import driver

    if source == "-":
        try:
            module = driver.load_text(sys.stdin.read(), "<stdin>")
            return driver.load(watch.show("imported", module), options)
        except UnicodeDecodeError:
            raise usage_error("standard input is not IR text") from None
    return driver.load(Path(source), options, watch)


def _print(module: "Module", given: argparse.Namespace) -> None:
    if not given.output or given.output == "-":
        from ..ir.text.printer import print_module

        sys.stdout.write(print_module(module, print_options(given)))
        return
    from ..ir.text.archive import write_archive

    path = Path(given.output)
    if path.suffix != ".cmir":
        raise usage_error(f"IR goes to a file called .cmir, not '{path}'")
    with failures_told(path):
        write_archive(module, path, print_options(given))


if __name__ == "__main__":
    sys.exit(main())
