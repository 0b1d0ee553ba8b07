"""`cmlc-reduce`: what fails becomes small, stays valid, and fails as it did."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from cmlc import passes
from cmlc.backends.tf import dialect
from cmlc.backends.tf.target import TARGET
from cmlc.compiler import driver
from cmlc.ir.dialects.core import TABLE, activation, elementwise
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module
from cmlc.ir.verify import verify
from cmlc.passes.manager import PatternPass
from cmlc.passes.patterns import pattern
from cmlc.passes.reduce import REDUCTIONS, Reducer, cost
from cmlc.tools import cmlc_opt, cmlc_reduce, cmlc_run
from cmlc.tools.cli import console
from support.modules.planted import WrongEpsilon, WrongTranspose
from support.running.shared_folder import FOREIGN, needs_models

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "tests" / "data" / "digits.mlmodel"
CARDS = "getbouncer__cardscan-ios/CardScan__CardScan__Classes__SSDOcr.mlmodel"
NUMBERS = "MatkoGH__quickmath/Resources__MNISTClassifier.mlmodelc"
EVEN = "--after=canonicalize, layout"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def reduced(capsys, *arguments) -> tuple[dict, list[str]]:
    """(facts, the names of the ops that are left); the file is verified, and says what to run."""
    assert cmlc_reduce.main([*map(str, arguments), "-o", "r.cmir", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    module = driver.load(Path("r.cmir"))  # verifies
    assert facts["ops"]["after"] == driver.count_ops(module)
    assert Path("r.cmir").read_text().startswith("// RUN: ")
    names = [op.name for op in module.walk() if op.name not in ("const", "return")]
    return facts, names


# -- wrong passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "cls", "options", "left"),
    [
        (DIGITS, WrongEpsilon, ["--after=canonicalize"], ["nn.conv", "nn.batch_norm"]),
        (DIGITS, WrongTranspose, [EVEN], ["tensor.transpose", "tensor.reshape"]),
        pytest.param(
            *(
                FOREIGN / CARDS,
                WrongEpsilon,
                ["--after=canonicalize"],
                ["nn.conv", "nn.batch_norm"],
            ),
            marks=[needs_models, pytest.mark.slow],
        ),
        pytest.param(
            *(
                FOREIGN / NUMBERS,
                WrongTranspose,
                [EVEN],
                ["tensor.transpose", "tensor.reshape"],
            ),
            marks=needs_models,
        ),
    ],
)
def test_a_wrong_pass(capsys, monkeypatch, model, cls, options, left):
    monkeypatch.setitem(passes.PASSES, cls.name, cls)
    facts, names = reduced(capsys, model, *options, f"--passes={cls.name}")
    assert facts["failure"] == "other numbers"
    assert names == left  # of 15 and more
    again = ["r.cmir", "--random=0", "--bisect-passes", f"--passes={cls.name}"]
    assert cmlc_run.main(again) == console.INPUT_ERROR


@pytest.mark.slow
def test_the_same_every_time(capsys, monkeypatch):
    monkeypatch.setitem(passes.PASSES, WrongTranspose.name, WrongTranspose)
    texts = []
    for _ in range(2):
        reduced(capsys, DIGITS, EVEN, "--passes=sink-transposes")
        texts.append(Path("r.cmir").read_text())
    assert texts[0] == texts[1]


# -- wrong lowerings -------------------------------------------------------------------------------


def crash(op):
    raise ZeroDivisionError(f"at {op.name}")


def plant_lowering(monkeypatch, cls, rule):
    target = dataclasses.replace(TARGET, lowering={**TARGET.lowering, cls: rule})
    monkeypatch.setattr("cmlc.backends.tf.target.TARGET", target)


def test_a_lowering_that_crashes(capsys, monkeypatch):
    plant_lowering(monkeypatch, activation.Relu, crash)
    facts, names = reduced(capsys, DIGITS, "--lower")
    assert "ZeroDivisionError in cmlc_reduce_test.py:crash" in facts["failure"]
    assert names == ["nn.relu"]
    assert Path("r.cmir").read_text().partition("\n")[0].endswith("--lower")
    assert cmlc_opt.main(["r.cmir", "--lower"]) == console.BUG


@pytest.mark.slow
def test_a_lowering_with_other_numbers(capsys, monkeypatch):
    def tanh(op):
        return dialect.Tanh(op.x, result_types=op.result.type).result

    plant_lowering(monkeypatch, activation.Relu, tanh)
    facts, names = reduced(capsys, DIGITS, "--compare")
    assert facts["failure"] == "other numbers"
    assert names == ["nn.relu"]


@dataclasses.dataclass(frozen=True)
class Halve(PatternPass):
    """x * y → x, which is wrong."""

    name = "halve"
    patterns = (pattern(elementwise.Mul)(lambda op: op.x),)


def test_results_that_are_infinite_do_not_hide_others(capsys, monkeypatch):
    monkeypatch.setitem(passes.PASSES, "halve", Halve)
    Path("m.cmir").write_text("""
