"""Classifiers: a label, and a dictionary of probabilities."""

import numpy as np
import pytest
from cmlc.compiler.binding import present_outputs
from programs import I32, STRING, assert_refused, fill_type, fill_value, imported, op, program
from programs import results as run

INT64 = 24


def classifier(labels, shape=(1, 3), predicted="label"):
    dtype = STRING if isinstance(labels[0], str) else INT64
    rows = [("label", (), I32), ("chances", (), I32)]
    model = program(op("classify", rows, probabilities="x"), x=shape)
    function = model.mlProgram.functions["main"]
    operation = function.block_specializations[function.opset].operations[0]
    fill_type(operation.outputs[0].type, (), dtype)
    operation.outputs[1].type.dictionaryType.keyType.tensorType.dataType = dtype
    value = operation.inputs["classes"].arguments.add().value
    fill_type(value.type.listType.type, (), dtype)
    for label in labels:
        item = value.immediateValue.list.values.add()
        if dtype == STRING:
            fill_value(item, label)
        else:
            fill_type(item.type, (), INT64)
            item.immediateValue.tensor.longInts.values.append(label)
    description = model.description
    description.predictedFeatureName = predicted
    description.predictedProbabilitiesName = "chances"
    label, chances = description.output
    (label.type.stringType if dtype == STRING else label.type.int64Type).SetInParent()
    key = chances.type.dictionaryType
    (key.stringKeyType if dtype == STRING else key.int64KeyType).SetInParent()
    return model


@pytest.mark.parametrize("labels", [["a", "b", "c"], [10, -20, 2**40]])
def test_label_and_probabilities(labels):
    """The first of equal probabilities counts."""
    model = classifier(labels)
    x = np.float32([[0.25, 0.5, 0.5]])
    found = present_outputs(imported(model).main, run(model, x), False)
    assert found["label"] == labels[1]
    assert found["chances"] == dict(zip(labels, x[0].tolist(), strict=True))


def test_there_is_a_probability_for_each_class():
    message = "classify has f32[1,4] for 3 classes"
    assert_refused(classifier(["a", "b", "c"], (1, 4)), message)


def test_only_classifiers_have_labels():
    message = "a string output must be what a classifier predicts"
    assert_refused(classifier(["a", "b", "c"], predicted="other"), message, kind="unsupported")
