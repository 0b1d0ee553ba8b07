"""`cmlc-run --bisect-passes`: the pass, and in it the rewrite, that changed the numbers."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cli import console, printing
from .experiment import Experiment, number_text, origins, origins_text, print_table

if TYPE_CHECKING:
    from ...ir.ssa import Module
    from ...ir.types import Array
    from ...passes.bisect import Bisection, Culprit, Step
    from ...passes.bisect import Experiment as Run

_SHOWN_LINES = 12
_SHOWN_COLUMNS = 160


def run_bisect(given: argparse.Namespace, experiment: Experiment, progress: Any) -> int:
    """Search and print the result; returns 1 if a pass moved a result beyond the tolerance."""
    from ...backends.table import load_target
    from ...compiler.driver import pipeline_of
    from ...passes.bisect import TOLERANCE, bisect
    from ...passes.bisect import Experiment as Run

    module = experiment.module
    run = Run(module.main.name, experiment.arrays, progress)
    tolerance = TOLERANCE if given.tolerance is None else given.tolerance
    stages = {"optimize": bisect(module, pipeline_of(experiment.options), run, tolerance)}
    after = load_target(experiment.options.target).after
    if after and not stages["optimize"].found:
        stages["lower"] = _bisect_lowered(stages["optimize"], experiment, run, tolerance)
    if given.json:
        printing.print_json(_facts(stages, tolerance))
    else:
        _print(stages, tolerance, given.model)
    return console.INPUT_ERROR if any(found.found for found in stages.values()) else 0


def _bisect_lowered(
    before: "Bisection", experiment: Experiment, run: "Run", tolerance: float
) -> "Bisection":
    """The target's own passes, on what its other passes made, lowered; the target runs it."""
    from ...backends.table import load_target
    from ...compiler.driver import with_result_names
    from ...ir.rewrite import clone_module
    from ...passes.bisect import bisect
    from ...passes.manager import parse_pipeline

    target = load_target(experiment.options.target)

    def execute(module: "Module", function: str, inputs: Any) -> "dict[str, Array]":
        return target.executable(module).run(inputs, function)

    assert before.after is not None
    module = clone_module(with_result_names(before.after))
    target.lower(module)
    console.start_library(target.library)
    pipeline = parse_pipeline(target.after)
    return bisect(module, pipeline, replace(run, execute=execute), tolerance)


def _print(stages: "dict[str, Bisection]", tolerance: float, model: Path) -> None:
    rows = [
        (number_text(s.moved.relative), number_text(s.total.relative), _place(stage, s), s.spec)
        for stage, found in stages.items()
        for s in found.steps
    ]
    print_table(("moved", "in all", "place", "pass"), rows)
    stage, found = list(stages.items())[-1]
    if not found.found:
        print(f"no pass moves a result by more than {tolerance:g} of its largest number")
        print("other inputs (--random) may show more: a saturated softmax hides the ops before it")
        return
    step = found.steps[-1]
    print(f"pass '{step.spec}' moves ", end="")
    if step.problem:
        print(f"more than numbers: {step.problem}")
    else:
        print(f"'{step.result}' by {number_text(step.moved.relative)}, more than {tolerance:g}")
    if found.rewrite is None:
        print("it is not a set of patterns: its rewrites can't be told apart")
    else:
        _print_rewrite(found.rewrite)
    if stage == "lower":
        return  # cmlc-reduce makes core IR small, which the interpreter runs
    reduce = f"cmlc-reduce {model}{_plugins(found)} --passes='{step.spec}' {_prefix(found)}"
    print(f"make it small: {reduce.rstrip()}")


def _place(stage: str, step: "Step") -> str:
    """Which pass of the target's pipeline it was, or of those after lowering."""
    return f"lowered {step.position}" if stage == "lower" else str(step.position)


def _plugins(found: "Bisection") -> str:
    """The plugins of the passes up to the wrong one."""
    from ...passes.known import plugin_options
    from ...passes.manager import parse_pipeline

    pipeline = parse_pipeline(", ".join(step.spec for step in found.steps))
    return plugin_options(item.name for item in pipeline)


def _prefix(found: "Bisection") -> str:
    """The passes before the wrong one, if there are any."""
    before = ", ".join(step.spec for step in found.steps[:-1])
    return f"--after='{before}'" if before else ""


def _print_rewrite(culprit: "Culprit") -> None:
    event = culprit.event
    print(
        f"rewrite {culprit.number} of {culprit.count}: {event.pattern.name} ({event.pattern.where})"
    )
    if event.pattern.doc:
        print(f"  {event.pattern.doc}")
    if where := origins_text(event.location):
        print(f"  at {where}")
    for mark, lines in (("-", culprit.before), ("+", culprit.after)):
        for line in sorted(lines, key=_is_data)[:_SHOWN_LINES]:
            text = line if len(line) <= _SHOWN_COLUMNS else f"{line[:_SHOWN_COLUMNS]}…"
            print(f"  {mark} {text}")
        if len(lines) > _SHOWN_LINES:
            print(f"  {mark} and {printing.plural(len(lines) - _SHOWN_LINES, 'line')} more")


def _is_data(line: str) -> bool:
    """Whether a line of IR has data and no computation."""
    return line.startswith('"') or " = const {" in line


def _facts(stages: "dict[str, Bisection]", tolerance: float) -> dict[str, Any]:
    steps = [
        {
            "stage": stage,
            "position": step.position,
            "pass": step.spec,
            "moved": step.moved.relative,
            "total": step.total.relative,
            "result": step.result,
            "problem": step.problem,
        }
        for stage, part in stages.items()
        for step in part.steps
    ]
    found = list(stages.values())[-1]
    facts: dict[str, Any] = {"ok": not found.found, "tolerance": tolerance, "passes": steps}
    if found.rewrite is not None:
        event = found.rewrite.event
        facts["rewrite"] = {
            "pattern": event.pattern.name,
            "where": event.pattern.where,
            "doc": event.pattern.doc,
            "locations": origins(event.location),
            "number": found.rewrite.number,
            "count": found.rewrite.count,
            "moved": found.rewrite.moved.relative,
            "before": list(found.rewrite.before),
            "after": list(found.rewrite.after),
        }
    return facts
