"""coremltools' `predict` of models that are not networks: types as on macOS, and messages."""

import cmlc
import numpy as np
import pytest
from support.tables.builders import model, pipeline

pytestmark = pytest.mark.slow


def linear(output="double", **inputs):
    spec, message = model("glmRegressor", inputs or {"a": "double", "b": "int64"}, {"y": output})
    message.weights.add(value=[1, 2])
    message.offset.append(1)
    return spec


def classifier(*labels):
    kind = "string" if isinstance(labels[0], str) else "int64"
    outputs = {"label": kind, "odds": f"{{{kind}}}"}
    spec, message = model("glmClassifier", {"x": "f64[2]"}, outputs, ("label", "odds"))
    message.weights.add(value=[1, 2])
    message.offset.append(1)
    named = message.stringClassLabels if kind == "string" else message.int64ClassLabels
    named.vector.extend(labels)
    return spec


def scaler(kind, output=""):
    spec, message = model("scaler", {"x": kind}, {"y": output or kind})
    message.scaleValue.append(2)
    return spec


def mapping(keys, values):
    spec, message = model("categoricalMapping", {"x": keys}, {"y": values})
    table = message.stringToInt64Map if "string" in keys else message.int64ToStringMap
    table.map.update({"a": 5} if "string" in keys else {5: "a"})
    return spec


def keys():
    spec, message = model("dictVectorizer", {"x": "{string}"}, {"y": "{int64}"})
    message.stringToIndex.vector.extend("abc")
    return spec


def predicted(spec, inputs):
    from coremltools.models import MLModel

    with cmlc.enable_coremltools_predict():
        return MLModel(spec).predict(inputs)


# Inputs, and the outputs as Core ML's binding gives them.
TYPES = {
    "doubles": (linear(), {"a": 1.5, "b": 2}, {"y": 6.5}),
    "numpy's numbers": (linear(), {"a": np.float64(1.5), "b": np.int64(2)}, {"y": 6.5}),
    "integers": (scaler("int64"), {"x": 4}, {"y": 8}),
    "strings": (mapping("int64", "string"), {"x": 5}, {"y": "a"}),
    "sequences": (mapping("[string]", "[int64]"), {"x": ["a", "a"]}, {"y": [5, 5]}),
    "sequences of strings": (mapping("[int64]", "[string]"), {"x": [5]}, {"y": ["a"]}),
    "dictionaries": (keys(), {"x": {"a": 1, "c": 2.5, "other": 1}}, {"y": {0: 1.0, 2: 2.5}}),
    "empty ones": (keys(), {"x": {}}, {"y": {}}),
    "a list": (linear(), [{"a": 0.0, "b": 1}, {"a": 1.0, "b": 1}], [{"y": 3.0}, {"y": 4.0}]),
}


def types_in(value):
    """The types of a value and of all inside it."""
    if isinstance(value, dict):
        return dict, {types_in(key) for key in value}, {types_in(item) for item in value.values()}
    return (list, [types_in(item) for item in value]) if isinstance(value, list) else type(value)


@pytest.mark.parametrize("name", TYPES)
def test_types_are_those_of_the_binding(name):
    spec, inputs, wanted = TYPES[name]
    found = predicted(spec, inputs)
    assert found == wanted
    found, wanted = ([x] if isinstance(x, dict) else x for x in (found, wanted))
    for ours, theirs in zip(found, wanted, strict=True):
        assert [*map(types_in, ours.values())] == [*map(types_in, theirs.values())]


@pytest.mark.parametrize(("kind", "dtype"), [("f64[2]", "float64"), ("f32[2]", "float32")])
def test_arrays_have_their_declared_type(kind, dtype):
    found = predicted(scaler(kind), {"x": np.array([1.0, 2.0])})["y"]
    assert (found.dtype, found.tolist()) == (dtype, [2, 4])


@pytest.mark.parametrize("labels", [("no", "yes"), (3, 4)])
def test_labels_and_probabilities(labels):
    found = predicted(classifier(*labels), {"x": np.zeros(2)})
    assert found["label"] == labels[1]
    assert type(found["label"]) is type(labels[1])
    assert list(found["odds"]) == list(labels)
    assert types_in(found["odds"]) == (dict, {type(labels[0])}, {float})
    assert found["odds"][labels[1]] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-12)


def test_a_row_is_an_entry():
    row = predicted(classifier("no", "yes"), {"x": np.zeros((1, 2))})
    assert row == predicted(classifier("no", "yes"), {"x": np.zeros(2)})
    assert predicted(linear(), {"a": np.array([1.5]), "b": 2}) == {"y": 6.5}
    with pytest.raises(RuntimeError, match="'x' has 3 entries, not one; give a list of dictio"):
        predicted(classifier("no", "yes"), {"x": np.zeros((3, 2))})


def test_models_in_pipelines():
    columns, message = model("featureVectorizer", {"a": "double", "b": "int64"}, {"v": "f64[2]"})
    for name in "ab":
        message.inputList.add(inputColumn=name, inputDimensions=1)
    inputs = {"a": "double", "b": "int64"}
    spec = pipeline(inputs, {"y": "double"}, columns, linear(v="f64[2]"), kind="pipelineRegressor")
    assert predicted(spec, {"a": 1.5, "b": 2}) == {"y": 6.5}


@pytest.mark.parametrize(
    ("spec", "inputs", "said"),
    [
        (linear(), {"a": 1.0}, "a model of type glmRegressor: input 'b' is missing"),
        (linear(), {"a": "x", "b": 1}, "a model of type glmRegressor: input 'a' is "),
        (keys(), {"x": {1: 2}}, "a model of type dictVectorizer: input 'x' is a dictionary"),
        (mapping("int64", "string"), {"x": 6}, "a model of type categoricalMapping: 'x' is not"),
    ],
)
def test_messages_name_the_type_of_the_model(spec, inputs, said):
    with pytest.raises(RuntimeError) as caught:
        predicted(spec, inputs)
    assert f"Unable to compute the prediction using {said}" in str(caught.value)


def test_a_model_that_cannot_run():
    spec, _ = model("wordTagger", {"text": "string"}, {"tags": "[string]"})
    with pytest.raises(RuntimeError, match="wordTagger can't run elsewhere"):
        predicted(spec, {"text": "a"})
