"""What is counted of models that are neither networks nor programs."""

import pytest
from cmlc.compiler.source.counts import counted, counts_of
from cmlc.compiler.source.survey import survey
from support.networks.builders import layer, network
from support.tables.builders import model, pipeline


def trees(*nodes, labels=()):
    """A classifier of nodes: (tree, node, its children or none)."""
    outputs = {"label": "string"}
    spec, message = model("treeEnsembleClassifier", {"x": "f64[9]"}, outputs, ("label", ""))
    for tree, node, children in nodes:
        row = message.treeEnsemble.nodes.add(treeId=tree, nodeId=node, nodeBehavior=6)
        if children:
            row.nodeBehavior, row.branchFeatureIndex = 0, node % 3
            row.trueChildNodeId, row.falseChildNodeId = children
    message.stringClassLabels.vector.extend(labels)
    return spec


TWO = trees(
    (4, 2, (7, 5)), (4, 7, ()), (4, 5, (1, 3)), (4, 1, ()), (4, 3, ()), (8, 0, ()), labels="ab"
)


def test_trees():
    counts = {"trees": 2, "depth": 2, "nodes": 6, "features": 1, "classes": 2}
    assert counts_of(TWO) == counts
    assert counted(counts) == "2 trees, depth 2, 6 nodes, 1 feature, 2 classes"


@pytest.mark.parametrize(
    "spec",
    [
        trees((0, 0, (1, 1)), (0, 1, (0, 0))),  # a circle without a root
        trees((0, 0, (1, 2)), (0, 1, (1, 2)), (0, 2, ())),  # a node below itself
        trees((0, 0, (8, 9))),  # children that are not there
        trees(),
    ],
)
def test_damaged_trees_are_counted_too(spec):
    assert counts_of(spec)["nodes"] == len(spec.treeEnsembleClassifier.treeEnsemble.nodes)


def filled(kind, fill):
    spec, message = model(kind, {"x": "f64[2]"}, {"y": "double"})
    fill(message)
    return spec


def _linear(message):
    message.weights.add(value=[1, 2])
    message.weights.add(value=[1, 2])


def _vectors(message):
    message.sparseSupportVectors.vectors.add()
    message.int64ClassLabels.vector.extend([3, 4, 5])


def _samples(message):
    message.nearestNeighborsIndex.floatSamples.add(vector=[1, 2])
    message.nearestNeighborsIndex.numberOfDimensions = 2
    message.numberOfNeighbors.defaultValue = 5
    message.stringClassLabels.vector.extend("aba")


def _similarities(message):
    message.itemItemSimilarities.add().similarItemList.add()


def _columns(message):
    message.inputList.add(inputColumn="a", inputDimensions=3)
    message.inputList.add(inputColumn="b", inputDimensions=4)


@pytest.mark.parametrize(
    ("kind", "fill", "text"),
    [
        ("glmRegressor", _linear, "4 coefficients, 2 outputs"),
        ("supportVectorClassifier", _vectors, "1 support vector, 3 classes"),
        ("supportVectorRegressor", lambda _: None, "0 support vectors"),
        (
            "kNearestNeighborsClassifier",
            _samples,
            "1 sample, 2 dimensions, 5 neighbours, 2 classes",
        ),
        ("itemSimilarityRecommender", _similarities, "1 item, 1 similarity"),
        ("featureVectorizer", _columns, "2 columns, 7 elements"),
        (
            "oneHotEncoder",
            lambda m: m.int64Categories.vector.extend([1, 2]),
            "2 categories",
        ),
        (
            "categoricalMapping",
            lambda m: m.int64ToStringMap.map.update({1: "a"}),
            "1 key",
        ),
        ("textClassifier", lambda m: setattr(m, "modelParameterData", b"123"), "3 bytes"),
        ("wordTagger", lambda m: m.stringTags.vector.append("N"), "0 bytes, 1 class"),
        ("normalizer", lambda _: None, ""),
        ("visionFeaturePrint", lambda _: None, ""),
    ],
)
def test_other_types(kind, fill, text):
    assert counted(counts_of(filled(kind, fill))) == text


def test_a_survey_has_the_models_of_pipelines():
    inner = pipeline({"x": "f64[9]"}, {"h": "f64[9]"}, TWO)
    net = network(layer("activation", ReLU={}), x=(9,))
    found = survey(pipeline({"x": "f64[9]"}, {"y": "double"}, net, inner))
    assert found.structure == "pipeline(neuralNetwork, pipeline(treeEnsembleClassifier))"
    (only,) = found.models
    assert (only.place, only.kind) == ("models[1].models[0]", "treeEnsembleClassifier")
    assert only.counts["trees"] == 2
    assert found.layers == {"activation": 1}
    assert survey(TWO).structure == ""
    assert [one.place for one in survey(TWO).models] == ["model"]
