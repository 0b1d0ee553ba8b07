"""The weights of models that are not networks, and of those that can't run."""

import json
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.frontends.all_weights import weights_of
from cmlc.compiler.source.reading import ModelSource, read_model
from cmlc.compiler.source.weight_files import WeightFiles
from cmlc.ir.diagnostics import CompileError
from cmlc.tools import cmlc
from cmlc.tools.cli import console
from support.networks.builders import layer, network, numbers
from support.running.shared_folder import FOREIGN, needs_models
from support.tables.builders import model, pipeline
from support.tables.language import parameters

TEXT = (["neg", "pos"], ["bad", "good"], [(0, 0, 0.5), (1, 1, 2.0)], [3, 1])


def found_in(spec):
    return weights_of(ModelSource(spec, WeightFiles(None)))


def stored(spec):
    """Arrays by name."""
    arrays = {weight.name: weight.resource.array() for weight in found_in(spec).weights}
    for weight in found_in(spec).weights:
        assert len(weight.axes) in (0, weight.resource.type.rank)
    return arrays


def same(found, **wanted):
    assert list(found) == [name.replace("__", ".") for name in wanted]
    for array, values in zip(found.values(), wanted.values(), strict=True):
        assert array.tolist() == values


def tree(kind="treeEnsembleRegressor"):
    spec, message = model(kind, {"x": "f64[2]"}, {"y": "double"})
    ensemble = message.treeEnsemble
    ensemble.numPredictionDimensions = 2
    ensemble.basePredictionValue.extend([0.5, 0])
    top = ensemble.nodes.add(treeId=3, nodeId=7, nodeBehavior=1, branchFeatureIndex=1)
    top.branchFeatureValue, top.trueChildNodeId, top.falseChildNodeId = 0.25, 8, 9
    top.missingValueTracksTrueChild, top.relativeHitRate = True, 0.75
    ensemble.nodes.add(treeId=3, nodeId=8, nodeBehavior=6)
    leaf = ensemble.nodes.add(treeId=3, nodeId=9, nodeBehavior=6)
    leaf.evaluationInfo.add(evaluationIndex=0, evaluationValue=1.5)
    leaf.evaluationInfo.add(evaluationIndex=1, evaluationValue=-1)
    return spec


def vectors(sparse):
    outputs = {"label": "string"}
    kind = "supportVectorClassifier"
    spec, message = model(kind, {"x": "f64[2]"}, outputs, ("label", ""))
    message.kernel.rbfKernel.gamma = 0.5
    message.numberOfSupportVectorsPerClass.extend([1, 1])
    message.coefficients.add(alpha=[1, -1])
    message.rho.append(0.25)
    message.probA.append(-2)
    message.probB.append(0)
    message.stringClassLabels.vector.extend(["a", "b"])
    if sparse:
        message.sparseSupportVectors.vectors.add()
        message.sparseSupportVectors.vectors.add().nodes.add(index=2, value=4)
    else:
        for row in ([1, 2], [3, 4]):
            message.denseSupportVectors.vectors.add(values=row)
    return spec


def test_nodes_of_trees_are_one_array_for_each_field():
    found = stored(tree())
    nodes = "treeEnsemble.nodes."
    assert found[f"{nodes}treeId"].tolist() == [3, 3, 3]
    assert found[f"{nodes}nodeId"].tolist() == [7, 8, 9]
    assert found[f"{nodes}nodeBehavior"].tolist() == [1, 6, 6]
    assert found[f"{nodes}branchFeatureIndex"].tolist() == [1, 0, 0]
    assert found[f"{nodes}branchFeatureValue"].tolist() == [0.25, 0, 0]
    assert found[f"{nodes}trueChildNodeId"].tolist() == [8, 0, 0]
    assert found[f"{nodes}falseChildNodeId"].tolist() == [9, 0, 0]
    assert found[f"{nodes}missingValueTracksTrueChild"].tolist() == [True, False, False]
    assert found[f"{nodes}relativeHitRate"].tolist() == [0.75, 0, 0]
    # Entries of leaves, and the node that each is of.
    assert found[f"{nodes}evaluationInfo.evaluationIndex"].tolist() == [0, 1]
    assert found[f"{nodes}evaluationInfo.evaluationValue"].tolist() == [1.5, -1]
    assert found[f"{nodes}evaluationInfo.row"].tolist() == [2, 2]
    assert found["treeEnsemble.basePredictionValue"].tolist() == [0.5, 0]
    by_name = {weight.name: weight for weight in found_in(tree()).weights}
    assert by_name[f"{nodes}nodeId"].axes == ("node",)
    assert by_name[f"{nodes}evaluationInfo.row"].axes == ("entry",)


def test_linear_models():
    spec, message = model("glmRegressor", {"x": "f64[2]"}, {"y": "double"})
    message.weights.add(value=[1, 2])
    message.weights.add(value=[3, 4])
    message.offset.extend([5, 6])
    message.postEvaluationTransform = 1
    same(stored(spec), weights=[[1, 2], [3, 4]], offset=[5, 6])
    by_name = {weight.name: weight for weight in found_in(spec).weights}
    assert by_name["weights"].axes == ("out", "in")
    uses = by_name["weights"]
    assert (uses.kind, uses.layer, uses.parameter) == ("glmRegressor", "model", "weights")


