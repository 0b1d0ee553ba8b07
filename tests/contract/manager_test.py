"""The pass manager: what is checked around passes, what can be watched."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from cmlc.backends.tf import dialect as tf
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import constant
from cmlc.ir.dialects.core import TABLE, activation, elementwise
from cmlc.ir.rewrite import replace_op
from cmlc.ir.text.parser import parse
from cmlc.ir.types import DType, Tensor
from cmlc.ir.verify import Legal
from cmlc.passes import PASSES
from cmlc.passes.constant_fold import fold_op
from cmlc.passes.manager import (
    Instrumentation,
    Pass,
    PatternPass,
    Repeat,
    make_pass,
    parse_pipeline,
)
from cmlc.passes.patterns import Declined, Trace, no, pattern

TEXT = """func @f(%x: f32[2]) -> f32[2] {
  %a = nn.relu(%x) : f32[2]
  %b = nn.relu(%a) : f32[2]
  %c = tensor.neg(%b) : f32[2]
  return %c
}
"""


@pytest.fixture
def module():
    return parse(TEXT, "m.cmir", TABLE)


@pattern(elementwise.Neg)
def neg_to_abs(op):
    """-x → |x|."""
    return elementwise.Abs(op.x).result


@pattern(elementwise.Abs)
def abs_to_neg(op):
    """|x| → -x."""
    return elementwise.Neg(op.x).result


@pattern(activation.Relu)
def never(op):
    """relu(x) → nothing, with a reason."""
    return no("relu stays") if op.x.op is None else None


@dataclass(frozen=True)
class Endless(PatternPass):
    """Two patterns that undo each other."""

    name = "endless"
    patterns = (neg_to_abs, abs_to_neg)


@dataclass(frozen=True)
class Rewrite(PatternPass):
    """One rewrite, and one that declines."""

    name = "rewrite"
    patterns = (neg_to_abs, never)


@dataclass(frozen=True)
class Restless(Pass):
    """Says that it changed something, always."""

    name = "restless"
    runs: ClassVar[list[str]] = []

    def apply(self, module, instrumentation):
        self.runs.append(module.name)
        return True


@dataclass(frozen=True)
class BreakTypes(Pass):
    """Gives a result a type that its op doesn't infer."""

    name = "break-types"

    def apply(self, module, instrumentation):
        module.main.block.first.result.type = Tensor(DType.F16, (2,))
        return True


@dataclass(frozen=True)
class Crash(Pass):
    """Raises."""

    name = "crash"

    at: int = 0

    def apply(self, module, instrumentation):
        raise ZeroDivisionError("by zero")


@dataclass(frozen=True)
class Picky(Pass):
    """Takes and gives no negations; makes them go only if asked to."""

    name = "picky"

    works: bool = True
    takes: bool = True

    @property
    def requires(self):
        return None if self.takes else Legal(forbidden=frozenset({"tensor.neg"}))

    @property
    def ensures(self):
        return Legal(forbidden=frozenset({"tensor.neg"}))

    def apply(self, module, instrumentation):
        for op in list(module.walk()):
            if self.works and op.name == "tensor.neg":
                replace_op(op, [op.x], "picky")
        return True


@dataclass(frozen=True)
class Idle(Pass):
    """Does nothing."""

    name = "idle"

    def apply(self, module, instrumentation):
        return False


CLASSES = (Idle, Endless, Rewrite, Restless, BreakTypes, Crash, Picky)
OWN = {cls.name: cls for cls in CLASSES}


def run(text, module, **watched):
    instrumentation = Instrumentation(**watched)
    parse_pipeline(text, OWN | PASSES).run(module, instrumentation)
    return instrumentation


def failure(text, module, **watched):
    with pytest.raises(CompileError) as caught:
        run(text, module, **watched)
    return caught.value


# -- running ---------------------------------------------------------------------------------------


def test_says_whether_anything_changed(module):
    assert parse_pipeline("canonicalize").run(module)
    assert not parse_pipeline("canonicalize, idle", OWN | PASSES).run(module)


def test_groups_run_until_nothing_changes(module):
    watched = run("(idle, canonicalize)*", module)
    assert [item.name for item in watched.runs] == ["idle", "canonicalize"] * 2


def test_groups_come_to_an_end(module):
    Restless.runs.clear()
    error = failure("(restless)*", module)
    assert "(restless)* never stops changing the module" in str(error)
    assert len(Restless.runs) == Repeat.limit


def test_timings_and_progress(module):
    begun = []
    watched = run("cse, dce", module, progress=begun.append)
    assert begun == ["cse", "dce"]
    assert [item.name for item in watched.runs] == begun
    assert all(item.seconds >= 0 for item in watched.runs)


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [
        (set(), []),
        ({"cse"}, ["cse"]),
        ({"dce", "cse"}, ["cse", "dce"]),
        ({"all"}, ["cse", "canonicalize", "dce"]),
        ({"changed"}, ["canonicalize"]),
        ({"changed", "dce"}, ["canonicalize", "dce"]),
    ],
)
def test_print_after(module, wanted, printed):
    texts = {}
    run("cse, canonicalize, dce", module, print_after=frozenset(wanted), emit=texts.__setitem__)
    assert list(texts) == printed
    if "canonicalize" in texts:
        assert texts["canonicalize"].count("nn.relu") == 1


# -- contracts -------------------------------------------------------------------------------------


def test_requires_is_checked_before(module):
    """That the pipeline is wrong is said of it, and no pass has failed."""
    (problem,) = failure("picky{takes=false}", module).diagnostics
    assert problem.kind == "usage"
    assert "pass 'picky' requires more of the module" in problem.message
    assert problem.notes == ("m.cmir:4:3: error: 'tensor.neg' may not occur here",)


