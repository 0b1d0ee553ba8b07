"""What every core op owes: written once, grows with the table of ops."""

import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.ir.interpret import Interpreter, random_inputs, run
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module, structurally_equal
from cmlc.ir.verify import verify
from support.effort import rounds
from support.laws import hold
from support.modules.generation import instances, is_repeatable, module_of
from support.modules.permutation import transposed_operands

LABEL = re.compile(r"\((C\d+)\)")
PERMUTABLE = [op for op in CORE_OPS if op.is_elementwise or op.permuted_operands]


def named(op):
    return op.name


def classes_of(op):
    """The op and the bases that are core ops' own."""
    return [cls for cls in op.__mro__ if ".dialects." in cls.__module__]


def documented(op):
    return {label for cls in classes_of(op) for label in LABEL.findall(cls.__doc__ or "")}


def checked(op):
    """Labels in the code of the op, its bases, and the functions of the dialect that they call."""
    sources = [inspect.getsource(cls) for cls in classes_of(op)]
    modules = [inspect.getmodule(cls) for cls in classes_of(op)]
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            called = any(f"{name}(" in source for source in sources[: len(modules)])
            if called and ".dialects." in function.__module__:
                sources.append(inspect.getsource(function))
    return {label for source in sources for label in re.findall(r'"(C\d+)"', source)}


def says_what_it_is(op):
    assert op.__dict__.get("__doc__"), f"{op.__name__} has no docstring of its own"
    assert re.fullmatch(r"[a-z]+\.[a-z][a-z0-9]*(_[a-z0-9]+)*", op.name)


def constraints_are_documented_and_checked(op):
    assert documented(op) == checked(op)


CASES = Path(__file__).resolve().parents[1] / "ops"


def worked():
    """The text of all cases whose numbers were worked out by hand."""
    texts = [path.read_text() for path in sorted(CASES.glob("*.cmir"))]
    cases = [case for text in texts for case in text.split("// CASE:")]
    return "\n".join(case for case in cases if "EXPECT-ERROR" not in case)


WORKED = worked()


def has_a_case_worked_out_by_hand(op):
    """`tests/ops/<family>.cmir` shows what the op means, apart from its own `evaluate`."""
    used = re.search(rf"{re.escape(op.name)}\(", WORKED)
    assert used, f"add a case with numbers worked out by hand for '{op.name}' to tests/ops"


def refused():
    """(op name, label) of every case that must be refused for breaking a labelled constraint."""
    texts = [path.read_text() for path in sorted(CASES.glob("*.cmir"))]
    return {
        found for text in texts for found in re.findall(r"EXPECT-ERROR: '(.+)' \((C\d+)\)", text)
    }


REFUSED = refused()


def constraints_have_negative_cases(op):
    """`// EXPECT-ERROR: 'nn.conv' (C1)` somewhere in tests/ops/*.cmir."""
    missing = documented(op) - {label for name, label in REFUSED if name == op.name}
    assert not missing, f"add cases to tests/ops: // EXPECT-ERROR: '{op.name}' ({min(missing)})"


DECLARATION = (
    says_what_it_is,
    constraints_are_documented_and_checked,
    has_a_case_worked_out_by_hand,
    constraints_have_negative_cases,
)


@pytest.mark.parametrize("op", CORE_OPS, ids=named)
def test_declaration(op):
    hold(DECLARATION, op)


def evaluates_to_what_it_infers(op):
    """The interpreter itself compares each result with the inferred type; here all are fixed."""
    drawn = [(number, each) for number in range(rounds(3)) for each in instances(op, number)]
    for seed, instance in drawn:
        module = module_of(instance)
        verify(module)
        seen = []
        interpreter = Interpreter(module)
        interpreter.observe = lambda op, results, seen=seen: seen.append((op, results))
        inputs = random_inputs(module.main, seed)
        interpreter.run(module.main, list(inputs.values()))
        for each, results in seen:
            for value, array in zip(each.results, results, strict=True):
                assert np.asarray(array).shape == value.type.static_shape
                assert np.asarray(array).dtype.kind in (value.type.dtype.numpy.kind, "U")
                assert value.type.dtype.numpy.kind == "O" or (
                    np.asarray(array).dtype == value.type.dtype.numpy
                )


def prints_what_it_parses(op):
    for instance in instances(op, 1):
        module = module_of(instance)
        text = print_module(module)
        again = parse(text)
        assert print_module(again) == text
        assert structurally_equal(module, again)


def gives_the_same_each_time_or_has_effects(op):
    modules = [module_of(instance) for instance in instances(op, 3)]
    assert any(map(is_repeatable, modules)), "no instance can be compared with anything"
    for module in filter(is_repeatable, modules):
        inputs = random_inputs(module.main)
        first, second = run(module, inputs), run(module, inputs)
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])


def does_not_change_its_operands(op):
    for instance in instances(op, 2):
        module = module_of(instance)
        inputs = random_inputs(module.main)
        before = {name: array.copy() for name, array in inputs.items()}
        run(module, inputs)
        for name, array in inputs.items():
            np.testing.assert_array_equal(array, before[name])


SEMANTICS = (
    evaluates_to_what_it_infers,
    prints_what_it_parses,
    gives_the_same_each_time_or_has_effects,
    does_not_change_its_operands,
)


@pytest.mark.parametrize("op", CORE_OPS, ids=named)
def test_semantics(op):
    hold(SEMANTICS, op)


def permute_op():
    try:
        return importlib.import_module("cmlc.passes.permute").permute_op
    except ImportError:
        pytest.skip("cmlc.passes.permute does not exist yet")


@pytest.mark.parametrize("op", PERMUTABLE, ids=named)
def test_permute_law(op):
    """op(transpose(u, p)) = transpose(permute(op)(u), q), for both p of the layouts and others."""
    permute = permute_op()
    law_held = 0
    for seed in range(3):
        for instance in instances(op, seed):
            law_held += transposed_operands(instance, permute, seed)
    assert law_held, f"'{op.name}' names permuted_operands, but permute_op always declines it"
