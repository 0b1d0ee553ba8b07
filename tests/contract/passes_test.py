"""What every pass and every pattern owes: written once, grows with the table of passes."""

import ast
import dataclasses
import inspect
import re
import zlib
from pathlib import Path
from random import Random

import numpy as np
import pytest
from cmlc import backends, passes
from cmlc.backends.lowering import is_lowered
from cmlc.backends.table import TARGETS, load_target
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.interface import Result
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module
from cmlc.ir.text.printer import print_module
from cmlc.ir.verify import verify
from cmlc.ir.weights.resources import ArrayResource
from cmlc.passes.known import own_passes
from cmlc.passes.manager import Instrumentation, load_pass, parse_pipeline
from cmlc.passes.patterns import Trace
from cmlc.tools.cases import compare_arrays, parsed, read_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import QUICK
from support.laws import all_hold
from support.modules.generation import is_repeatable, modules

TESTS = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for package in (passes, backends)
    for path in Path(inspect.getfile(package)).parent.rglob("*.py")
)
NAMES = sorted(own_passes())
OF_CORE = sorted(passes.PASSES)
# Passes that make a model into what a user asked for, and refuse where it can't be that.
REFUSING = {"dynamic-batch", "feature-matrix", "check-keras", "hold-constants-keras"}
# Reached by no case: every core op has reference semantics; tests/contract/manager_test.py has one.
NOT_IN_CASES = {"it has no reference semantics"}


def class_of(name):
    return load_pass(name, own_passes())


def target_of(name):
    """The target whose pass it is; empty for a pass of core IR."""
    return name.rpartition("-")[2] if name in backends.PASSES else ""


def pattern_functions():
    """(name as traces show it, function) of everything under `@pattern` in the sources."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                called = [d for d in node.decorator_list if isinstance(d, ast.Call)]
                if any(isinstance(d.func, ast.Name) and d.func.id == "pattern" for d in called):
                    yield node.name.replace("_", "-"), node


PATTERNS = dict(pattern_functions())


def reasons():
    """Every reason given to `no`, up to its first varying part."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id == "no" and path.name != "patterns.py":
                (argument,) = node.args
                yield (
                    re.escape(argument.value)
                    if isinstance(argument, ast.Constant)
                    else "".join(
                        re.escape(part.value) if isinstance(part, ast.Constant) else ".*"
                        for part in argument.values
                    )
                )


def cases():
    """(id, case) of everything in a `.cmir` file that runs passes and is right."""
    for path in sorted(TESTS.rglob("*.cmir")):
        for case in read_cases(path.read_text()):
            if case.error is None:
                yield f"{path.stem}::{case.name}", case


CASES = dict(cases())
# Those of core IR, or those of the target whose pass the case runs first.
PASSES_OF = {
    name: [
        pass_
        for pass_ in NAMES
        if target_of(pass_) == target_of((case.run or "").partition(",")[0])
    ]
    for name, case in CASES.items()
}
RUNS = {name: case for name, case in CASES.items() if case.run is not None}


@pytest.fixture(scope="module")
def events():
    """All events of all cases."""
    trace = Trace()
    for case in RUNS.values():
        module = parsed(case)
        parse_pipeline(case.run).run(module, Instrumentation(trace=trace))
    return trace.events


@pytest.mark.parametrize("name", NAMES)
def test_is_named_after_its_module(name):
    """A target's pass has the target's name behind that."""
    cls = class_of(name)
    assert cls.name == name
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    module = own_passes()[name].partition(":")[0].lstrip(".")
    if target := target_of(name):
        assert module.startswith(f"cmlc.backends.{target}.")
        module = f"{module.rpartition('.')[2]}_{target}"
    families = {"fold-scale": "fold_batch_norm"}  # a second pass of the same family
    assert module == families.get(name, name.replace("-", "_"))


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_does(name):
    cls = class_of(name)
    assert cls.__dict__.get("__doc__"), "has no docstring of its own"
    assert not cls.__doc__.startswith(f"{cls.__name__}("), "dataclass made the docstring"
    fields = [item.name for item in dataclasses.fields(cls)]
    documented = re.findall(r"^\s+(\w+): ", cls.__doc__.partition("Options:")[2], re.MULTILINE)
    assert documented == fields


