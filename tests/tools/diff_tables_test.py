"""`cmlc-diff`, text and back, of pipelines, trees and models with many inputs."""

import json
from pathlib import Path

import cmlc
import pytest
from cmlc.ir.diff import compare
from cmlc.tools import cmlc as command
from cmlc.tools import cmlc_diff
from support.running.shared_folder import FOREIGN, needs_models
from support.tables.builders import model, pipeline


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def stumps(count, leaf=1.0, threshold=0.5):
    """A tree on the last of `count` inputs."""
    inputs = {f"f{i}": "double" for i in range(count)}
    spec, message = model("treeEnsembleRegressor", inputs, {"y": "double"})
    ensemble = message.treeEnsemble
    ensemble.numPredictionDimensions = 1
    top = ensemble.nodes.add(nodeId=0, nodeBehavior=1, branchFeatureIndex=count - 1)
    top.branchFeatureValue, top.trueChildNodeId, top.falseChildNodeId = threshold, 1, 2
    for node in (1, 2):
        row = ensemble.nodes.add(nodeId=node, nodeBehavior=6)
        row.evaluationInfo.add(evaluationValue=leaf * node)
    return spec


def keys(*names):
    """A pipeline: a dictionary by its keys, and the sum of its values."""
    sparse, message = model("dictVectorizer", {"x": "{string}"}, {"s": "{int64}"})
    message.stringToIndex.vector.extend(names)
    count = len(names)
    dense, message = model("featureVectorizer", {"s": "{int64}"}, {"v": f"f64[{count}]"})
    message.inputList.add(inputColumn="s", inputDimensions=count)
    linear, message = model("glmRegressor", {"v": f"f64[{count}]"}, {"y": "double"})
    message.weights.add(value=[1.0] * count)
    message.offset.append(0)
    return pipeline({"x": "{string}"}, {"y": "double"}, sparse, dense, linear)


def said(capsys, old, new, *options):
    for name, spec in (("old", old), ("new", new)):
        Path(f"{name}.mlmodel").write_bytes(spec.SerializeToString())
    cmlc_diff.main(["old.mlmodel", "new.mlmodel", *options])
    return capsys.readouterr().out


def test_trees_differ_in_their_tables(capsys):
    out = said(capsys, stumps(2), stumps(2, leaf=2.0, threshold=0.25))
    assert "2 edits: 2 weights; " in out
    assert "thresholds   [0.5] → [0.25]: " in out
    assert "values       [[1.0], [2.0]] → [[2.0], [4.0]]: all 2 elements differ" in out


def test_hundreds_of_inputs_are_one_line(capsys):
    old, new = stumps(700), stumps(100)
    lines = said(capsys, old, new).splitlines()
    assert "  600 inputs 'f100' … 'f699' f64[1] → none" in lines
    assert "    values       %f100 … %f699, 600 of them → none" in lines
    assert len(lines) < 20
    facts = said(capsys, old, new, "--json")
    assert len(facts) < 200_000
    assert json.loads(facts)["counts"] == {"interface": 600, "operands": 1, "weight": 1}
    # All of them, on request.
    assert len(said(capsys, old, new, "--limit=0").splitlines()) > 600


def test_models_of_pipelines_are_compared_by_function(capsys):
    out = said(capsys, keys("a", "b"), keys("a", "b", "c"))
    assert "interface of @featureVectorizer" in out
    assert "keys         str[2] → str[3]" in out
    assert "output ''" not in out
    assert "no differences" in said(capsys, keys("a", "b"), keys("a", "b"))


def test_models_that_only_apple_runs_are_compared_by_hand(capsys):
    spec, _ = model("textClassifier", {"text": "string"}, {"label": "string"})
    Path("a.mlmodel").write_bytes(spec.SerializeToString())
    assert cmlc_diff.main(["a.mlmodel", "a.mlmodel"]) == cmlc_diff.TROUBLE
    said = capsys.readouterr().err
    assert said.startswith("a.mlmodel: error: textClassifier can't run elsewhere: ")
    assert said.endswith(
        "; compare by hand what is stored: cmlc a.mlmodel --emit=html --stage=stored, "
        "and of the other\n"
    )
    assert command.main(["a.mlmodel", "--emit=html", "--stage=stored", "-o", "a.html"]) == 0


def test_text_of_trees_is_read_again():
    Path("m.mlmodel").write_bytes(stumps(3).SerializeToString())
    assert command.main(["m.mlmodel", "--emit=ir", "-o", "m.cmir"]) == 0
    assert compare(cmlc.load("m.mlmodel"), cmlc.load("m.cmir")).equal


@needs_models
@pytest.mark.parametrize(
    "pattern", ["cocoa-ai__NamesCoreMLDemo/*.mlmodel", "improve-ai__python-ranker/*songs.mlmodel"]
)
def test_text_of_real_trees_is_read_again(pattern):
    (path,) = FOREIGN.glob(pattern)
    assert command.main([str(path), "--emit=ir", "-o", "m.cmir"]) == 0
    assert compare(cmlc.load(path), cmlc.load("m.cmir")).equal
