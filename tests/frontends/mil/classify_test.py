"""Classifiers: a label, and a dictionary of probabilities."""

import numpy as np
import pytest
from cmlc.compiler.presenting import present_outputs
from support.mil.programs import assert_refused, classifier, imported
from support.mil.programs import results as run


@pytest.mark.parametrize("labels", [["a", "b", "c"], [10, -20, 2**40]])
def test_label_and_probabilities(labels):
    """The first of equal probabilities counts."""
    model = classifier(labels)
    x = np.float32([[0.25, 0.5, 0.5]])
    found = present_outputs(imported(model).main, run(model, x), False)
    assert found["label"] == labels[1]
    assert found["chances"] == dict(zip(labels, x[0].tolist(), strict=True))


def test_there_is_a_probability_for_each_class():
    message = "classify has probabilities of type f32[1,4] for 3 classes"
    assert_refused(classifier(["a", "b", "c"], (1, 4)), message)


def test_only_classifiers_have_labels():
    message = "a string output must be a classifier's prediction"
    assert_refused(classifier(["a", "b", "c"], predicted="other"), message, kind="unsupported")
