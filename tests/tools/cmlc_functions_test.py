"""`cmlc` and `cmlc-run` on models of several functions, and with states."""

import json

import numpy as np
import pytest
from cmlc.tools import cmlc, cmlc_opt, cmlc_run
from support.networks.transformers import STEPS, WIDTH, cache_names, transformer


@pytest.fixture(autouse=True)
def _model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.mlmodel").write_bytes(transformer().SerializeToString())


def test_one_function_as_ir(capsys):
    assert cmlc.main(["t.mlmodel", "--emit=ir", "--function=full"]) == 0
    printed = capsys.readouterr().out
    assert "func @full(" in printed
    assert "func @decode(" not in printed


HELPERS = """
func @main(%x: f32[2]) -> ("y": f32[2]) {
  %y = call(%x) {callee = "twice"} : f32[2]
  %z = call(%y) {callee = "half"} : f32[2]
  return %z
}
func @half(%x: f32[2]) -> ("y": f32[2]) {
  %c = const {value = dense<0.5>} : f32[]
  %y = tensor.mul(%x, %c) : f32[2]
  return %y
}
func private @twice(%x: f32[2]) -> f32[2] {
  %y = tensor.add(%x, %x) : f32[2]
  return %y
}
"""


def test_one_function_and_what_it_calls(tmp_path, capsys):
    (tmp_path / "h.cmir").write_text(HELPERS)
    assert cmlc.main(["h.cmir", "--emit=ir", "--function=main"]) == 0
    printed = capsys.readouterr().out
    heads = [line.split("(")[0].strip() for line in printed.splitlines() if "func " in line]
    assert heads == ["func @main", "func private @twice", "func private @half"]
    assert cmlc.main(["h.cmir", "--emit=ir", "--function=half"]) == 0
    assert "@twice" not in capsys.readouterr().out


def test_private_functions_are_nobodys_interface(tmp_path, capsys):
    (tmp_path / "h.cmir").write_text(HELPERS)
    assert cmlc.main(["h.cmir", "--emit=ir", "--function=twice"]) == 2
    assert "no function 'twice'; its functions are main, half" in capsys.readouterr().err
    assert cmlc.main(["h.cmir", "-o", "all.cmir", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["functions"] == ["main", "half"]
    assert cmlc_run.main(["h.cmir", "--interpret", "--input=x=[1,2]", "--function=twice"]) == 2
    assert "its functions are main, half" in capsys.readouterr().err
    assert cmlc_run.main(["h.cmir", "--interpret", "--input=x=[1,2]", "-o", "y.npz"]) == 0
    assert np.load("y.npz")["y"].tolist() == [1, 2]


def test_calls_are_told_before_they_are_lowered(tmp_path, capsys):
    (tmp_path / "h.cmir").write_text(HELPERS)
    assert cmlc_opt.main(["h.cmir", "--passes=layout", "--lower"]) == 1
    printed = capsys.readouterr().err
    assert "'call' of @twice may not occur here; run the pass 'inline' before" in printed
    assert "TensorFlow needs these passes first: inline, symbol-dce, " in printed
    assert cmlc_opt.main(["h.cmir", "--passes=inline, layout", "--lower"]) == 0


def test_a_function_that_is_not_there(capsys):
    assert cmlc.main(["t.mlmodel", "--emit=ir", "--function=half"]) == 2
    assert "no function 'half'; its functions are decode, full" in capsys.readouterr().err


def test_functions_and_states_in_summaries(capsys):
    assert cmlc.main(["t.mlmodel", "-o", "t.cmir"]) == 0
    printed = capsys.readouterr().out
    assert "decode (the default; shown above), full" in printed
    assert f"keys0     f32[{STEPS},{WIDTH}]  state" in printed
    cmlc.main(["t.mlmodel", "-o", "t.cmir", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["functions"] == ["decode", "full"]
    assert [entry["name"] for entry in facts["states"]] == cache_names()


@pytest.mark.parametrize(("function", "rows"), [("full", STEPS), ("decode", 1), ("", 1)])
def test_running_one_function(function, rows, capsys):
    arguments = ["t.mlmodel", "--interpret", "--random=0", "-o", "y.npz"]
    position = [] if function == "full" else ["--input=position=3"]
    assert cmlc_run.main([*arguments, *position, f"--function={function}"]) == 0
    assert np.load("y.npz")["y"].shape == (rows, WIDTH)
