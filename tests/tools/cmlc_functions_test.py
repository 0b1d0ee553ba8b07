"""`cmlc` and `cmlc-run` on models of several functions, and with states."""

import json

import numpy as np
import pytest
from cmlc.tools import cmlc, cmlc_run
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
