"""Bayesian probit regressors, by hand."""

import numpy as np
import pytest
from support.tables.builders import compiled
from support.tables.described import assert_refused, assert_rows, assert_stops, described

# Mean and precision by feature and value; values need not begin at 0, nor features be in order.
WEIGHTS = {1: {0: (0.5, 4.0), 2**32 - 1: (9.0, 1.0)}, 0: {3: (-1.0, 2.0), 7: (0.25, 8.0)}}
OUTPUTS = {"mean": "double", "variance": "double"}


def feature(number, weights):
    rows = [
        {"featureValue": value, "featureWeight": {"mean": mean, "precision": precision}}
        for value, (mean, precision) in weights.items()
    ]
    return {"featureId": number, "weights": rows}


def regressor(x="i32[2]", outputs=OUTPUTS, weights=WEIGHTS, **fields):
    given = {
        "numberOfFeatures": 2,
        "bias": {"mean": 0.125, "precision": 2.0},
        "features": [feature(*row) for row in weights.items()],
        "meanOutputFeatureName": "mean",
        "varianceOutputFeatureName": "variance",
        **fields,
    }
    return described("bayesianProbitRegressor", {"x": x}, outputs, **given)


def test_mean_and_variance():
    found = assert_rows(regressor(), x=np.int32([[3, 0], [7, 0]]))
    np.testing.assert_allclose(found["mean"], [0.125 - 1 + 0.5, 0.125 + 0.25 + 0.5])
    np.testing.assert_allclose(found["variance"], [0.5 + 0.5 + 0.25, 0.5 + 0.125 + 0.25])


def test_pairs_of_feature_and_value():
    model = regressor("i32[3,2]", {"mean": "double"}, regressionInputFeatureName="x")
    rows = np.int32([[[1, 0], [0, 3], [0, 7]], [[0, 3], [0, 3], [0, 3]]])
    found = assert_rows(model, x=rows)
    np.testing.assert_allclose(found["mean"], [0.125 + 0.5 - 1 + 0.25, 0.125 - 3])


@pytest.mark.parametrize("x", [[3, 1], [0, 0], [3, -1], [-5, 0], [0, 3]])
def test_a_value_without_a_weight_stops_the_run(x):
    assert_stops(regressor(), "'x' has a value of a feature for which", x=np.int32(x))


@pytest.mark.parametrize("pair", [[2, 0], [-1, 3], [1, 3], [1, -1]])
def test_a_pair_without_a_weight_stops_the_run(pair):
    assert_stops(regressor("i32[1,2]"), "'x' has a value of a feature", x=np.int32([pair]))


@pytest.mark.parametrize(
    "name", ["pessimisticProbabilityOutputFeatureName", "sampledProbabilityOutputFeatureName", ""]
)
def test_probabilities_are_refused(name):
    fields = {name: "p"} if name else {}
    model = regressor(outputs={"mean": "double", "p": "double"}, **fields)
    assert_refused(model, "output 'p' is a probability", "its beta", kind="unsupported")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"numberOfFeatures": 3}, "the weights of 2 of 3 features"),
        ({"numberOfFeatures": 0, "features": []}, "the model has 0 features"),
        ({"numberOfFeatures": 2**31}, "the model has 2147483648 features"),
        ({"weights": {0: {0: (1, 1)}, 2: {0: (1, 1)}}}, "feature 2 is not one of 2"),
        ({"weights": {0: {0: (1, 1)}, 1: {}}}, "feature 1 has no weights"),
        ({"features": [feature(0, {0: (1, 1)})] * 2}, "feature 0 has weights twice"),
        (
            {"weights": {0: {0: (1, 1)}, 1: {4: (1, 0)}}},
            "a weight has the precision 0",
        ),
        ({"bias": {"mean": 1.0}}, "a weight has the precision 0"),
        ({"x": "i32[3]"}, "input 'x' is [3], not [2] values or pairs of id and value"),
        ({"x": "i32[2,3]"}, "input 'x' is [2, 3], not [2] values"),
        ({"x": "f64[2]"}, "input 'x' is f64, not integers"),
        ({"regressionInputFeatureName": "z"}, "the model needs 'z', which is not among its inputs"),
        ({"outputs": {"mean": "string"}}, "output 'mean' is declared as string, not as numbers"),
    ],
)
def test_malformed_models(fields, told):
    assert_refused(regressor(**fields), told)


def test_a_value_with_two_weights():
    model = regressor()
    weights = model.bayesianProbitRegressor.features[0].weights
    weights[1].featureValue = weights[0].featureValue
    assert_refused(model, "value 0 of feature 1 has weights twice")


@pytest.mark.slow
def test_saved_model(tmp_path):
    import tensorflow as tf

    path = compiled(regressor()).write(tmp_path / "m")
    x = np.int32([[3, 0], [7, 0]])
    found = tf.saved_model.load(str(path)).signatures["serving_default"](x=x)
    for name, numbers in compiled(regressor()).interpret({"x": x}).items():
        np.testing.assert_allclose(found[name].numpy(), numbers, rtol=1e-12)
