"""Support vector machines, against the formulas written out for one row."""

import math

import numpy as np
import pytest
from support.tables.builders import compiled, run
from support.tables.described import assert_refused, assert_rows, described

KERNELS = {
    "linear": ({"linearKernel": {}}, lambda x, v: x @ v),
    "rbf": ({"rbfKernel": {"gamma": 0.5}}, lambda x, v: math.exp(-0.5 * ((x - v) @ (x - v)))),
    "poly": (
        {"polyKernel": {"degree": 3, "gamma": 0.5, "c": -1.0}},
        lambda x, v: (0.5 * (x @ v) - 1.0) ** 3,
    ),
    "constant": ({"polyKernel": {"degree": 0, "gamma": 1.0}}, lambda x, v: 1.0),
    "sigmoid": (
        {"sigmoidKernel": {"gamma": 0.5, "c": 0.25}},
        lambda x, v: math.tanh(0.5 * (x @ v) + 0.25),
    ),
}
COUNTS = (2, 1, 3)
random = np.random.default_rng(5)
VECTORS = np.round(random.normal(size=(sum(COUNTS), 3)), 2)
VECTORS[1] = 0  # legal, and empty where vectors are sparse
ALPHA = np.round(random.normal(size=(2, sum(COUNTS))), 2)
RHO, SLOPES, SHIFTS = [0.1, -0.2, 0.3], [-2.0, -1.5, -1.0], [0.1, 0.0, -0.3]
ROWS = random.normal(size=(6, 3))


def dense(vectors):
    return {"denseSupportVectors": {"vectors": [{"values": list(row)} for row in vectors]}}


def sparse(vectors):
    def nodes(row):
        return [{"index": i + 1, "value": value} for i, value in enumerate(row) if value]

    return {"sparseSupportVectors": {"vectors": [{"nodes": nodes(row)} for row in vectors]}}


def regressor(inputs=None, **fields):
    given = {"kernel": KERNELS["rbf"][0], "rho": 0.5, "coefficients": {"alpha": list(ALPHA[0])}}
    given = given | dense(VECTORS) | fields
    return described("supportVectorRegressor", inputs or {"x": "f64[3]"}, {"y": "double"}, **given)


def classifier(outputs=None, probability=False, **fields):
    given = {
        "kernel": KERNELS["rbf"][0],
        "numberOfSupportVectorsPerClass": COUNTS,
        "coefficients": [{"alpha": list(row)} for row in ALPHA],
        "rho": RHO,
        "stringClassLabels": {"vector": ["a", "b", "c"]},
    }
    outputs = {"label": "string"} | (outputs or {})
    if probability:
        given |= {"probA": SLOPES, "probB": SHIFTS}
        outputs.setdefault("p", "{string}")
    given = given | dense(VECTORS) | fields
    names = ("label", "p" if "p" in outputs else "")
    return described("supportVectorClassifier", {"x": "f64[3]"}, outputs, names, **given)


# -- the formulas, one number after the other ------------------------------------------------------


def decision(kernel, x, i, j):
    """The score of class i against class j."""
    ends = np.cumsum([0, *COUNTS])
    total = -RHO[[(0, 1), (0, 2), (1, 2)].index((i, j))]
    for index in range(ends[i], ends[i + 1]):
        total += ALPHA[j - 1, index] * kernel(x, VECTORS[index])
    for index in range(ends[j], ends[j + 1]):
        total += ALPHA[i, index] * kernel(x, VECTORS[index])
    return total


def decisions(kernel, x):
    return [decision(kernel, x, i, j) for i, j in ((0, 1), (0, 2), (1, 2))]


def voted(kernel, x):
    votes = [0, 0, 0]
    for (i, j), score in zip([(0, 1), (0, 2), (1, 2)], decisions(kernel, x), strict=True):
        votes[i if score > 0 else j] += 1
    return "abc"[votes.index(max(votes))]


def coupled(kernel, x):
    """Probabilities by libsvm's loop over one row."""
    r = np.zeros((3, 3))
    scores = zip([(0, 1), (0, 2), (1, 2)], decisions(kernel, x), SLOPES, SHIFTS, strict=True)
    for (i, j), score, slope, shift in scores:
        first = 1 / (1 + math.exp(slope * score + shift))
        r[i, j], r[j, i] = first, 1 - first
    q = -r * r.T
    for t in range(3):
        q[t, t] = sum(r[j, t] ** 2 for j in range(3) if j != t)
    p = np.full(3, 1 / 3)
    for _ in range(100):
        total = p @ q @ p
        if np.abs(q @ p - total).max() < 0.005 / 3:
            break
        for t in range(3):
            step = (p @ q @ p - q[t] @ p) / q[t, t]
            p[t] += step
            p /= 1 + step
    return p