def test_ensures_is_checked_after(module):
    run("picky", module)
    module = parse(TEXT, "m.cmir", TABLE)
    assert "pass 'picky' ensures more of the module" in str(failure("picky{works=false}", module))


def test_ensures_may_depend_on_options():
    assert make_pass("layout", "", PASSES).ensures == Legal(spatial_layout="channels_last")
    first = make_pass("layout", "to=channels_first", PASSES)
    assert first.ensures == Legal(spatial_layout="channels_first")


def test_verify_each_catches_a_pass_that_breaks_types(module):
    error = failure("break-types", module, verify_each=True)
    assert "pass 'break-types' failed" in str(error)
    assert "has results f16[2], but its operands give f32[2]" in str(error)


def test_without_verify_each_nothing_is_checked(module):
    run("break-types", module)


# -- failures --------------------------------------------------------------------------------------


def test_a_crash_is_an_internal_error(module):
    error = failure("dce, crash", module)
    (diagnostic,) = error.diagnostics
    assert diagnostic.kind == "internal"
    assert diagnostic.notes == ("ZeroDivisionError: by zero",)
    assert isinstance(error.__cause__, ZeroDivisionError)


def test_a_reproducer_runs_again(module, tmp_path):
    path = tmp_path / "cmlc-reproducer-crash.cmir"
    error = failure("canonicalize, crash{at=3}, dce", module, reproducers=tmp_path)
    assert str(path) in error.diagnostics[0].remedy
    first, rest = path.read_text().split("\n", 1)
    assert first == "// RUN: cmlc-opt cmlc-reproducer-crash.cmir --passes='crash{at=3}'"
    again = parse(path.read_text(), str(path), TABLE)
    assert [op.name for op in again.walk()] == ["nn.relu", "tensor.neg", "return"]
    assert "loc(" in rest
    assert "by zero" in str(failure("crash{at=3}", again))


def test_no_reproducer_without_a_failure(module, tmp_path):
    run("canonicalize", module, reproducers=tmp_path)
    assert not list(tmp_path.iterdir())


@pattern(elementwise.Neg)
def neg_to_scalar(op):
    """-x → 0."""
    return constant(0.0)


@pattern(elementwise.Neg)
def neg_to_op(op):
    """-x → an op, where its result is meant."""
    return elementwise.Mul(op.x, op.x)


@pattern(elementwise.Neg)
def neg_to_text(op):
    """-x → what should be `no("too large")`."""
    return "too large"


@pattern(elementwise.Neg)
def neg_to_crash(op):
    """-x → a mistake in Python."""
    return op.nothing


@pattern(elementwise.Neg)
def neg_to_invalid(op):
    """-x → an op that can't be made."""
    return elementwise.Add(op.x, constant([True])).result


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (neg_to_scalar, "it returns f64[] in place of f32[2]"),
        (neg_to_op, "; return its result, op.result"),
        (neg_to_text, "it returns 'too large'; return a value"),
        (neg_to_crash, "AttributeError: 'Neg' object has no attribute 'nothing'"),
        (neg_to_invalid, "'tensor.add'"),
    ],
)
def test_what_a_pattern_does_wrongly_is_said_of_it(module, rule, message):
    @dataclass(frozen=True)
    class Wrong(PatternPass):
        """Has a pattern that is wrong."""

        name = "wrong"
        patterns = (rule,)

    with pytest.raises(CompileError) as caught:
        parse_pipeline("wrong", {"wrong": Wrong}).run(module)
    text = str(caught.value)
    assert "pass 'wrong' failed" in text
    assert f"\nm.cmir:4:3: error: pattern '{rule.name}' (manager_test.py:" in text
    assert message in text


def test_patterns_that_are_no_tuple(module):
    @dataclass(frozen=True)
    class Wrong(PatternPass):
        """Lacks a comma."""

        name = "wrong"
        patterns = neg_to_scalar

    with pytest.raises(CompileError, match=r"write \(my_pattern,\)"):
        parse_pipeline("wrong", {"wrong": Wrong}).run(module)


def test_endless_rewriting_is_reported(module):
    error = failure("endless", module, trace=Trace())
    assert all(diagnostic.kind == "internal" for diagnostic in error.diagnostics)
    assert "rewriting does not end around 'tensor." in str(error)
    assert "neg-to-abs, abs-to-neg" in str(error)
    assert "m.cmir" in str(error)


# -- traces ----------------------------------------------------------------------------------------


def test_traces_say_what_was_rewritten_and_what_was_not(module):
    trace = run("rewrite", module, trace=Trace()).trace
    (fired,) = [event for event in trace.events if not event.reason]
    assert (fired.pattern.name, fired.pattern.doc) == ("neg-to-abs", "-x → |x|.")
    assert fired.pattern.where.startswith("manager_test.py:")
    assert fired.before.startswith("<tensor.neg(")
    assert fired.after[0].startswith("<tensor.abs(")
    assert str(fired.location) == "m.cmir:4:3"
    declined = trace.declined()
    assert {event.reason for event in declined} == {"relu stays"}
    assert {event.pattern.name for event in declined} == {"never"}
    assert not any(event.after for event in declined)


def test_ops_of_targets_have_no_semantics_to_fold_by():
    op = tf.Relu(constant([1.0]), result_types=Tensor(DType.F64, (1,)))
    assert fold_op(op, 10) == Declined("it has no reference semantics")