@pytest.mark.parametrize("name", NAMES)
def test_has_cases(name):
    assert any(re.search(rf"\b{name}\b", case.run) for case in RUNS.values())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_is_a_pass(name):
    """Every class that names itself as a pass does is in the table."""
    listed = {class_of(other).__name__ for other in NAMES}
    module = inspect.getmodule(class_of(name))
    made_here = [cls for _, cls in inspect.getmembers(module, inspect.isclass)]
    own = [c for c in made_here if c.__module__ == module.__name__ and getattr(c, "name", "")]
    assert {cls.__name__ for cls in own if hasattr(cls, "apply")} <= listed


def numbers(module, n=2, like=None):
    """Results on random inputs: those of `like`, whose interface may have no layout and batch."""
    function, original = module.main, (like or module).main
    inputs = random_inputs(original, 0, N=n)
    for value, known in zip(function.arguments, function.inputs, strict=True):
        if known.layout == "nhwc":
            inputs[value.name] = np.moveaxis(inputs[value.name], -3, -1)
        if inputs[value.name].ndim < value.type.rank:  # a batch that was added
            inputs[value.name] = inputs[value.name][np.newaxis]
        if value.type.dtype.is_float:  # an interface may be given other floats
            inputs[value.name] = inputs[value.name].astype(value.type.dtype.numpy)
    results = of_types(run(module, inputs, function.name), original)
    for name, known in zip(results, function.outputs, strict=False):
        if known.layout == "nhwc":
            results[name] = np.moveaxis(results[name], -1, -3)
    had_batch = {name for name, known in named_outputs(original) if known.batch == "added"}
    for name, known in named_outputs(function):
        if known.batch == "added" and name not in had_batch:
            results[name] = results[name][0]
    return results


def of_types(results, function):
    """Floats in the dtypes of the function's results: an interface may be given other floats."""
    rows = zip(results.items(), function.results, strict=False)
    types = {name: value.type.dtype.numpy for (name, _), value in rows if value.type.dtype.is_float}
    return {name: array.astype(types.get(name, array.dtype)) for name, array in results.items()}


def named_outputs(function):
    """(name, what is known of it) of each result that has a name."""
    return zip(function.result_names, function.outputs, strict=False)


def changes(name, pipeline, module, text):
    """Run the pass: whether it changes the module, whose text is given.

    One that it refuses, as some passes may, is left as it was; so is one that isn't changed.
    """
    try:
        changed = pipeline.run(module, Instrumentation(verify_each=True))
    except CompileError as error:
        if name not in REFUSING or {problem.kind for problem in error.diagnostics} != {
            "unsupported"
        }:
            raise
        changed = False
    if not changed:
        assert print_module(module) == text, "changes what it says that it doesn't"
    return changed


def takes(pipeline, module):
    """Whether the module is what all passes of the pipeline ask for."""
    asked = [item.requires for item in pipeline if item.requires is not None]
    return not any(problem for legal in asked for problem in legal.violations(module))