@pytest.mark.parametrize("stored", [dense, sparse])
@pytest.mark.parametrize("name", KERNELS)
def test_regressors(name, stored):
    message, kernel = KERNELS[name]
    found = assert_rows(regressor(kernel=message, **stored(VECTORS)), x=ROWS)
    for x, y in zip(ROWS, found["y"], strict=True):
        expected = sum(a * kernel(x, v) for a, v in zip(ALPHA[0], VECTORS, strict=True)) - 0.5
        assert y == pytest.approx(expected, rel=1e-12)


def test_a_regressor_without_support_vectors_is_constant():
    fields = {"coefficients": {"alpha": []}, **dense([])}
    found = assert_rows(regressor(**fields), x=ROWS)
    np.testing.assert_array_equal(found["y"], np.full(len(ROWS), -0.5))


def test_distances_keep_their_digits_far_from_zero():
    far = VECTORS + 1e7
    found = run(regressor(**dense(far)), x=far[0] + 0.5)
    kernel = KERNELS["rbf"][1]
    expected = sum(a * kernel(far[0] + 0.5, v) for a, v in zip(ALPHA[0], far, strict=True)) - 0.5
    assert found["y"] == pytest.approx(expected, rel=1e-12)


def test_several_inputs_are_one_vector():
    model = regressor({"b": "double", "a": "int64", "z": "f64[1]"})
    one, other = run(model, b=1.5, a=-2, z=[0.25]), run(regressor(), x=[1.5, -2, 0.25])
    assert one["y"] == pytest.approx(other["y"], rel=1e-12)


@pytest.mark.parametrize("stored", [dense, sparse])
@pytest.mark.parametrize("name", KERNELS)
def test_votes(name, stored):
    message, kernel = KERNELS[name]
    found = assert_rows(classifier(kernel=message, **stored(VECTORS)), x=ROWS)
    assert found["label"] == [voted(kernel, x) for x in ROWS]


@pytest.mark.parametrize(
    ("rho", "label"),
    [
        ([-1, -1, -1], "a"),  # a wins twice
        ([1, 1, -1], "b"),
        ([1, 1, 1], "c"),
        ([-1, 1, -1], "a"),  # each wins once
        ([0, 0, 0], "c"),  # 0 is a vote for the second
    ],
)
def test_equal_votes_go_to_the_first_class(rho, label):
    zeros = [{"alpha": [0.0] * sum(COUNTS)}] * 2
    assert run(classifier(rho=rho, coefficients=zeros), x=ROWS[0])["label"] == label


@pytest.mark.parametrize("name", KERNELS)
def test_probabilities_of_three_classes(name):
    message, kernel = KERNELS[name]
    found = assert_rows(classifier(probability=True, kernel=message), x=ROWS)
    for x, label, p in zip(ROWS, found["label"], found["p"], strict=True):
        expected = coupled(kernel, x)
        assert list(p.values()) == pytest.approx(expected, abs=1e-12)
        assert (list(p), label) == (["a", "b", "c"], "abc"[np.argmax(expected)])


def binary(**fields):
    given = {
        "numberOfSupportVectorsPerClass": (1, 1),
        "coefficients": [{"alpha": [1.0, -1.0]}],
        "kernel": {"linearKernel": {}},
        "rho": [0.0],
        "probA": [-1.0],
        "probB": [0.0],
        "int64ClassLabels": {"vector": [4, 9]},
        **dense([[1, 0], [0, 1]]),
    }
    outputs = {"label": "int64", "p": "{int64}"}
    return described(
        "supportVectorClassifier", {"x": "f64[2]"}, outputs, ("label", "p"), **given | fields
    )


@pytest.mark.parametrize(
    ("x", "first"),
    [
        ([1, 0], 1 / (1 + math.exp(-1))),
        ([0, 2], 1 / (1 + math.exp(2))),
        ([99, 0], 1 - 1e-7),
        ([-99, 0], 1e-7),
    ],
)
def test_two_classes_are_not_coupled(x, first):
    found = run(binary(), x=x)
    assert found["p"] == pytest.approx({4: first, 9: 1 - first}, rel=1e-12)
    assert found["label"] == (4 if first > 0.5 else 9)


