"""A new target is one package and one row of the table: nothing else needs to know of it.

`support/targets/toy` is such a package: one op, one form with a choice of its own.
"""

import json
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.backends.table import TARGETS, Row
from cmlc.compiler.driver import load_text
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core.activation import Relu
from cmlc.tools import cmlc as command
from cmlc.tools import cmlc_diff, cmlc_opt, cmlc_reduce, cmlc_run
from cmlc.tools.cli import console
from cmlc.tools.docs.opmap import becomes

RELU = """
func @main(%x: f32[4]) -> ("y": f32[4]) {
  %y = nn.relu(%x) : f32[4]
  return %y
}
"""


@pytest.fixture(autouse=True)
def _toy(tmp_path, monkeypatch):
    monkeypatch.setitem(TARGETS, "toy", Row("support.targets.toy"))
    monkeypatch.chdir(tmp_path)
    Path("relu.cmir").write_text(RELU)


def test_commands_list_it(capsys):
    for tool in (command, cmlc_diff, cmlc_opt, cmlc_reduce, cmlc_run):
        assert tool.main(["--help"]) == 0
        assert f"--target {{{','.join(TARGETS)}}}" in capsys.readouterr().out
    command.main(["--help"])
    said = capsys.readouterr().out
    assert "toy-text" in said
    assert "--shout {soft,loud}" in said


@pytest.mark.parametrize("options", [["--emit=toy-text"], ["-o", "relu.toy"], ["--target=toy"]])
def test_its_form_is_written(capsys, options):
    assert command.main(["relu.cmir", *options]) == 0
    assert Path("relu.toy").read_text() == "toy.relu\n"
    said = capsys.readouterr().out
    assert "lines    1" in said
    assert "cat relu.toy" in said


def test_its_choices_are_taken_and_checked(capsys):
    assert command.main(["relu.cmir", "-o", "relu.toy", "--shout=loud", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == 1
    assert Path("relu.toy").read_text() == "TOY.RELU\n"
    model = cmlc.compile("relu.cmir")
    assert model.write("soft.toy", shout="soft").read_text() == "toy.relu\n"
    with pytest.raises(CompileError, match="shout is 'louder', expected one of soft, loud"):
        model.write("soft.toy", shout="louder")
    assert command.main(["relu.cmir", "-o", "m.tflite", "--shout=loud"]) == console.USAGE_ERROR
    said = "--shout means nothing for --emit=tflite; it is for --emit=toy-text"
    assert said in capsys.readouterr().err


def test_its_stage_is_text_that_is_read_again(capsys):
    assert command.main(["relu.cmir", "--emit=ir", "--stage=lowered", "--target=toy"]) == 0
    text = capsys.readouterr().out
    assert "%y = toy.relu(%x)" in text
    assert [op.name for op in load_text(text).walk()] == ["toy.relu", "return"]
    assert cmlc_opt.main(["relu.cmir", "--lower", "--target=toy"]) == 0
    assert capsys.readouterr().out == text
    arguments = ["relu.cmir", "--stages=imported..lowered", "--target=toy", "--json"]
    assert cmlc_diff.main(arguments) == cmlc_diff.DIFFERENT
    assert "toy.relu" in capsys.readouterr().out


def test_it_runs(capsys):
    model = cmlc.compile("relu.cmir", target="toy")
    assert model.predict({"x": [-1, 0, 1, 2]})["y"].tolist() == [0, 0, 1, 2]
    arguments = ["relu.cmir", "--target=toy", "--random", "0"]
    assert cmlc_run.main([*arguments, "--compare"]) == 0
    assert cmlc_run.main([*arguments, "--bisect-passes"]) == 0
    assert cmlc_run.main([*arguments, "-o", "y.npz"]) == 0
    assert np.load("y.npz")["y"].shape == (4,)


def test_what_it_lacks_is_refused(capsys):
    Path("other.cmir").write_text(RELU.replace("nn.relu", "nn.softplus"))
    assert command.main(["other.cmir", "--target=toy"]) == console.INPUT_ERROR
    assert "'nn.softplus' can't be expressed in Toy: it has no lowering" in capsys.readouterr().err
    assert not Path("other.toy").exists()


def test_the_reference_of_ops_tells_it():
    assert "Toy: `toy.relu`" in becomes(Relu)
