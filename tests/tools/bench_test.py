"""What `make bench` measures is what it says."""

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from cmlc.ir.reference import trees as tree_tables
from cmlc.ir.types import DType
from cmlc.tools.bench import half_program, peer_process, peers, run, scale, trees
from support.mil.programs import imported


@pytest.mark.parametrize(("precision", "dtype"), [("float32", DType.F32), ("keep", DType.F16)])
def test_half_program(precision, dtype):
    module = imported(half_program.model(), precision=precision)
    convolutions = [op for op in module.main.block if op.name == "nn.conv"]
    assert len(convolutions) == len(half_program.LAYERS)
    counts = Counter(op.result.type.dtype for op in convolutions)
    assert counts == {dtype: len(convolutions)}
    (result,) = module.main.results
    assert str(result.type) == f"f32[1,{half_program.CLASSES}]"


def test_random_trees_are_complete():
    tables = trees.random_tables()
    assert tables.problem(trees.FEATURES) == ""
    heights = tree_tables.heights(tables.children)
    assert (heights[tables.roots] == trees.DEPTH).all()


@pytest.mark.slow
def test_what_is_missing_to_compare_trees_is_said(monkeypatch):
    """A small ensemble, so that only the report is slow."""
    pytest.importorskip("tensorflow")
    monkeypatch.setattr(trees, "_OTHERS", ("sklearn_that_is_not_there",))
    monkeypatch.setattr(trees, "TREES", 3)
    monkeypatch.setattr(trees, "ROWS", 20)
    found = trees.figures(1)
    assert "sklearn_that_is_not_there" in found.values()
    assert sum("predict, ms" in name for name in found) == 3
    assert "    ratio of predict to that (1 row)" in found


def test_earlier_figures_are_shown_beside_the_new_ones(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trees, "figures", lambda runs: {"a, ms": 3.0, "new": 1.0, "said": "so"})
    (tmp_path / "old.json").write_text(json.dumps({"a, ms": 2.0, "said": "no"}))
    files = ["--against", str(tmp_path / "old.json"), "--json", str(tmp_path / "new.json")]
    assert run.main(["--trees", *files]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["a,", "ms", "3", "2", "1.50"], ["new", "1"], ["said", "so"]]
    assert json.loads((tmp_path / "new.json").read_text())["a, ms"] == 3


def test_what_is_missing_to_compare_runtimes_is_said(monkeypatch):
    monkeypatch.setattr(peers, "_NEEDED", ("torch_that_is_not_there", "json"))
    found = peers.figures(sys.executable, ("tagger",), 1)
    assert [*found.values()] == ["torch_that_is_not_there"]


@pytest.mark.slow
def test_a_runtime_answers_with_seconds(tmp_path):
    """Ours, in a process that doesn't know cmlc."""
    half = tmp_path / "m.mlmodel"
    half.write_bytes(half_program.model().SerializeToString())
    command = [sys.executable, "-m", "cmlc.tools.cmlc", str(half), "-o"]
    subprocess.run([*command, str(tmp_path / "savedmodel")], check=True, capture_output=True)
    (value,) = imported(half_program.model()).main.arguments
    x = np.zeros(value.type.static_shape, np.float32)
    np.savez(tmp_path / "inputs.npz", **{value.name: x})
    assert "tensorflow" in peer_process.probe()
    process = peers.Process(sys.executable, "tensorflow", tmp_path)
    try:
        assert 0 < process.seconds() < 60
    finally:
        process.end()


@pytest.mark.slow
def test_a_runtime_that_does_not_run_says_why(tmp_path):
    np.savez(tmp_path / "inputs.npz", x=np.zeros(1, np.float32))
    with pytest.raises(RuntimeError, match=r"tensorflow doesn't run savedmodel:(.|\n)*savedmodel"):
        peers.Process(sys.executable, "tensorflow", tmp_path)


@pytest.mark.slow
def test_predict_is_measured_beside_the_bare_function():
    figures = scale.predict_figures(3)
    assert len(figures) == 6
    for count in (20, 500):
        ours = figures[f"predict, {count} operations: ms"]
        bare = figures[f"  the bare function, {count} operations: ms"]
        assert figures[f"  ratio ({count} operations)"] == pytest.approx(ours / bare)
