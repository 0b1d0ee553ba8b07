"""`cmlc --emit=keras-code` and `--emit=keras` refuse by name before anything is written."""

from pathlib import Path

import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.tools import cmlc
from support.tables.detectors import detector

STATES = """
func @main(%x: f32[2], %cache: f32[2] {kind = "state"}) -> ("y": f32[2], "c": f32[2]) {
  %y = tensor.add(%x, %cache) : f32[2]
  return %y, %y
}
"""
SEVERAL = """
func @main(%x: f32[2,3]) -> (i32[K,2], f32[2,3]) {
  %a = tensor.non_zero(%x) {dims = [K, 2]} : i32[K,2]
  %s = const {value = dense<[2, 3]>} : i32[2]
  %b = tensor.random_uniform(%s) {dims = [2, 3]} : f32[2,3]
  return %a, %b
}
"""
REASONS = {
    "states live between calls": STATES,
    "'tensor.non_zero' can't be expressed in Keras": SEVERAL,
    "'tensor.random_uniform' can't be expressed in Keras": SEVERAL,
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_detector_is_refused_with_what_keeps_its_network(capsys):
    Path("m.mlmodel").write_bytes(detector("required").SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=keras-code"]) == 1
    told = capsys.readouterr().err
    assert "'image.non_maximum_suppression' can't be expressed in Keras" in told
    assert "--outputs=NAME for each of the values that it takes" in told
    assert not Path("m_keras").exists()


def test_the_network_of_a_detector_has_a_batch():
    options = Options(target="keras", outputs=("scores", "boxes"))
    results = Stages(detector("required"), options).lowered.main.results
    assert [str(value.type) for value in results] == ["f32[N,49,3]", "f32[N,49,4]"]


@pytest.mark.parametrize("emit", ["keras-code", "keras"])
@pytest.mark.parametrize("words", REASONS)
def test_is_refused_before_anything_is_written(words, emit, tmp_path, capsys):
    model = tmp_path / "model.cmir"
    model.write_text(REASONS[words])
    assert cmlc.main([str(model), f"--emit={emit}"]) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [model]


def test_layers_compute_in_float32(tmp_path, capsys):
    model = tmp_path / "model.cmir"
    model.write_text(STATES)
    assert cmlc.main([str(model), "--emit=keras-code", "--precision=keep"]) == 2
    assert "--precision means nothing for --emit=keras-code" in capsys.readouterr().err