func @main(%x: f32[2]) -> (f32[2], f32[2]) {
  %big = const {value = dense<1e30>} : f32[]
  %two = const {value = dense<2.0>} : f32[]
  %0 = tensor.mul(%x, %big) : f32[2]
  %1 = tensor.mul(%0, %big) : f32[2]
  %2 = tensor.mul(%x, %two) : f32[2]
  return %1, %2
}
""")
    facts, names = reduced(capsys, "m.cmir", "--passes=halve")
    assert facts["failure"] == "other numbers"
    assert names == ["tensor.mul"]


# -- commands --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_command(capsys):
    facts, names = reduced(capsys, DIGITS, "--test", "grep -q nn.softmax {} && exit 7")
    assert facts["failure"] == "exit status 7"
    assert names == ["nn.softmax"]


@pytest.mark.slow
def test_a_command_that_prints_something(capsys):
    facts, names = reduced(capsys, DIGITS, "--test", "cat {}", "--match", "kernel_sizes = [2, 2]")
    assert facts["failure"] == "exit status 0, prints 'kernel_sizes = [2, 2]'"
    assert names == ["nn.max_pool"]


@pytest.mark.slow
def test_another_failure_is_not_taken_for_the_first(capsys):
    """Without the pooling the command fails, too, but otherwise."""
    script = "grep -q nn.max_pool {} || exit 3; exit 4"
    _, names = reduced(capsys, DIGITS, "--test", script)
    assert names == ["nn.max_pool"]


@pytest.mark.slow
def test_a_command_that_hangs(capsys):
    script = f"grep -q nn.softmax {{}} && {sys.executable} -c 'import time; time.sleep(60)'"
    text = "func @main(%x: f32[2]) -> f32[2] {\n  %y = nn.softmax(%x) {axis = 0} : f32[2]\n"
    Path("m.cmir").write_text(text + "  return %y\n}\n")
    facts, _ = reduced(capsys, "m.cmir", "--test", script, "--timeout=0.2")
    assert facts["failure"] == "runs longer than 0.2 s"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what fails"),
        (["--test=true {}", "--passes=dce"], "say what fails"),
        (["--test=false"], "'false' names no file"),
        (["--test=./nothing.sh {}"], "'./nothing.sh {}' can't run, exit status 127: "),
        (["--test=/ {}"], "'/ {}' can't run, exit status 126: "),
        (["--test=true {}"], "the whole module does not fail"),
        (["--passes=canonicalize"], "the whole module does not fail"),
        (["--passes=dce", "--match=x"], "--match is for --test"),
        (["--passes=nothing"], "there is no pass called 'nothing'"),
        (["--passes=dce", "-o", "x.txt"], "IR goes to a file called .cmir"),
    ],
)
def test_usage(capsys, arguments, message):
    assert cmlc_reduce.main([str(DIGITS), *arguments]) == console.USAGE_ERROR
    assert message in capsys.readouterr().err
    assert not list(Path().iterdir())


@pytest.mark.slow
def test_what_people_see(capsys):
    assert cmlc_reduce.main([str(DIGITS), "--test", "grep -q nn.relu {} && exit 9"]) == 0
    out = capsys.readouterr().out
    assert "ops      20 → 1\n" in out
    assert "written  digits.reduced.cmir\n" in out


# -- the search ------------------------------------------------------------------------------------

TEXT = """module @m {author = "me"} {
  func @main(%x: f32[N,6] {kind = "array"}, %i: i32[]) -> ("y": f32[N,6], "z": f32[N,6]) {
    %w = const {value = dense<[1.5, 2.0, 3.0, 4.0, 5.0, 6.0]>} : f32[6]
    %a = tensor.mul(%x, %w) : f32[N,6]
    %n = const {value = dense<3>} : i32[]
    %c = tensor.less(%i, %n) : bool[]
    %b = ctl.cond(%c) ({
      %p = nn.relu(%a) : f32[N,6]
      yield %p
    }, {
      %q = nn.sigmoid(%a) : f32[N,6]
      yield %q
    }) : f32[N,6]
    %y = nn.softmax(%b) {axis = 1} : f32[N,6]
    return %y, %b
  }
  func @other(%x: f32[2]) -> f32[2] {
    return %x
  }
}
"""


def search(has, text=TEXT) -> str:
    """What is left of the text, as long as some op is there."""
    module = parse(text, "m.cmir", TABLE)
    verify(module)
    seen = []

    def is_interesting(candidate):
        verify(candidate)
        seen.append(cost(candidate))
        return any(has(op) for op in candidate.walk())

    reducer = Reducer(module, is_interesting)
    found = reducer.run(REDUCTIONS)
    verify(found)
    assert any(has(op) for op in found.walk())
    assert cost(found) == min(c for c in seen if c >= cost(found))
    return print_module(found)


@pytest.mark.parametrize("name", ["nn.sigmoid", "nn.relu", "nn.softmax", "tensor.mul"])
def test_one_op_is_left_wherever_it_was(name):
    text = search(lambda op: op.name == name)
    assert text.count(" = ") - text.count("{") + 1 <= 3
    assert sum(line.count(name) for line in text.splitlines()) == 1
    assert "ctl.cond" not in text
    assert "[N" not in text
    assert "@other" not in text
    assert "author" not in text


def test_a_region_stays_where_it_is_needed():
    text = search(lambda op: op.name == "ctl.cond")
    assert "nn.relu" not in text
    assert "nn.sigmoid" not in text


HELPERS = """
func @main(%x: f32[2], %y: f32[2]) -> f32[2] {
  %a = call(%x, %y) {callee = "outer"} : f32[2]
  %b = tensor.neg(%a) : f32[2]
  return %b
}
func private @outer(%x: f32[2], %y: f32[2]) -> f32[2] {
  %a = nn.sigmoid(%x) : f32[2]
  %b = call(%a, %y) {callee = "inner"} : f32[2]
  return %b
}
func private @inner(%x: f32[2], %y: f32[2]) -> f32[2] {
  %a = tensor.add(%x, %y) : f32[2]
  %b = nn.relu(%a) : f32[2]
  return %b
}
"""


def test_functions_that_are_called_are_seen_into():
    text = search(lambda op: op.name == "nn.relu", HELPERS)
    assert text.count("func") == 1
    ops = [line.strip() for line in text.splitlines() if " = " in line]
    assert ops == ["%a = nn.relu(%x) : f32[1]"]


def test_what_is_not_interesting_is_refused():
    with pytest.raises(ValueError, match="property"):
        Reducer(parse(TEXT, "m.cmir", TABLE), lambda _: False)