def test_rows_of_different_lengths_say_which_row_an_entry_is_of():
    spec, message = model("glmRegressor", {"x": "f64[2]"}, {"y": "double"})
    message.weights.add(value=[1, 2])
    message.weights.add(value=[3])
    same(stored(spec), weights=[1, 2, 3], weights__row=[0, 0, 1])


def test_support_vectors():
    rest = {"coefficients": [[1, -1]], "rho": [0.25], "probA": [-2], "probB": [0]}
    found = stored(vectors(sparse=False))
    assert found["denseSupportVectors"].tolist() == [[1, 2], [3, 4]]
    assert found["kernel.rbfKernel"].tolist() == 0.5
    assert found["stringClassLabels"].tolist() == ["a", "b"]
    for name, values in rest.items():
        assert found[name].tolist() == values
    sparse = stored(vectors(sparse=True))
    assert sparse["sparseSupportVectors.index"].tolist() == [2]
    assert sparse["sparseSupportVectors.value"].tolist() == [4]
    assert sparse["sparseSupportVectors.row"].tolist() == [1]


def test_samples_of_nearest_neighbours():
    outputs = {"label": "int64"}
    kind = "kNearestNeighborsClassifier"
    spec, message = model(kind, {"x": "f64[2]"}, outputs, ("label", ""))
    index = message.nearestNeighborsIndex
    index.numberOfDimensions = 2
    index.floatSamples.add(vector=[1, 2])
    index.floatSamples.add(vector=[3, 4])
    index.singleKdTreeIndex.leafSize = 30
    message.numberOfNeighbors.defaultValue = 3
    message.int64ClassLabels.vector.extend([7, 9])
    message.defaultInt64Label = 7
    found = stored(spec)
    assert found["nearestNeighborsIndex.floatSamples"].tolist() == [[1, 2], [3, 4]]
    assert found["numberOfNeighbors.defaultValue"].tolist() == 3
    assert found["int64ClassLabels"].tolist() == [7, 9]
    assert found["defaultInt64Label"].tolist() == 7


def test_numbers_of_scalers_and_imputers():
    spec, message = model("scaler", {"x": "f64[2]"}, {"y": "f64[2]"})
    message.shiftValue.extend([1, 2])
    same(stored(spec), shiftValue=[1, 2])
    spec, message = model("imputer", {"x": "f64[2]"}, {"y": "f64[2]"})
    message.imputedDoubleArray.vector.extend([1, 2])
    message.replaceDoubleValue = -1
    same(stored(spec), imputedDoubleArray=[1, 2], replaceDoubleValue=-1)
    spec, message = model("imputer", {"x": "string"}, {"y": "string"})
    message.imputedStringValue = "none"
    same(stored(spec), imputedStringValue="none")


def test_mappings_are_keys_and_values():
    spec, message = model("categoricalMapping", {"x": "string"}, {"y": "int64"})
    message.stringToInt64Map.map["b"] = 2
    message.stringToInt64Map.map["a"] = 1
    message.int64Value = 0
    found = stored(spec)
    same(
        found,
        stringToInt64Map__keys=["a", "b"],
        stringToInt64Map__values=[1, 2],
        int64Value=0,
    )


def test_similarities_of_a_recommender():
    spec, message = model("itemSimilarityRecommender", {"x": "{int64}"}, {"y": "[int64]"})
    for item, similar in ((0, [(1, 0.5), (2, 0.25)]), (1, []), (2, [(0, 1)])):
        row = message.itemItemSimilarities.add(itemId=item, itemScoreAdjustment=item / 2)
        for other, score in similar:
            row.similarItemList.add(itemId=other, similarityScore=score)
    message.itemStringIds.vector.extend("abc")
    found, similar = stored(spec), "itemItemSimilarities.similarItemList."
    assert found["itemItemSimilarities.itemId"].tolist() == [0, 1, 2]
    assert found["itemItemSimilarities.itemScoreAdjustment"].tolist() == [0, 0.5, 1]
    assert found[f"{similar}itemId"].tolist() == [1, 2, 0]
    assert found[f"{similar}similarityScore"].tolist() == [0.5, 0.25, 1]
    assert found[f"{similar}row"].tolist() == [0, 0, 2]
    assert found["itemStringIds"].tolist() == ["a", "b", "c"]


def test_names_in_pipelines_begin_with_the_place_of_the_model():
    dense = layer("innerProduct", name="d", inputChannels=2, outputChannels=1, weights=numbers(2))
    inner = pipeline({"x": "f64[2]"}, {"y": "double"}, tree())
    spec = pipeline({"x": "f64[2]"}, {"y": "double"}, network(dense, x=(2,)), inner)
    found = found_in(spec)
    first, second = found.weights[:2]
    assert (first.name, first.kind) == ("models[0].d.weights", "innerProduct")
    assert second.name == "models[1].models[0].treeEnsemble.nodes.treeId"
    assert second.layer == "models[1].models[0]"


