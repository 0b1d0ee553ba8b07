"""Pipelines and models that are not networks as `.mlmodel` and `.mlpackage`, from folders too."""

from pathlib import Path

import cmlc
import pytest
from cmlc.compiler.source.reading import read_spec
from cmlc.tools import cmlc as command
from cmlc.tools.cli import console
from support.mil.files import pipeline_folder, write
from support.networks.compiled_models import archive
from support.tables.builders import model, pipeline

ARCHIVE = "coremldata.bin"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def stump():
    """1 above 0.5, else -1."""
    spec, message = model("treeEnsembleRegressor", {"v": "f64[2]"}, {"y": "double"})
    ensemble = message.treeEnsemble
    ensemble.numPredictionDimensions = 1
    top = ensemble.nodes.add(nodeId=0, nodeBehavior=1, branchFeatureIndex=1)
    top.branchFeatureValue, top.trueChildNodeId, top.falseChildNodeId = 0.5, 1, 2
    for node, value in ((1, -1.0), (2, 1.0)):
        row = ensemble.nodes.add(nodeId=node, nodeBehavior=6)
        row.evaluationInfo.add(evaluationValue=value)
    return spec


def two():
    """A pipeline: two numbers as a vector, and a tree."""
    inputs = {"a": "double", "b": "double"}
    columns, message = model("featureVectorizer", inputs, {"v": "f64[2]"})
    for name in inputs:
        message.inputList.add(inputColumn=name, inputDimensions=1)
    return pipeline(inputs, {"y": "double"}, columns, stump(), kind="pipelineRegressor")


def itself(spec, number):
    """Writes a stage that is compiled into a copy of itself."""
    data = archive(number, spec.SerializeToString(), version=4, signature="spec")
    return lambda folder, name: write(folder / name / ARCHIVE, data)


def folder():
    """The pipeline as Core ML's compiler writes it."""
    columns, tree = two().pipelineRegressor.pipeline.models
    stages = [itself(columns, 602), itself(tree, 302)]
    return pipeline_folder(Path(), two(), stages, 201)


def test_a_compiled_pipeline_of_trees_is_its_source():
    found = read_spec(folder())
    assert found.pipelineRegressor == two().pipelineRegressor
    compiled = cmlc.compile(folder())
    assert compiled.interpret({"a": 9.0, "b": 0.75}) == {"y": 1}
    assert compiled.interpret({"a": 9.0, "b": 0.25}) == {"y": -1}


@pytest.mark.parametrize("name", ["out.mlmodel", "out.mlpackage"])
@pytest.mark.parametrize("make", [two, stump], ids=["pipeline", "tree"])
def test_models_are_written_as_they_are(name, make):
    Path("m.mlmodel").write_bytes(make().SerializeToString())
    assert command.main(["m.mlmodel", "-o", name]) == 0
    assert read_spec(name) == make()


@pytest.mark.parametrize("name", ["out.mlmodel", "out.mlpackage"])
def test_models_come_back_from_their_compiled_form(name):
    assert command.main([str(folder()), "-o", name]) == 0
    assert read_spec(name).pipelineRegressor == two().pipelineRegressor


def test_another_compiled_form_of_a_tree_is_refused(capsys):
    """None is known; real ones hold the model itself."""
    made = Path("m.mlmodelc")
    write(made / ARCHIVE, archive(302, stump().description, b"more"))
    assert command.main([str(made), "-o", "out.mlmodel"]) == console.INPUT_ERROR
    said = capsys.readouterr().err
    assert "compiled models of type treeEnsembleRegressor are not supported" in said
    assert "compile the .mlmodel or .mlpackage that this folder was made from" in said
    assert not Path("out.mlmodel").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.mlmodel", "out.mlpackage"])
def test_coremltools_reads_what_is_written(name):
    from coremltools.models import MLModel

    Path("m.mlmodel").write_bytes(two().SerializeToString())
    assert command.main(["m.mlmodel", "-o", name]) == 0
    assert MLModel(name, skip_model_load=True).get_spec() == two()
