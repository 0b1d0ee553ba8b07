"""`cmlc-run --bisect-passes`: a wrong pass is found, with the rewrite that is to blame."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cmlc import backends, passes
from cmlc.backends.keras.dialect import layers
from cmlc.backends.keras.fuse import FuseKeras
from cmlc.ir.deviation import deviation, worst
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.interpret import random_inputs
from cmlc.ir.rewrite import replace
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module
from cmlc.passes.bisect import Experiment, bisect
from cmlc.passes.manager import Instrumentation, PatternPass, parse_pipeline
from cmlc.passes.patterns import RewriteLimit, no, pattern
from cmlc.tools import cmlc_run
from cmlc.tools.cases import check_case, read_cases
from cmlc.tools.cli import console
from support.modules.planted import SumsAsProducts, WrongEpsilon, WrongTranspose
from support.networks.builders import layer, network
from support.running.shared_folder import FOREIGN, needs_models

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "tests" / "data" / "digits.mlmodel"
CARDS = "getbouncer__cardscan-ios/CardScan__CardScan__Classes__SSDOcr.mlmodel"
BATCH = "dynamic-batch{of=entries}"  # what images get without being asked
NUMBERS = "MatkoGH__quickmath/Resources__MNISTClassifier.mlmodelc"


def plant(monkeypatch, cls) -> None:
    monkeypatch.setitem(passes.PASSES, cls.name, cls)


def run(capsys, model, *arguments) -> tuple[int, dict]:
    status = cmlc_run.main([str(model), "--random=0", "--bisect-passes", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_right_passes_move_nothing(capsys):
    status, facts = run(capsys, DIGITS)
    assert status == 0
    assert facts["ok"]
    assert "rewrite" not in facts
    assert [row["pass"] for row in facts["passes"]][:3] == [
        BATCH,
        "canonicalize",
        "fold-batch-norm",
    ]
    assert max(row["total"] for row in facts["passes"]) < 1e-6


@pytest.mark.parametrize(
    "model", [DIGITS, pytest.param(FOREIGN / CARDS, marks=[needs_models, pytest.mark.slow])]
)
def test_a_wrong_epsilon_is_found(capsys, monkeypatch, model):
    plant(monkeypatch, WrongEpsilon)
    status, facts = run(capsys, model)
    assert status == console.INPUT_ERROR
    assert facts["passes"][-1]["pass"] == "fold-batch-norm"
    rewrite = facts["rewrite"]
    assert rewrite["pattern"] == "batch-norm-of-another-epsilon"
    assert rewrite["where"].startswith("planted.py:")
    assert rewrite["locations"][0].startswith("layers[1] '")
    assert any("= nn.batch_norm(" in line for line in rewrite["before"])
    assert any("= nn.conv(" in line for line in rewrite["after"])


@pytest.mark.parametrize("model", [DIGITS, pytest.param(FOREIGN / NUMBERS, marks=needs_models)])
def test_a_transpose_folded_wrongly_is_found(capsys, monkeypatch, model):
    plant(monkeypatch, WrongTranspose)
    status, facts = run(capsys, model)
    assert status == console.INPUT_ERROR
    assert facts["passes"][-1]["pass"] == "sink-transposes"
    assert facts["rewrite"]["pattern"] == "reshape-of-transpose"
    assert facts["rewrite"]["number"] < facts["rewrite"]["count"]
    assert any("tensor.transpose" in line for line in facts["rewrite"]["before"])


@pytest.mark.parametrize(
    ("cls", "file"), [(WrongEpsilon, "fold_batch_norm"), (WrongTranspose, "sink_transposes")]
)
def test_cases_of_the_pass_find_it_by_their_numbers(monkeypatch, cls, file):
    """The text is not compared: `update` would write what the wrong pass gives."""
    path = ROOT / "tests" / "passes" / f"{file}.cmir"
    cases = [case for case in read_cases(path.read_text()) if case.error is None]
    for case in cases:
        check_case(case, path, update=True)
    plant(monkeypatch, cls)
    failures = [failure for case in cases if (failure := failure_of(case, path))]
    assert any("Not equal to tolerance" in failure for failure in failures)


def failure_of(case, path) -> str:
    try:
        check_case(case, path, update=True)
    except AssertionError as error:
        return str(error)
    return ""


def test_a_pass_without_patterns_is_found(capsys, monkeypatch):
    plant(monkeypatch, SumsAsProducts)
    status, facts = run(capsys, DIGITS)
    assert status == console.INPUT_ERROR
    assert facts["passes"][-1]["pass"] == "cse"
    assert "rewrite" not in facts


def test_what_people_see(capsys, monkeypatch):
    plant(monkeypatch, WrongEpsilon)
    assert cmlc_run.main([str(DIGITS), "--random=0", "--bisect-passes"]) == console.INPUT_ERROR
    out = capsys.readouterr().out
    assert "pass 'fold-batch-norm' moves 'digitProbabilities' by" in out
    assert "rewrite 1 of 1: batch-norm-of-another-epsilon (planted.py:" in out
    assert "  at layers[1] 'bn1'" in out
    assert "  - %bn1 = nn.batch_norm(%conv1," in out
    assert f"cmlc-reduce {DIGITS} --passes='fold-batch-norm' --after='{BATCH}, canonicalize'" in out


@pytest.mark.slow
def test_the_keras_pipeline_changes_the_interface_and_nothing_else(capsys):
    status, facts = run(capsys, DIGITS, "--target=keras")
    assert status == 0
    assert [row["pass"] for row in facts["passes"]][:2] == [BATCH, "numeric-interface"]


@pytest.mark.slow
def test_a_batch_before_arrays_moves_nothing(capsys, tmp_path):
    path = tmp_path / "scale.mlmodel"
    half = layer("unary", scale=0.5, type="ABS")
    path.write_bytes(network(half, x=(4,), rank5=True).SerializeToString())
    status, facts = run(capsys, path, "--batch=dynamic")
    assert status == 0
    assert facts["passes"][0] == {**facts["passes"][0], "pass": "dynamic-batch", "total": 0.0}


@pytest.mark.slow
def test_passes_of_ones_own_come_first(capsys):
    _, facts = run(capsys, DIGITS, "--passes=fold-batch-norm, dce")
    assert [row["pass"] for row in facts["passes"]][:3] == [
        BATCH,
        "fold-batch-norm",
        "canonicalize",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "--probe=x"], "--compare and --probe are two runs"),
        (["--tolerance=1"], "--tolerance is for --bisect-passes and --compare"),
        (["--bisect-passes", "--tolerance=nan"], "--tolerance is nan"),
        (["--bisect-passes", "--interpret"], "--interpret is for a plain run and --probe"),
        (["--bisect-passes", "-o", "x.npz"], "-o is for a plain run"),
        (["--bisect-passes"], "1 input missing"),
    ],
)
def test_usage(capsys, arguments, message):
    assert cmlc_run.main([str(DIGITS), *arguments]) == console.USAGE_ERROR
    assert message in capsys.readouterr().err


TEXT = """func @main(%x: f32[2]) -> f32[2] {
  %a = tensor.neg(%x) : f32[2]
  %b = tensor.neg(%a) : f32[2]
  %c = nn.relu(%b) : f32[2]
  %d = nn.relu(%c) : f32[2]
  return %d
}
"""


def test_limited_rewriting_is_a_prefix_of_all_rewriting():
    texts = []
    for allowed in range(4):
        module, limit = parse(TEXT, "m.cmir", TABLE), RewriteLimit(allowed)
        parse_pipeline("canonicalize").run(module, Instrumentation(limit=limit))
        assert limit.done == min(allowed, 2)
        texts.append(print_module(module))
    assert texts[0] == print_module(parse(TEXT, "m.cmir", TABLE))
    assert len(set(texts)) == 3
    assert texts[2] == texts[3]


def test_the_given_module_stays_as_it_is():
    module = parse(TEXT, "m.cmir", TABLE)
    text = print_module(module)
    inputs = random_inputs(module.main)
    found = bisect(module, parse_pipeline("canonicalize"), Experiment("main", inputs), 1e-6)
    assert [step.spec for step in found.steps] == ["canonicalize"]
    assert print_module(module) == text


@pytest.mark.parametrize(
    ("expected", "got", "error", "relative"),
    [
        ([1.0, -4.0], [1.0, -4.5], 0.5, 0.125),
        ([0.0, 0.0], [0.0, 0.25], 0.25, 0.25),
        ([np.inf, np.nan, 2.0], [np.inf, np.nan, 2.0], 0.0, 0.0),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf, np.inf),
        ([np.nan], [1.0], np.inf, np.inf),
        ([1.0], [1.0, 1.0], np.inf, np.inf),
        ([], [], 0.0, 0.0),
        ([True, False], [True, True], 1.0, 1.0),
        ([3, 250], [250, 3], 247.0, 247 / 250),
        (["a", "b"], ["a", "b"], 0.0, 0.0),
        (["a"], ["b"], np.inf, np.inf),
        (2.0, 2.5, 0.5, 0.25),  # of rank 0
        (np.nan, np.nan, 0.0, 0.0),
    ],
)
def test_deviation(expected, got, error, relative):
    found = deviation(np.asarray(expected), np.asarray(got))
    assert (found.error, found.relative) == (error, relative)


def test_unsigned_numbers_do_not_wrap_around():
    ours, theirs = np.asarray([3], np.uint8), np.asarray([4], np.uint8)
    assert deviation(ours, theirs).error == 1


def test_the_worst_of_several():
    ours = {"a": np.ones(2), "b": np.ones(2), "gone": np.ones(2)}
    theirs = {"a": np.ones(2), "b": np.zeros(2)}
    assert worst(ours, theirs)[0] == "b"


@pattern(layers.Rescaling)
def twice_as_bright(op):
    """rescaling(x) → rescaling(2 x), which is wrong."""
    if op.scale[0] > 1 / 127:
        return no("it is bright")
    return replace(op, scale=tuple(2 * number for number in op.scale)).result


@dataclass(frozen=True)
class FuseWrongly(PatternPass):
    """What the target's pass does, and a wrong rewrite."""

    name = "fuse-keras"
    patterns = (*FuseKeras.patterns, twice_as_bright)