# -- models that can't run ---------------------------------------------------------------------


def text(data=None, kind="textClassifier"):
    spec, message = model(kind, {"text": "string"}, {"label": "string"})
    message.modelParameterData = parameters(*TEXT) if data is None else data
    labels = message.stringTags if kind == "wordTagger" else message.stringClassLabels
    labels.vector.extend(TEXT[0])
    return spec


def test_a_classifier_of_text():
    found, data = stored(text()), "modelParameterData."
    assert found["stringClassLabels"].tolist() == ["neg", "pos"]
    assert found[f"{data}labels"].tolist() == ["neg", "pos"]
    assert found[f"{data}words"].tolist() == ["bad", "good"]
    assert found[f"{data}weights.word"].tolist() == [0, 1]
    assert found[f"{data}weights.label"].tolist() == [0, 1]
    assert found[f"{data}weights"].tolist() == [0.5, 2]
    assert found[f"{data}documents"].tolist() == [3, 1]
    assert not found_in(text()).unread


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (text(parameters(*TEXT, kind=6)), "transfer learning"),
        (text(parameters(*TEXT, kind=1), "wordTagger"), "a conditional random field"),
        (text(b"?", "gazetteer"), "its parameters are in a format of Apple's"),
    ],
)
def test_what_is_not_understood_is_named(spec, reason):
    found = found_in(spec)
    assert [weight.resource.array().tolist() for weight in found.weights[-1:]] == [["neg", "pos"]]
    (unread,) = found.unread
    assert (unread.layer, unread.kind) == ("model", spec.WhichOneof("Type"))
    assert reason in unread.reason


def test_damaged_parameters_are_one_diagnostic():
    spec = pipeline({"text": "string"}, {"label": "string"}, text(parameters(*TEXT)[:-20]))
    with pytest.raises(CompileError) as caught:
        found_in(spec)
    (problem,) = caught.value.diagnostics
    assert str(problem.location) == "models[0] 'textClassifier'"
    assert "damaged: section 4" in problem.message


def test_a_model_of_which_nothing_is_in_the_file():
    spec, message = model("visionFeaturePrint", {"x": "f64[2]"}, {"y": "f64[2]"})
    message.scene.version = 1
    with pytest.raises(CompileError, match=r"has no weights: .*part of Apple's systems"):
        found_in(spec)


# -- the folder ----------------------------------------------------------------------------------


@pytest.fixture
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_elsewhere")
def test_strings_are_in_a_file_of_their_own(capsys):
    spec = pipeline({"text": "string"}, {"label": "string"}, text(), text(b"", "gazetteer"))
    Path("m.mlmodel").write_bytes(spec.SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=weights", "-o", "out"]) == 0
    said = capsys.readouterr().out
    assert "not read  gazetteer 'models[1]': its parameters are in a format" in said
    manifest = json.loads(Path("out/manifest.json").read_text())
    entries = {entry["name"]: entry for entry in manifest["weights"]}
    words = entries["models[0].modelParameterData.words"]
    assert (words["dtype"], words["stored_as"]) == ("string", "string")
    assert (words["shape"], words["axes"], words["bytes"]) == ([2], ["word"], 7)
    (unread,) = manifest["unread"]
    assert (unread["kind"], unread["layer"]) == ("gazetteer", "models[1]")
    strings = json.loads(Path("out/strings.json").read_text())
    assert strings["models[0].modelParameterData.words"] == ["bad", "good"]
    with np.load("out/weights.npz", allow_pickle=False) as arrays:
        assert {*arrays, *strings} == {*entries}
        assert arrays["models[0].modelParameterData.weights"].tolist() == [0.5, 2]


@pytest.mark.usefixtures("_elsewhere")
def test_damage_leaves_nothing_behind(capsys):
    Path("m.mlmodel").write_bytes(text(parameters(*TEXT)[:40]).SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=weights", "-o", "out"]) == console.INPUT_ERROR
    assert "damaged: they are cut short" in capsys.readouterr().err
    assert not Path("out").exists()


@needs_models
@pytest.mark.parametrize(
    ("pattern", "counts"),
    [
        ("cocoa-ai__NamesCoreMLDemo/*.mlmodel", {"models[1].treeEnsemble.nodes.nodeId": 19153}),
        ("improve-ai__python-ranker/*songs.mlmodel", {"treeEnsemble.nodes.nodeId": 15578}),
        (
            "kodecocodes__mlt-materials/*SentimentClassifier.mlmodel",
            {"modelParameterData.words": 98288},
        ),
        ("lovoo__NSFWDetector/*NSFW.mlmodel", {"models[1].weights": 2048}),
    ],
)
def test_real_models(pattern, counts):
    (path,) = FOREIGN.glob(pattern)
    found = weights_of(read_model(path))
    sizes = {weight.name: weight.resource.size for weight in found.weights}
    assert {name: sizes[name] for name in counts} == counts
    for weight in found.weights:
        weight.resource.array()
