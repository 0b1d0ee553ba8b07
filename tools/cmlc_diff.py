"""`cmlc-diff`: what differs between two models, whatever names and order their ops have."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from ..compiler.choices import Stage
from ..ir.diagnostics import CompileError, Diagnostic, usage_error
from ..ir.writing import failures_told
from .cli import console, printing
from .cli.choices import COMPILING, add_choices
from .cli.given import options_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compiler.options import Options
    from ..ir.diff import Difference, EditKind
    from ..ir.ssa import Module
    from .view.diff_facts import Compared

EXAMPLES = """\
  cmlc-diff old.mlmodel new.mlmodel                 what differs, op by op
  cmlc-diff model.mlpackage model.mlmodelc          a model and its compiled form
  cmlc-diff model.mlmodel --stages=imported..lowered   what the compiler did to it
  cmlc-diff a.cmir b.cmir --side-by-side
  cmlc-diff a.mlmodel b.mlmodel --ignore=metadata,weight --quiet && echo same structure
  cmlc-diff a.mlmodel b.mlmodel --html=diff.html

exit status: 0 no difference, 1 differences, 2 trouble
"""
DIFFERENT, TROUBLE = 1, 2
STAGES = get_args(Stage)


def make_parser() -> console.CommandParser:
    """The options of `cmlc-diff`."""
    description = "Compare two models, IR files, or stages of one model."
    parser = console.CommandParser("cmlc-diff", "A [B]", description, EXAMPLES)
    add = parser.add_argument
    add("old", type=Path, metavar="A", help="a .mlmodel, .mlpackage, .mlmodelc, .zip or .cmir")
    add("new", type=Path, metavar="B", nargs="?", help="another one; not with --stages")
    add_choices(parser, COMPILING)
    stages = f"compare stages of one model: {', '.join(STAGES)}"
    parser.group("model").add_argument("--stages", metavar="FROM..TO", help=stages)
    parser.group("model").add_argument(
        "--stage", choices=STAGES, help="compare both models at this stage; imported by default"
    )
    add = parser.group("output").add_argument
    add(
        "--ignore",
        metavar="KIND,…",
        default="",
        help="differences that don't count: interface, metadata, weight, attribute, type, …",
    )
    add("--side-by-side", action="store_true", help="old and new lines beside each other")
    add(
        "--limit",
        type=int,
        default=200,
        metavar="N",
        help="show so many lines at most (200), like edits as one; 0 shows each edit",
    )
    add("-q", "--quiet", action="store_true", help="print the summary line only")
    add("--html", type=Path, metavar="FILE", help="write a page for browsers")
    add("--json", action="store_true", help="print one JSON object")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status: of input that can't be read, 2 as for wrong usage."""
    equal: list[bool] = []
    status = console.run(make_parser(), lambda given: equal.append(_run(given)), argv)
    if status == console.INPUT_ERROR:
        return TROUBLE
    return status or (0 if all(equal) else DIFFERENT)


def _run(given: argparse.Namespace) -> bool:
    """Compare and tell; whether they are equal."""
    from ..ir.diff import compare
    from .view.diff_facts import Compared

    if given.limit < 0:
        raise usage_error(f"--limit is {given.limit}, expected 0 or more")
    ignored = _ignored(given.ignore)
    stages = _stages(given)
    with console.progress(enabled=not given.json) as started:
        old, new = _modules(given, stages, started)
        if started is not None:
            started("compare", "")
        found = _without(compare(old, new, one_model=given.new is None), ignored)
    names = tuple(map(str, (given.old, given.new))) if given.new else stages
    compared = Compared(names[0], names[1], found)
    _tell(given, compared)
    return found.equal


def _tell(given: argparse.Namespace, compared: "Compared") -> None:
    if given.html is not None:
        from .view.diff_html import page

        with failures_told(given.html):
            given.html.write_text(page(compared), encoding="utf-8")
    if given.json:
        from .view.diff_facts import facts

        printing.print_json(facts(compared))
        return
    from .view.diff_text import print_difference

    print_difference(compared, given.limit, beside=given.side_by_side, quiet=given.quiet)


def _stages(given: argparse.Namespace) -> tuple[Stage, Stage]:
    """The stages of the first and of the second module.

    Raises:
        CompileError: of kind "usage".
    """
    if not given.stages:
        if given.new is None:
            raise usage_error("there is nothing to compare with", "name B, or --stages")
        stage = given.stage or "imported"
        return stage, stage
    if given.new is not None or given.stage:
        what = "B" if given.new is not None else "--stage"
        raise usage_error(f"--stages is for one model; leave out {what}")
    first, dots, last = given.stages.partition("..")
    if not dots or {first, last} - set(STAGES):
        known = ", ".join(STAGES)
        raise usage_error(f"--stages={given.stages}", f"write FROM..TO, of {known}")
    return cast(Stage, first), cast(Stage, last)


def _modules(
    given: argparse.Namespace,
    stages: tuple[Stage, Stage],
    started: "Callable[[str, str], None] | None",
) -> "tuple[Module, Module]":
    from ..compiler.stages import Stages
    from ..compiler.watch import Watch

    first, last = stages
    old = Stages(given.old, _options(given, given.old), Watch(started=started))
    new = old
    if given.new is not None:
        new = Stages(given.new, _options(given, given.new), Watch(started=started))
    try:
        return old.at(first), new.at(last)
    except CompileError as error:
        raise CompileError(map(_of_comparing, error.diagnostics)) from error


def _of_comparing(problem: Diagnostic) -> Diagnostic:
    """The problem, with what can be compared of a model that only Apple's systems run."""
    from ..compiler.frontends.opaque import OPAQUE

    if problem.subject not in OPAQUE:
        return problem
    shows = f"cmlc {problem.file} --emit=html --stage=stored"
    return replace(problem, remedy=f"compare by hand what is stored: {shows}, and of the other")


def _options(given: argparse.Namespace, path: Path) -> "Options":
    """How one side is read: programs in their own types, so that types are compared as they are.

    IR text was imported before; choices about that are for the other side, if that is a model.
    """
    from ..backends.table import TARGETS
    from ..compiler.driver import OF_IMPORT

    sides = [side for side in (given.old, given.new) if side is not None]
    options = options_of(given)
    if path.suffix != ".cmir":
        keeps = "precision" not in TARGETS[options.target].without
        return options_of(given, precision="keep") if keeps else options
    is_only_text = all(side.suffix == ".cmir" for side in sides)
    return options if is_only_text else options.without(OF_IMPORT)


def _ignored(text: str) -> "set[EditKind]":
    from ..ir.diff import EDIT_KINDS

    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(names - set(EDIT_KINDS)):
        message = f"--ignore: there is no kind '{unknown[0]}'"
        raise usage_error(message, f"kinds are {', '.join(EDIT_KINDS)}")
    return {kind for kind in EDIT_KINDS if kind in names}


def _without(found: "Difference", ignored: "set[EditKind]") -> "Difference":
    kept = tuple(edit for edit in found.edits if edit.kind not in ignored)
    return replace(found, edits=kept)


if __name__ == "__main__":
    sys.exit(main())
