"""A model as it is stored, drawn: of any type, whether it can be compiled or not."""

import json
import re

import cmlc
import numpy as np
import pytest
from cmlc.compiler.frontends.stored_graph import stored_graph
from cmlc.compiler.source.reading import ModelSource, read_model
from cmlc.ir.view.graph import Node
from cmlc.tools import cmlc as command
from cmlc.tools.cli import console
from support.mil.programs import op, program
from support.networks.builders import layer, messages, network
from support.running.shared_folder import FOREIGN, needs_models
from support.tables import builders as tables


def drawn(model) -> dict[str, Node]:
    """The nodes by the names of their values; each is below what it reads."""
    nodes = stored_graph(read_model(model))
    assert all(nodes[i].layer < node.layer for node in nodes for i in node.operands)
    assert len({(node.layer, node.column) for node in nodes}) == len(nodes)
    return {node.name: node for node in nodes if node.kind not in ("input", "output")}


def reads(nodes, model, name):
    every = stored_graph(read_model(model))
    return [every[i].name for i in nodes[name].operands]


def test_layers():
    weights = {"floatValue": [1.0] * 6}
    dense = layer("innerProduct", ["x"], ["h"], inputChannels=2, outputChannels=3, weights=weights)
    custom = layer("custom", ["h", "x"], ["y"], className="Scaled")
    model = network(dense, custom, outputs=["y"], x=(2,))
    nodes = drawn(model)
    assert nodes["h"].kind == "innerProduct"
    assert nodes["h"].attributes == {
        "inputChannels": "2",
        "outputChannels": "3",
        "weights": "6 of float32",
    }
    assert nodes["y"].attributes == {"className": "Scaled"}
    assert nodes["y"].origins == ("layers[1] 'l1'",)
    assert reads(nodes, model, "y") == ["h", "x"]


def test_nested_networks():
    inner = network(layer("activation", ["x"], ["y"], ReLU={})).neuralNetwork
    copy = layer("copy", ["y"], ["z"])
    model = network(layer("branch", ["c"], []), copy, outputs=["z"], x=(2,), c=(1,))
    model.neuralNetwork.layers[0].branch.ifBranch.CopyFrom(inner)
    nodes = drawn(model)
    assert nodes["y"].groups[-1].endswith("ifBranch")
    assert nodes["y"].origins == ("layers[0].ifBranch.layers[0] 'l0'",)
    assert nodes["z"].kind == "copy"


def test_operations():
    mean = op("reduce_mean", "y", (2,), x="x", axes=np.int32([1]), keep_dims=False)
    nodes = drawn(program(mean, x=(2, 3)))
    assert set(nodes) == {"y"}
    assert nodes["y"].type == "fp32[2]"
    assert nodes["y"].attributes["axes"] == "[1]"
    assert nodes["y"].attributes["keep_dims"] == "False"


def pipeline():
    """A network, and trees behind it."""
    model = messages("Model_pb2").Model(specificationVersion=4)
    parts = model.pipelineRegressor.pipeline.models
    parts.add().CopyFrom(network(layer("activation", ["x"], ["h"], ReLU={}), outputs=["h"], x=(2,)))
    trees = parts.add()
    trees.description.input.add(name="h")
    trees.description.output.add(name="y")
    trees.treeEnsembleRegressor.treeEnsemble.nodes.add(treeId=0)
    model.description.input.add(name="x")
    model.description.output.add(name="y")
    return model


def test_pipelines():
    nodes = stored_graph(ModelSource(pipeline(), None))
    assert [(node.kind, node.name) for node in nodes] == [
        ("input", "x"),
        ("neuralNetwork", "h"),
        ("input", "x"),
        ("activation", "h"),
        ("output", "h"),
        ("treeEnsembleRegressor", "y"),
        ("input", "h"),
        ("treeEnsembleRegressor", "y"),
        ("output", "y"),
        ("output", "y"),
    ]
    assert nodes[5].operands == [1]
    assert nodes[7].attributes == {
        **{"trees": "1", "depth": "0", "nodes": "1", "features": "1"},
        "treeEnsemble.nodes": "1 entries",
    }


def test_many_inputs_are_one_node():
    inputs = {**{f"f{i}": "double" for i in range(3000)}, "other": "int64"}
    spec, message = tables.model("featureVectorizer", inputs, {"y": "f64[3001]"})
    for name in inputs:
        message.inputList.add(inputColumn=name, inputDimensions=1)
    nodes = stored_graph(ModelSource(spec, None))
    assert [(node.kind, node.name) for node in nodes] == [
        ("input", "f0 … f2999"),
        ("input", "other"),
        ("featureVectorizer", "y"),
        ("output", "y"),
    ]
    assert nodes[0].attributes == {"count": "3,000"}
    assert nodes[2].operands == [0, 1]


def test_commands_draw_what_they_cannot_compile(tmp_path, capsys):
    path = tmp_path / "custom.mlmodel"
    path.write_bytes(network(layer("custom", className="Un"), x=(2,)).SerializeToString())
    assert command.main([str(path), "--emit=html", "-o", str(tmp_path / "a.html")]) == 1
    assert command.main([str(path), "--emit=dot", "--stage=stored"]) == 0
    assert "custom" in capsys.readouterr().out
    page = tmp_path / "b.html"
    assert command.main([str(path), "--stage=stored", "-o", str(page)]) == 0
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])
    assert [stage["name"] for stage in data["stages"]] == ["stored"]
    assert "Un" in data["texts"]


def test_what_it_means_nothing_for(tmp_path, capsys):
    (tmp_path / "m.cmir").write_text("func @f(%x: f32[2]) -> f32[2] { return %x }")
    text = str(tmp_path / "m.cmir")
    assert command.main([text, "--emit=dot", "--stage=stored"]) == console.USAGE_ERROR
    assert "needs the model as it is stored, not IR" in capsys.readouterr().err
    model = network(layer("activation", ReLU={}), x=(2,))
    path = tmp_path / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    for option in ("--batch=dynamic", "--target=keras", "--stats", "--print-after=all"):
        stored = [str(path), "--emit=dot", "--stage=stored", option]
        assert command.main(stored) == console.USAGE_ERROR
        said = f"{option.partition('=')[0]} means nothing for "
        assert said in capsys.readouterr().err
    assert command.main([str(path), "--emit=ir", "--stage=stored"]) == console.USAGE_ERROR
    assert "--stage=stored means nothing for --emit=ir" in capsys.readouterr().err


@pytest.mark.slow
@needs_models
def test_every_shared_model_can_be_drawn():
    paths = [p for s in ("mlmodel", "mlpackage") for p in FOREIGN.rglob(f"*.{s}")]
    for path in paths:
        try:
            read = read_model(path)
        except cmlc.CompileError:
            continue
        assert 0 < len(stored_graph(read)) < 2000, path