def assert_same_numbers(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        compare_arrays(f"result '{name}'", array, theirs[name])


def runs(module):
    try:
        return numbers(module)
    except Exception:  # shapes, indices or bounds that random numbers are not
        return None


# One test for a case, not for each pass: what a case means is read and computed once.
@pytest.mark.parametrize("case", CASES)
def test_is_idempotent_on_cases(case):
    module = with_names(parsed(CASES[case]))
    text = print_module(module)
    before = runs(module) if CASES[case].compares_numbers else None

    def is_idempotent(name):
        once, pipeline = clone_module(module), parse_pipeline(name)
        if not takes(pipeline, module):
            with pytest.raises(CompileError, match="requires more of the module"):
                pipeline.run(once)
            return
        if not changes(name, pipeline, once, text):
            return  # so the second time is the first time again
        twice = clone_module(once)
        assert not changes(name, pipeline, twice, print_module(once)), "changes it twice"
        if before is not None:
            assert_same_numbers(before, numbers(once, like=module))

    names = PASSES_OF[case]
    if QUICK:  # the case's own passes, and some of the others: other ones for other cases
        own = (CASES[case].run or "").replace("{", ",").replace("(", ",").split(",")
        first = zlib.crc32(case.encode()) % 4
        names = [name for i, name in enumerate(names) if i % 4 == first or name in own]
    all_hold({name: lambda name=name: is_idempotent(name) for name in names})


def with_names(module):
    """Something is known of results that have names, which passes over the interface ask for."""
    function = module.main
    if not function.result_names:
        function.result_names = [str(i) for i in range(len(function.results))]
        function.outputs = [Result() for _ in function.results]
    return module


def with_constants(module, random):
    """Some arguments become constants, so that patterns with constants see random modules too."""
    function = module.main
    inputs = random_inputs(function, 3)
    for value in function.arguments:
        if value.type.is_static and random.random() < 0.4:
            constant = Constant(ArrayResource(inputs[value.name]))
            function.block.insert(constant, function.block.first)
            value.replace_all_uses_with(constant.result)
    return with_names(module)


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 2)
@given(module=modules(helpers=True), seed=st.integers(0, 9))
def test_keeps_random_modules_right(module, seed):
    module = with_constants(module, Random(seed))
    verify(module)
    before = numbers(module, 3)
    inlined = clone_module(module)
    parse_pipeline(passes.INLINE).run(inlined)

    def keeps_right(name):
        pipeline = parse_pipeline(name)
        given = module if takes(pipeline, module) else inlined
        if not takes(pipeline, given):
            return
        once = clone_module(given)
        if not changes(name, pipeline, once, print_module(given)):
            return
        after = numbers(once, 3, given)
        if is_repeatable(given):
            assert_same_numbers(before, after)
        twice = clone_module(once)
        assert not changes(name, pipeline, twice, print_module(once)), "changes it twice"

    names = (*OF_CORE, passes.OPTIMIZE)
    all_hold({name: lambda name=name: keeps_right(name) for name in names})


def test_patterns_say_what_they_rewrite():
    firsts = {name: (ast.get_docstring(PATTERNS[name]) or "").split("\n")[0] for name in PATTERNS}
    assert not [name for name, first in firsts.items() if "→" not in first]
    assert not [name for name, first in firsts.items() if len(first) > 100]


def test_patterns_fire_in_cases(events):
    missing = PATTERNS.keys() - {event.pattern.name for event in events if not event.reason}
    assert not missing, f"add cases to tests/passes in which these rewrite something: {missing}"


def test_reasons_occur_in_cases(events):
    given = {event.reason for event in events if event.reason}
    missing = [
        re.sub(r"\\(.)", r"\1", reason.replace(".*", "…"))
        for reason in sorted(set(reasons()) - {re.escape(r) for r in NOT_IN_CASES})
        if not any(re.fullmatch(reason, one) for one in given)
    ]
    assert not missing, f"add cases to tests/passes that are declined because {missing}"


def test_no_two_passes_have_one_name():
    assert len(own_passes()) == sum(map(len, passes.TABLES))


def test_targets_run_all_their_passes():
    """Each of them once, and none of another's; passes on any IR may come between."""
    for target in TARGETS:
        found = load_target(target)
        texts = [text for text in (found.after, found.holding) if text]
        run = [item.name for text in texts for item in parse_pipeline(text)]
        own = [name for name in run if name not in passes.PASSES]
        assert sorted(own) == sorted(name for name in backends.PASSES if target_of(name) == target)


@pytest.mark.parametrize("name", backends.PASSES)
def test_passes_of_targets_have_cases_in_their_dialect(name):
    cases = [case for case, names in PASSES_OF.items() if name in names]
    assert all(is_lowered(parsed(CASES[case])) for case in cases)


def test_no_two_patterns_have_one_name():
    names = [name for name, _ in pattern_functions()]
    assert len(set(names)) == len(names)
