"""The collector of `.cmir` cases: what it reads, what it accepts, what it rewrites."""

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core.elementwise import Neg
from cmlc.ir.rewrite import replace_op
from cmlc.tools import cases
from cmlc.tools.cases import CaseError, check_case, read_cases, write_expected

RELU = """func @f(%x: f32[2]) -> f32[2] {
  %y = nn.relu(%x) : f32[2]
  return %y
}"""
CANONICAL = RELU.replace("%y", "%0")
CHECK = """func @f() -> () {
  %x = const {value = dense<[1.0, nan]>} : f32[2]
  %y = const {value = dense<[1.5, nan]>} : f32[2]
  check.close(%x, %y) {atol = 0.5}
  return
}"""


@pytest.fixture
def passes(monkeypatch):
    """A stand-in pipeline: "same" does nothing, "negate" makes relu something else."""

    def pipeline(text, module):
        for op in module.walk() if text == "negate" else ():
            if op.name == "nn.relu":
                replace_op(op, [Neg(op.x).result], "negate")

    monkeypatch.setattr(cases, "run_pipeline", pipeline)


def only(text):
    (case,) = read_cases(text)
    return case


def check(text, tmp_path, **options):
    return check_case(only(text), tmp_path / "m.cmir", **options)


def test_reading():
    text = f"words\n\n// CASE: one\n// RUN: a, b\n{RELU}\n// =====\n{RELU}\n\n// CASE: two\n"
    one, two = read_cases(text)
    assert (one.name, one.run, one.line) == ("one", "a, b", 3)
    assert one.before.splitlines()[4] == RELU.splitlines()[0], "lines are those of the file"
    assert one.expected.strip() == RELU
    assert (two.name, two.expected, two.line) == ("two", None, 15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("// CASE: a\n// CASE: a\n", "two cases are called 'a'"),
        ("// CASE: a\n// RUN: x\n// RUN: y\n", "RUN is given twice"),
    ],
)
def test_files_that_make_no_sense(text, message):
    with pytest.raises(CaseError, match=message):
        list(read_cases(text))


def test_cases_that_hold(passes, tmp_path):
    check(f"// CASE: a\n{CHECK}", tmp_path)
    check(f"// CASE: a\n// RUN: same\n{RELU}\n// =====\n{RELU}", tmp_path)
    check(f"// CASE: a\n// EXPECT-ERROR: 'check.close'\n{CHECK.replace('0.5}', '0.1}')}", tmp_path)
    reason = "// NUMERIC: no, it is wrong on purpose"
    negated = RELU.replace("nn.relu", "tensor.neg")
    check(f"// CASE: a\n// RUN: negate\n{reason}\n{RELU}\n// =====\n{negated}", tmp_path)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (RELU, CaseError, "checks nothing"),
        (f"{CHECK}\n// =====\n{CHECK}", CaseError, "but no RUN"),
        (CHECK.replace("0.5}", "0.1}"), CompileError, "differs by up to 0.5"),
        (f"// RUN: same\n{RELU}", CaseError, "RUN but no"),
        (f"// RUN: negate\n{RELU}\n// =====\n{RELU}", AssertionError, "expected"),
        (
            f"// RUN: negate\n{RELU}\n// =====\n{RELU.replace('nn.relu', 'tensor.neg')}",
            *(AssertionError, "result '0'"),
        ),
        (f"// RUN: same\n// NUMERIC: no\n{RELU}\n// =====\n{RELU}", CaseError, "no, reason"),
        (f"// EXPECT-ERROR: other\n{RELU.replace('nn.', 'no.')}", CaseError, "expected an error"),
        (f"// EXPECT-ERROR: other\n{RELU}", CaseError, "there was none"),
        (RELU.replace("nn.", "no."), CompileError, r"m\.cmir:3:8"),
    ],
)
def test_cases_that_do_not_hold(passes, tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        check(f"// CASE: a\n{text}", tmp_path)


def test_update(passes, tmp_path):
    path = tmp_path / "m.cmir"
    path.write_text(
        f"// CASE: a\n// RUN: same\n{RELU}\n\n"
        f"// CASE: b\n// RUN: same\n{RELU}\n// =====\nold\n\n// CASE: c\n{CHECK}\n"
    )
    for case in list(read_cases(path.read_text())):
        text = check_case(case, path, update=True)
        if text is not None:
            write_expected(path, case.name, text)
    full = f"{RELU}\n// =====\n{CANONICAL}\n\n"
    assert path.read_text() == (
        f"// CASE: a\n// RUN: same\n{full}// CASE: b\n// RUN: same\n{full}// CASE: c\n{CHECK}\n"
    )
