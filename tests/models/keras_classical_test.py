"""Keras code of models that are not networks, and what it can't be."""

import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.interpret import run
from support.running.refused import assert_told, problems_of
from support.running.tensorflow_run import assert_close
from support.tables.builders import compiled, model, pipeline
from support.tables.described import described

pytestmark = pytest.mark.slow
random = np.random.default_rng(3)
VOTES = described(
    "kNearestNeighborsClassifier",
    {"x": "f64[2]"},
    {"label": "string"},
    ("label", ""),
    nearestNeighborsIndex={
        "numberOfDimensions": 2,
        "floatSamples": [{"vector": row} for row in random.normal(size=(6, 2)).tolist()],
        "linearIndex": {},
        "squaredEuclideanDistance": {},
    },
    numberOfNeighbors={"defaultValue": 1, "range": {"minValue": 1, "maxValue": 9}},
    stringClassLabels={"vector": ["b", "a", "b", "c", "a", "c"]},
    uniformWeighting={},
)


def names(x="x"):
    """The word for 3 or 5."""
    spec, message = model("categoricalMapping", {x: "int64"}, {"y": "string"})
    message.int64ToStringMap.map.update({3: "three", 5: "five"})
    message.strValue = "other"
    return spec


def keras_of(spec, **choices):
    """(the stages of a model for Keras, its code as an executable)."""
    stages = Stages(spec, Options(target="keras", **choices))
    return stages, stages.executable


def assert_rows(spec, /, **inputs):
    """The Keras model computes what the interpreter does of the optimized model."""
    stages, made = keras_of(spec)
    expected = run(stages.optimized, inputs, stages.optimized.main.name)
    found = made.run(inputs)
    assert [*found] == [*expected]
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert_close(array, found[name], f"result '{name}' of\n{made.text}")
    return made, found


def test_a_class_without_probabilities_is_its_position():
    x = random.normal(size=(9, 2)).astype(np.float32)
    made, found = assert_rows(VOTES, x=x)
    assert 'LABELS = ("b", "a", "c")' in made.text
    assert "The result 'label' is a position in LABELS." in made.text
    labels = [("b", "a", "c")[position] for position in found["label"]]
    assert labels == compiled(VOTES).interpret({"x": x.astype(np.float64)})["label"]


def test_a_string_that_a_mapping_gives_is_its_position():
    made, found = assert_rows(names(), x=np.array([5, 3, 7, 3]))
    assert 'LABELS = ("three", "five", "other")' in made.text
    assert found["y"].tolist() == [1, 0, 2, 0]


def test_strings_beside_other_labels_are_refused():
    classes = described(
        "glmClassifier",
        {"x": "f64[2]"},
        {"label": "int64", "p": "{int64}"},
        ("label", "p"),
        weights=[{"value": [1, 2]}],
        offset=[0],
        int64ClassLabels={"vector": [3, 5]},
    )
    given, made = {"x": "f64[2]"}, {"y": "string", "p": "{int64}"}
    spec = pipeline(given, made, classes, names("label"), predicted=("label", "p"))
    (problem,) = problems_of(lambda: keras_of(spec))
    fragments = "these results are strings: ['y']", "leave them out (--outputs=p)"
    assert_told(problem, *fragments, kind="unsupported")


def test_whole_numbers_are_imputed_exactly():
    """Larger ones than float32 has."""
    spec, message = model("imputer", {"x": "i32[2]"}, {"y": "i32[2]"})
    message.imputedDoubleArray.vector.extend([2**24 + 1, 5])
    message.replaceDoubleValue = -1
    _, found = assert_rows(spec, x=np.int32([[-1, 2**31 - 1], [0, -1]]))
    assert found["y"].tolist() == [[2**24 + 1, 2**31 - 1], [0, 5]]