def test_classes_without_labels_are_numbers():
    model = binary(probA=[], probB=[])
    del model.description.output[1]
    model.supportVectorClassifier.ClearField("int64ClassLabels")
    assert run(model, x=[-1, 0])["label"] == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kernel": {}}, "the model has no kernel"),
        ({"kernel": {"rbfKernel": {"gamma": -1.0}}}, "the kernel has the gamma -1, not 0 or more"),
        (
            {"kernel": {"polyKernel": {"degree": -1}}},
            "the kernel has the degree -1, not 0 or more",
        ),
        (
            {"coefficients": {"alpha": [1.0]}},
            "the model has 1 coefficients for 6 support vectors",
        ),
        (dense([[1, 2]]), "support vector 0 has 2 elements, the inputs 3"),
        (
            sparse([[0, 0, 0, 5]]),
            "support vector 0 has an element 4, the inputs 1 to 3",
        ),
        (
            {"sparseSupportVectors": {"vectors": [{"nodes": [{"index": 0, "value": 1.0}]}]}},
            "support vector 0 has an element 0, the inputs 1 to 3",
        ),
        (
            {"sparseSupportVectors": {"vectors": [{"nodes": [{"index": 2}, {"index": 2}]}]}},
            "support vector 0 has the element 2 twice",
        ),
    ],
)
def test_malformed_regressors(fields, told):
    assert_refused(regressor(**fields), told)


def test_a_model_whose_support_vectors_are_not_set():
    model = regressor()
    model.supportVectorRegressor.ClearField("supportVectors")
    assert_refused(model, "the model has no support vectors")


def test_matrices_that_are_too_large():
    model = regressor({"x": "f64[2147483647]"}, **sparse(VECTORS))
    assert_refused(model, "a matrix of 6 × 2147483647 numbers", kind="unsupported")
    model = regressor({"x": "f64[2147483647]"})
    assert_refused(model, "support vector 0 has 3 elements, the inputs 2147483647")


def test_a_model_without_inputs():
    model = regressor()
    model.description.ClearField("input")
    assert_refused(model, "the model declares no inputs")


def test_a_string_is_not_a_number():
    assert_refused(regressor({"x": "string"}), "input 'x' is a string, not a number")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"stringClassLabels": {"vector": ["a", "b"]}}, "2 class labels for 3 classes"),
        ({"numberOfSupportVectorsPerClass": [2, 2, 3]}, "have 7 support vectors, the model 6"),
        ({"numberOfSupportVectorsPerClass": [-1, 4, 3]}, "a class with -1 support vectors"),
        ({"coefficients": [{"alpha": [0.0] * 6}]}, "1 rows of coefficients for 3 classes"),
        (
            {"coefficients": [{"alpha": [0.0] * 6}, {"alpha": [0.0] * 5}]},
            "row 1 has 5 coefficients for 6 support vectors",
        ),
        ({"rho": [0.0]}, "1 values of rho for 3 pairs of classes"),
        ({"probA": [1.0] * 3}, "0 values of probB for 3 pairs of classes"),
        ({"probB": [1.0] * 3}, "0 values of probA for 3 pairs of classes"),
        ({"probA": [1.0], "probB": [1.0]}, "1 values of probA for 3 pairs of classes"),
        (
            {"numberOfSupportVectorsPerClass": [6], "stringClassLabels": {"vector": ["a"]}},
            "1 classes, not 2 or more",
        ),
        (
            {"numberOfSupportVectorsPerClass": [], "stringClassLabels": {"vector": []}},
            "0 classes, not 2 or more",
        ),
        ({"outputs": {"p": "{string}"}}, "output 'p' needs probA and probB"),
        (
            {"outputs": {"label": "int64"}},
            "'label' is declared as int64, but is str",
        ),
        (
            {"outputs": {"p": "{int64}"}, "probability": True},
            "'p' is declared as dictionary of int64, but is a dictionary of string",
        ),
        ({"outputs": {"score": "double"}}, "a classifier does not make the output 'score'"),
    ],
)
def test_malformed_classifiers(fields, told):
    assert_refused(classifier(**fields), told)


@pytest.mark.slow
@pytest.mark.parametrize("probability", [False, True])
def test_saved_models(probability, tmp_path):
    import tensorflow as tf

    model = classifier(probability=probability)
    path = compiled(model).write(tmp_path / "m")
    found = tf.saved_model.load(str(path)).signatures["serving_default"](x=ROWS)
    expected = compiled(model).interpret({"x": ROWS})
    assert [label.decode() for label in found["label"].numpy()] == expected["label"]
    if probability:
        rows = [list(entry.values()) for entry in expected["p"]]
        np.testing.assert_allclose(found["p"].numpy(), rows, rtol=1e-9)
