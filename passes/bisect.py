"""Finds the pass, and in it the rewrite, that changed a function's numbers.

The module runs after every pass that changed something: in the interpreter or, once it is lowered,
in the target, after the passes that the target can't do without (`Pass.is_required`). A pattern
pass that moved a result is run again on its input, with fewer rewrites, until one rewrite is left
between right numbers and wrong ones.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..ir.deviation import Deviation, worst
from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.interpret import Interpreter, of_one_example
from ..ir.rewrite import clone_module
from ..ir.ssa import Function, Module
from ..ir.text.printer import print_module
from ..ir.types import Array
from .manager import Instrumentation, Pass, Pipeline
from .patterns import Event, RewriteLimit, Trace

Results = Mapping[str, Array]
# Relative to a result's largest number: rewrites that only round differently move float32 results
# of deep networks by some 1e-6.
TOLERANCE = 1e-4
_ALL = 1 << 62


@dataclass(frozen=True)
class Step:
    """A pass that changed the module.

    Attributes:
        position: which pass of the run it was, from 1.
        spec: the pass, as pipelines spell it.
        moved: by how much the pass moved the result that it moved most.
        total: by how much results differ from those of the original module.
        result: the name of the result that the pass moved most.
        problem: why the module no longer runs; empty if it does.
    """

    position: int
    spec: str
    moved: Deviation
    total: Deviation
    result: str
    problem: str = ""


@dataclass(frozen=True)
class Culprit:
    """The rewrite that moved a result.

    Attributes:
        event: the pattern, and where its op comes from.
        number: which rewrite of the pass it was, from 1.
        count: how many rewrites the pass made.
        moved: by how much it moved the result.
        before, after: the lines of IR text that it removed, and those that replaced them.
    """

    event: Event
    number: int
    count: int
    moved: Deviation
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Bisection:
    """What was found.

    Attributes:
        steps: all passes that changed something, up to the one that moved a result too far.
        found: whether the last step did.
        rewrite: which of its rewrites; None for passes that are not sets of patterns.
        before: the module that the pass received.
        after: the module after the last step.
    """

    steps: tuple[Step, ...]
    found: bool = False
    rewrite: Culprit | None = None
    before: Module | None = None
    after: Module | None = None


def interpreted(module: Module, function: str, inputs: Results) -> dict[str, Array]:
    """The function's results by name, as the interpreter computes them."""
    callee = module.functions[function]
    results = Interpreter(module).run(callee, [inputs[value.name] for value in callee.arguments])
    return dict(zip(names_of(callee), results, strict=True))


@dataclass(frozen=True)
class Experiment:
    """A function and the inputs that it is run on.

    Attributes:
        function: its name.
        inputs: arrays by argument, as the module had them before any pass.
        progress: called with the name of what runs next.
        execute: computes the results, by name, of a function of a module for inputs by name.
        required: passes that a module needs before it can be executed; they run on a copy.
    """

    function: str
    inputs: Results
    progress: Callable[[str], None] = lambda _: None
    execute: Callable[[Module, str, Results], dict[str, Array]] = interpreted
    required: Pipeline = field(default=Pipeline())

    def run(self, module: Module) -> dict[str, Array]:
        """The function's results by name, without a batch that Core ML's interface doesn't have.

        Raises:
            CompileError: the function does not run, or passes changed its interface other than
                by an argument's dtype or a batch before its dimensions.
        """
        if self.required.stages:
            module = clone_module(module)
            self.required.run(module)
        callee = module.functions[self.function]
        arrays = of_one_example(callee, self.inputs)
        results = self.execute(module, self.function, arrays)
        added = {
            name
            for name, known in zip(names_of(callee), callee.outputs, strict=False)
            if known.batch == "added"
        }
        return {name: array[0] if name in added else array for name, array in results.items()}


def names_of(function: Function) -> list[str]:
    """The names of the results; numbers for those without a name."""
    return function.result_names or [str(i) for i in range(len(function.results))]


def bisect(
    module: Module, pipeline: Pipeline, experiment: Experiment, tolerance: float
) -> Bisection:
    """Find the first pass that moves a result by more than the tolerance, and its rewrite.

    Args:
        module: stays as it is.
        pipeline: the passes to run.
        experiment: what to run after each of them.
        tolerance: relative to the largest number of the result.

    Raises:
        CompileError: the module does not run as it is, or a pass fails.
    """
    required = tuple(item for item in pipeline if item.is_required)
    experiment = replace(experiment, required=Pipeline(required))
    experiment.progress("as given")
    original = results = experiment.run(module)
    work, before, steps = clone_module(module), clone_module(module), list[Step]()
    for position, (item, changed) in enumerate(pipeline.steps(work), 1):
        if not changed:
            continue
        experiment.progress(item.spec)
        new, problem = _outcome(experiment, work)
        name, moved = _moved(results, new, problem)
        total = Deviation(float("inf")) if problem else worst(original, new)[1]
        steps.append(Step(position, item.spec, moved, total, name, problem))
        if not moved.relative <= tolerance:
            rewrite = _find_rewrite(item, before, results, experiment, tolerance, moved)
            return Bisection(tuple(steps), True, rewrite, before, work)
        before, results = clone_module(work), new
    return Bisection(tuple(steps), after=work)


def _outcome(experiment: Experiment, module: Module) -> tuple[dict[str, Array], str]:
    """(results, the reason if there are none)."""
    try:
        return experiment.run(module), ""
    except CompileError as error:
        return {}, str(error.diagnostics[0])


def _moved(expected: Results, got: Results, problem: str = "") -> tuple[str, Deviation]:
    if problem:
        return "", Deviation(float("inf"))
    if expected and not any(name in got for name in expected):
        raise CompileError(Diagnostic("a pass left none of the results under its name"))
    return worst(expected, got)


def _find_rewrite(
    item: Pass,
    before: Module,
    expected: Results,
    experiment: Experiment,
    tolerance: float,
    moved: Deviation,
) -> Culprit | None:
    """The first wrong rewrite, by bisection; `moved` is what all of them together do."""
    limit = RewriteLimit(_ALL)
    item.apply(clone_module(before), Instrumentation(limit=limit))
    good, bad = 0, limit.done
    while bad - good > 1:
        middle = (good + bad) // 2
        experiment.progress(f"{item.spec}: rewrite {middle} of {limit.done}")
        found = _moved(expected, *_outcome(experiment, _limited(item, before, middle)))[1]
        if found.relative <= tolerance:
            good = middle
        else:
            bad, moved = middle, found
    return _culprit(item, before, bad, limit.done, moved) if bad else None


def _limited(item: Pass, before: Module, allowed: int, trace: Trace | None = None) -> Module:
    """The module after only the first rewrites of the pass."""
    copy = clone_module(before)
    item.apply(copy, Instrumentation(limit=RewriteLimit(allowed), trace=trace))
    return copy


def _culprit(item: Pass, before: Module, number: int, count: int, moved: Deviation) -> Culprit:
    trace = Trace()
    good, bad = _limited(item, before, number - 1), _limited(item, before, number, trace)
    event = [event for event in trace.events if not event.reason][-1]
    was, now = print_module(good).splitlines(), print_module(bad).splitlines()
    changed = list(difflib.unified_diff(was, now, n=0, lineterm=""))[2:]
    removed = tuple(line[1:].strip() for line in changed if line.startswith("-"))
    added = tuple(line[1:].strip() for line in changed if line.startswith("+"))
    return Culprit(event, number, count, moved, removed, added)