@pytest.mark.slow
def test_passes_of_a_target_move_nothing(capsys):
    status, facts = run(capsys, DIGITS, "--target=keras")
    assert (status, facts["ok"]) == (0, True)
    lowered = [row["pass"] for row in facts["passes"] if row["stage"] == "lower"]
    assert lowered == ["fuse-keras"]


@pytest.mark.slow
def test_a_wrong_rewrite_after_lowering_is_found(capsys, monkeypatch):
    monkeypatch.setitem(backends.PASSES, "fuse-keras", FuseWrongly)
    status, facts = run(capsys, DIGITS, "--target=keras")
    assert status == console.INPUT_ERROR
    assert (facts["passes"][-1]["stage"], facts["passes"][-1]["pass"]) == ("lower", "fuse-keras")
    assert facts["rewrite"]["pattern"] == "twice-as-bright"
    assert facts["rewrite"]["number"] <= facts["rewrite"]["count"]
    assert any("keras.layers.Rescaling" in line for line in facts["rewrite"]["after"])
    assert cmlc_run.main([str(DIGITS), "--random=0", "--bisect-passes", "--target=keras"]) == 1
    text = capsys.readouterr().out
    assert "lowered 3  fuse-keras" in text
    assert "twice-as-bright (bisect_passes_test.py:" in text
    assert "cmlc-reduce" not in text
