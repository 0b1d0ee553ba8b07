"""Nearest neighbours, against sorting samples in plain Python."""

from collections import Counter

import numpy as np
import pytest
from support.tables.builders import compiled, run
from support.tables.described import assert_refused, assert_rows, described

random = np.random.default_rng(2)
SAMPLES = random.normal(size=(9, 2)).astype(np.float32)
NAMES = ["red", "blue", "red", "green", "blue", "blue", "green", "red", "red"]
ROWS = random.normal(size=(7, 2))
SCHEMES = {"uniform": {"uniformWeighting": {}}, "inverse": {"inverseDistanceWeighting": {}}}


def index(samples, kind="linearIndex", **fields):
    parameters = {"leafSize": 2} if kind == "singleKdTreeIndex" else {}
    given = {
        "numberOfDimensions": 2,
        "floatSamples": [{"vector": list(map(float, row))} for row in samples],
        kind: parameters,
        "squaredEuclideanDistance": {},
    }
    return given | fields


def classifier(
    names=NAMES, samples=SAMPLES, k=3, probabilities=True, x="f64[2]", scheme=None, **fields
):
    key, labels = "string", {"stringClassLabels": {"vector": names}}
    if names and isinstance(names[0], int):
        key, labels = "int64", {"int64ClassLabels": {"vector": names}}
    given = {
        "nearestNeighborsIndex": index(samples),
        "numberOfNeighbors": {"defaultValue": k, "range": {"minValue": 1, "maxValue": 9}},
        **labels,
        **(scheme or SCHEMES["uniform"]),
        **fields,
    }
    outputs = {"label": key} | ({"p": f"{{{key}}}"} if probabilities else {})
    predicted = ("label", "p" if probabilities else "")
    return described("kNearestNeighborsClassifier", {"x": x}, outputs, predicted, **given)


def nearest(x, k, scheme, names=NAMES, samples=SAMPLES):
    """The label and the shares of votes: sorted by distance, counted."""
    points = [np.float32(x).astype(float) - sample.astype(float) for sample in samples]
    ranked = sorted((point @ point, place) for place, point in enumerate(points))[:k]
    votes: Counter[object] = Counter()
    for distance, place in ranked:
        votes[names[place]] += 1 if scheme == "uniform" else 1 / distance
    label = max((names[place] for _, place in ranked), key=lambda name: votes[name])
    return label, {name: votes[name] / votes.total() for name in dict.fromkeys(names)}


@pytest.mark.parametrize("kind", ["linearIndex", "singleKdTreeIndex"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("k", [1, 2, 3, 4, 9, 20])
def test_votes_and_their_shares(k, scheme, kind):
    fields = {"nearestNeighborsIndex": index(SAMPLES, kind), "scheme": SCHEMES[scheme]}
    found = assert_rows(classifier(k=k, **fields), x=ROWS)
    for x, label, shares in zip(ROWS, found["label"], found["p"], strict=True):
        wanted, expected = nearest(x, k, scheme)
        assert label == wanted
        assert shares == pytest.approx(expected)


def test_labels_may_be_numbers():
    names = [7, -2, 7, 3, -2, -2, 3, 7, 7]
    found = assert_rows(classifier(names), x=ROWS)
    assert found["label"] == [nearest(x, 3, "uniform", names)[0] for x in ROWS]


@pytest.mark.parametrize(
    ("names", "scheme", "label"),
    [
        ("abb", "uniform", "b"),
        ("abb", "inverse", "a"),  # at distance 0, alone
        ("aab", "inverse", "a"),
    ],
)
def test_the_same_point_outweighs_all_others(names, scheme, label):
    samples = [[0.1, 0.2], [0.1, 0.2 + 1e-3], [0.1, 0.2 - 1e-3]]
    model = classifier(list(names), np.float32(samples), scheme=SCHEMES[scheme])
    found = run(model, x=[0.1, 0.2])  # as float32 the same as the sample
    assert found["label"] == label
    if scheme == "inverse":
        assert found["p"] == {"a": 1.0, "b": 0.0}


def test_equal_votes_go_to_the_nearest_sample_and_equal_distances_to_the_first():
    samples = np.float32([[0, 0], [2, 0], [0, 2], [5, 5]])
    assert run(classifier(list("badc"), samples, k=2), x=[1.5, 0])["label"] == "a"
    assert run(classifier(list("badc"), samples, k=2), x=[0.5, 0])["label"] == "b"
    assert run(classifier(list("badc"), samples, k=1), x=[1, 0])["label"] == "b"
    assert run(classifier(list("badc"), samples, k=3), x=[0.5, 0])["p"]["c"] == 0


def test_without_samples_the_default_label_is_given():
    model = classifier([], [], probabilities=False, defaultStringLabel="none")
    assert assert_rows(model, x=ROWS)["label"] == ["none"] * len(ROWS)


def test_an_updatable_model_runs_as_it_is():
    model = classifier()
    model.isUpdatable = True
    found = compiled(model)
    assert found.module.attributes["ignored"] == "how the model is trained on a device"
    assert found.interpret({"x": ROWS[0]}) == run(classifier(), x=ROWS[0])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"names": ["a", "b"]}, "2 labels for 9 samples"),
        ({"samples": SAMPLES[:3]}, "9 labels for 3 samples"),
        ({"samples": [[1, 2], [3]]}, "sample 1 has 1 elements, the model 2 dimensions"),
        ({"x": "f64[3]"}, "the inputs have 3 elements, the model 2 dimensions"),
        ({"k": 0}, "the model takes 0 neighbours, not 1 or more"),
        ({"k": -1}, "the model takes -1 neighbours, not 1 or more"),
        ({"defaultInt64Label": 4}, "labels and its default label differ in type"),
        ({"names": [], "samples": []}, "neither samples nor a default label"),
        (
            {"names": [], "samples": [], "defaultInt64Label": 4, "probabilities": False},
            "output 'label' is declared as string, but is i64",
        ),
    ],
)
def test_malformed_models(fields, told):
    assert_refused(classifier(**fields), told)


@pytest.mark.parametrize(
    ("path", "field", "told"),
    [
        ("", "WeightingScheme", "no weighting scheme"),
        ("nearestNeighborsIndex", "DistanceFunction", "no distance function"),
        ("", "numberOfNeighbors", "the model takes 0 neighbours"),
        ("", "nearestNeighborsIndex", "the inputs have 2 elements, the model 0 dimensions"),
        ("", "ClassLabels", "0 labels for 9 samples"),
    ],
)
def test_missing_parts(path, field, told):
    model = classifier()
    message = model.kNearestNeighborsClassifier
    (getattr(message, path) if path else message).ClearField(field)
    assert_refused(model, told)


def test_probabilities_without_samples_are_not_documented():
    model = classifier([], [], defaultStringLabel="none")
    assert_refused(model, "what probabilities are without samples", kind="unsupported")


@pytest.mark.slow
def test_saved_model(tmp_path):
    import tensorflow as tf

    model = compiled(classifier(scheme=SCHEMES["inverse"]))
    path = model.write(tmp_path / "m")
    found = tf.saved_model.load(str(path)).signatures["serving_default"](x=ROWS)
    expected = model.interpret({"x": ROWS})
    assert [label.decode() for label in found["label"].numpy()] == expected["label"]
    rows = [list(entry.values()) for entry in expected["p"]]
    np.testing.assert_allclose(found["p"].numpy(), rows, rtol=1e-9)
