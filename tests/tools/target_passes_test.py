"""Passes of targets, which run after lowering, are seen by all that watches passes."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from cmlc import backends
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.ssa import Op
from cmlc.passes.manager import PatternPass
from cmlc.passes.patterns import pattern
from cmlc.tools import cmlc, cmlc_opt
from cmlc.tools.cli import console

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
OWN = [
    *("check-keras", "chain-concatenations-keras", "fuse-keras"),
    *("index-keras", "hold-constants-keras"),
]
AFTER = [*OWN[:3], "cse", *OWN[3:]]
# The result of the convolution is used without the activation, too.
SHARED = """func @main(%x: f32[1,4,4,2]) -> ("c": f32[1,2,2,3], "y": f32[1,2,2,3]) {
  %w = const {value = resource<"w">} : f32[3,3,2,3]
  %c = nn.conv(%x, %w) {layout = #channels_last} : f32[1,2,2,3]
  %y = nn.relu(%c) : f32[1,2,2,3]
  return %c, %y
}
resources {
  "w" : f32[3,3,2,3] = random(1)
}
"""
LOWERED = """func @main(%x: f32[2,3]) -> ("y": f32[2,3]) {
  %a = keras.ops.transpose(%x) {axes = [1, 0]} : f32[3,2]
  %y = keras.ops.transpose(%a) {axes = [1, 0]} : f32[2,3]
  return %y
}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shared.cmir").write_text(SHARED)
    Path("lowered.cmir").write_text(LOWERED)


def test_why_a_pattern_declines(capsys):
    assert cmlc_opt.main(["shared.cmir", "--lower", "--target=keras", "--explain=fuse-keras"]) == 0
    found = capsys.readouterr()
    assert "fuse-keras: 0 rewrites, 1 near-miss" in found.err
    assert "activation-into-layer (convolution.py:" in found.err
    assert "declined: the layer's result is used without the activation, too" in found.err
    assert "keras.layers.ReLU" in found.out


@pytest.mark.parametrize("option", ["--passes", "--explain"])
def test_a_pass_on_lowered_text(capsys, option):
    assert cmlc_opt.main(["lowered.cmir", option, "fuse-keras", "--trace-rewrites"]) == 0
    found = capsys.readouterr()
    assert "transposed-twice (shape.py:" in found.err
    assert "keras" not in found.out


def test_a_pass_on_core_ir_is_a_wrong_pipeline(capsys):
    assert cmlc_opt.main(["shared.cmir", "--passes=fuse-keras"]) == console.USAGE_ERROR
    found = capsys.readouterr().err
    assert "pass 'fuse-keras' requires more of the module" in found
    assert "shared.cmir:3:3: error: 'nn.conv' is outside keras." in found
    assert "the lowering to a target" in found
    assert not list(Path().glob("cmlc-reproducer*"))


def test_time_and_counts_of_both_stages(capsys):
    arguments = [
        "-o",
        "o.cmir",
        "--stage=lowered",
        "--target=keras",
        "--json",
        "--timing",
        "--stats",
    ]
    assert cmlc.main([str(DIGITS), *arguments]) == 0
    facts = json.loads(capsys.readouterr().out)
    stages = {item["name"]: item for item in facts["timing"]["children"]}
    assert [item["name"] for item in stages["lower"]["children"]] == AFTER
    assert AFTER[1] not in [item["name"] for item in stages["optimize"]["children"]]
    rows = [row for row in facts["stats"] if row["stage"] == "lower"]
    assert [row["name"] for row in rows] == AFTER
    fuse = rows[AFTER.index("fuse-keras")]
    assert fuse["patterns"]["activation-into-layer"]["rewrites"] > 0
    assert {row["stage"] for row in facts["stats"]} == {"optimize", "lower"}


def test_counts_for_people(capsys):
    assert (
        cmlc.main([str(DIGITS), "--emit=ir", "--stage=lowered", "--target=keras", "--stats"]) == 0
    )
    before, _, lowered = capsys.readouterr().err.partition("\n  lowered ")
    assert before.startswith("  before ")
    assert "keras" not in before
    assert "activation-into-layer" in lowered
    assert "nn.relu" not in lowered


def test_the_ir_after_it(capsys):
    run = [str(DIGITS), "--emit=ir", "--stage=lowered", "--target=keras"]
    assert cmlc.main([*run, "--print-after=fuse-keras"]) == 0
    found = capsys.readouterr()
    assert found.err.startswith("// ----- after fuse-keras -----")
    assert "keras.layers.Rescaling" in found.err
    assert cmlc.main([*run, "--dump-dir=ir", "--print-after", ",".join(OWN)]) == 0
    names = [path.stem.partition("-")[2] for path in sorted(Path("ir").iterdir())]
    assert names == ["imported", *OWN, "lowered"]


def test_what_it_is(capsys):
    assert cmlc_opt.main(["--help-pass=fuse-keras"]) == 0
    found = capsys.readouterr().out
    assert found.startswith("fuse-keras (backends/keras/fuse/__init__.py)\n")
    assert "transposed-twice" in found
    assert "ops are keras.*" in found


def test_no_plugin_has_its_name(capsys):
    Path("mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from cmlc.passes.manager import Pass\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Pass):\n"
        "    '''Mine.'''\n"
        "    name = 'fuse-keras'\n"
        "PASSES = (Mine,)\n"
    )
    assert cmlc_opt.main(["lowered.cmir", "--plugin=mine.py"]) == console.USAGE_ERROR
    assert "defines a pass 'fuse-keras', as does cmlc itself" in capsys.readouterr().err


@pattern(Op)
def crash(op):
    """x → a mistake in Python."""
    return None if isinstance(op, Constant) else op.nothing


@dataclass(frozen=True)
class Crash(PatternPass):
    """Fails."""

    name = "fuse-keras"
    patterns = (crash,)


def test_a_crash_is_reproduced(capsys, monkeypatch):
    monkeypatch.setitem(backends.PASSES, "fuse-keras", Crash)
    assert cmlc.main([str(DIGITS), "--emit=ir", "--stage=lowered", "--target=keras"]) == console.BUG
    assert "has no attribute 'nothing'" in capsys.readouterr().err
    first = Path("cmlc-reproducer-fuse-keras.cmir").read_text().partition("\n")[0]
    command, *arguments = shlex.split(first.removeprefix("// RUN: "))
    assert command == "cmlc-opt"
    assert cmlc_opt.main(arguments) == console.BUG
    assert "has no attribute 'nothing'" in capsys.readouterr().err
