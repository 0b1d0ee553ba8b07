"""Small models of any type but networks, built from protobuf messages, imported and run.

    model = described("supportVectorRegressor", {"x": (3,)}, {"y": "double"}, rho=0.5, kernel={…})

Features are a shape of doubles, a shape with an element type, or a type in a word or two: "double",
"int64", "string", "int64 dictionary", "string sequence"; a "?" behind makes it optional. Parameters
are fields of the model's message: numbers, lists, dictionaries for messages.
"""

import cmlc
import numpy as np
import pytest
from cmlc.compiler.source.spec import messages
from support.networks.builders import DOUBLE, fill
from support.running.refused import assert_told, problems_of


def described(kind, inputs, outputs, label="", probabilities="", **fields):
    """A Model message; the names of predicted features are those of outputs."""
    model = messages("Model_pb2").Model(specificationVersion=4)
    for features, types in (
        (model.description.input, inputs),
        (model.description.output, outputs),
    ):
        for name, type_ in types.items():
            set_type(features.add(name=name).type, type_)
    model.description.predictedFeatureName = label
    model.description.predictedProbabilitiesName = probabilities
    getattr(model, kind).SetInParent()
    fill(getattr(model, kind), fields)
    return model


def set_type(message, type_):
    """Set a FeatureType from its short form."""
    if isinstance(type_, tuple):
        shape, element = type_ if isinstance(type_[0], tuple) else (type_, DOUBLE)
        message.multiArrayType.shape.extend(shape)
        message.multiArrayType.dataType = element
        return
    words = type_.rstrip("?").split()
    message.isOptional = type_.endswith("?")
    match words:
        case [key, "dictionary"]:
            getattr(message.dictionaryType, f"{key}KeyType").SetInParent()
        case [element, "sequence"]:
            getattr(message.sequenceType, f"{element}Type").SetInParent()
        case [scalar]:
            getattr(message, f"{scalar}Type").SetInParent()


def computed(model, **inputs):
    """What the interpreter gives for one entry."""
    return cmlc.compile(model).interpret(inputs)


def assert_rows(model, /, **inputs):
    """A batch is open, and its rows are what each row gives alone; returns the batch's outputs."""
    found = cmlc.compile(model)
    assert "fixed_batch" not in found.stages.batched.attributes
    together = found.interpret(inputs)
    (count,) = {len(rows) for rows in inputs.values()}
    for index in range(count):
        alone = found.interpret({name: rows[index] for name, rows in inputs.items()})
        for name, entry in alone.items():
            assert_same(together[name][index], entry)
    return together


def assert_same(ours, theirs):
    """Labels, dictionaries and numbers, these to rounding of doubles."""
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    elif isinstance(ours, str | int):
        assert ours == theirs
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def assert_refused(model, *fragments, kind="malformed"):
    """The import fails with one diagnostic, which has the fragments."""
    (problem,) = problems_of(lambda: cmlc.load(model))
    assert_told(problem, *fragments, kind=kind)


def assert_stops(model, message, /, **inputs):
    """The run stops with the message."""
    with pytest.raises(cmlc.CompileError, match=message):
        computed(model, **inputs)
