"""Generalized linear models against numpy, by hand."""

import math

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.tables.builders import compiled, model, run

X = {"x": "f64[2]"}
W = [[1.0, -2.0], [0.5, 0.25], [3.0, 1.0]]
POINT = np.array([0.3, -0.7])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def phi(z):
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def regressor(transform=0, weights=W[:1], offset=(0.1,), output="double"):
    spec, message = model("glmRegressor", X, {"y": output})
    for row in weights:
        message.weights.add(value=row)
    message.offset.extend(offset)
    message.postEvaluationTransform = transform
    return spec


def classifier(labels, weights, *, encoding=0, transform=0, offset=None):
    kind = "string" if isinstance(labels[0], str) else "int64"
    outputs = {"label": kind, "scores": f"{{{kind}}}"}
    spec, message = model("glmClassifier", X, outputs, ("label", "scores"))
    for row in weights:
        message.weights.add(value=row)
    message.offset.extend(offset or [0.1 * (i + 1) for i in range(len(weights))])
    message.classEncoding, message.postEvaluationTransform = encoding, transform
    field = message.stringClassLabels if kind == "string" else message.int64ClassLabels
    field.vector.extend(labels)
    return spec


@pytest.mark.parametrize(("transform", "link"), [(0, float), (1, sigmoid), (2, phi)])
def test_regressors_apply_the_inverse_of_the_link(transform, link):
    z = POINT @ W[0] + 0.1
    assert run(regressor(transform), x=POINT)["y"] == pytest.approx(link(z), abs=1e-12)


def test_a_regressor_of_several_numbers_gives_an_array():
    found = run(regressor(weights=W[:2], offset=(0.1, 0.2), output="f64[2]"), x=POINT)["y"]
    np.testing.assert_allclose(found, np.array(W[:2]) @ POINT + [0.1, 0.2])


@pytest.mark.parametrize("encoding", [0, 1])
@pytest.mark.parametrize(("transform", "link"), [(0, sigmoid), (1, phi)])
def test_with_two_classes_the_score_is_that_of_the_second(encoding, transform, link):
    spec = classifier(["no", "yes"], W[:1], encoding=encoding, transform=transform)
    second = link(POINT @ W[0] + 0.1)
    found = run(spec, x=POINT)
    assert found["scores"] == pytest.approx({"no": 1 - second, "yes": second})
    assert found["label"] == ("yes" if second >= 0.5 else "no")


def test_at_one_half_it_is_the_second_class():
    spec = classifier(["no", "yes"], [[0.0, 0.0]], offset=[0.0])
    assert run(spec, x=POINT)["label"] == "yes"


def test_the_first_class_is_the_reference():
    scores = np.exp([0.0, *(np.array(W[:2]) @ POINT + [0.1, 0.2])])
    found = run(classifier([7, 8, 9], W[:2]), x=POINT)
    assert found["scores"] == pytest.approx(
        dict(zip([7, 8, 9], scores / scores.sum(), strict=True))
    )
    assert found["label"] == [7, 8, 9][int(np.argmax(scores))]


def test_one_against_the_rest_is_made_to_sum_to_one():
    scores = sigmoid(np.array(W) @ POINT + [0.1, 0.2, 0.3])
    found = run(classifier(["a", "b", "c"], W, encoding=1), x=POINT)
    expected = dict(zip("abc", scores / scores.sum(), strict=True))
    assert found["scores"] == pytest.approx(expected)


def test_several_inputs_are_one_vector_in_the_order_of_the_description():
    inputs = {"z": "double", "a": "f64[1]"}
    spec, message = model("glmRegressor", inputs, {"y": "double"})
    message.weights.add(value=[10.0, 1.0])
    message.offset.append(0)
    assert run(spec, a=[2.0], z=3.0) == {"y": 32.0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (regressor(weights=[]), "the model has no weights"),
        (regressor(offset=(1, 2)), "the model has 2 offsets for 1 weight vectors"),
        (regressor(weights=[[1.0]]), "the inputs have 2 elements, the weights 1"),
        (
            regressor(weights=[[1.0], [1, 2]], offset=(1, 2)),
            "vectors have different lengths",
        ),
        (regressor(weights=W[:2], offset=(1, 2)), "output 'y' is one number, but there are 2"),
        (classifier(["a", "b", "c"], W), "3 classes need 2 weight vectors, the model has 3"),
        (classifier(["a", "b", "c"], W[:2], transform=1), "a probit transform is defined for two"),
        (classifier(["a", "b"], W[:2]), "2 classes need 1 weight vectors, the model has 2"),
    ],
)
def test_models_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        run(spec, x=POINT)


def test_unknown_transforms_are_refused():
    with pytest.raises(CompileError, match="unknown transform"):
        run(regressor(transform=2 + 7), x=POINT)


def test_rows_of_a_table_are_computed_at_once():
    spec = classifier(["no", "yes"], W[:1])
    rows = np.random.default_rng(0).normal(size=(5, 2))
    whole = compiled(spec)
    assert "fixed_batch" not in whole.optimized.attributes
    found = whole.interpret({"x": rows})
    single = [run(spec, x=row) for row in rows]
    assert found["label"] == [one["label"] for one in single]
    for one, other in zip(found["scores"], single, strict=True):
        assert one == pytest.approx(other["scores"])
