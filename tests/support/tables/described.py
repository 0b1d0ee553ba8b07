"""Models whose message is given by fields, and what tests ask of them.

    model = described("scaler", {"x": "f64[3]"}, {"y": "f64[3]"}, shiftValue=[0.5])

Fields are numbers, texts, lists, and dictionaries for messages.
"""

import cmlc
import numpy as np
import pytest
from support.networks.builders import fill
from support.running.refused import assert_told, problems_of
from support.tables.builders import compiled, model, run


def described(kind, inputs, outputs, predicted=("", ""), **fields):
    """A model of a type; features and predicted names as `model` takes them."""
    spec, message = model(kind, inputs, outputs, predicted)
    fill(message, fields)
    return spec


def assert_rows(spec, /, **inputs):
    """A batch is open, and its rows are what each row gives alone; returns the batch's outputs."""
    found = compiled(spec)
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


def assert_refused(spec, *fragments, kind="malformed"):
    """The import fails with one diagnostic, which has the fragments."""
    (problem,) = problems_of(lambda: cmlc.load(spec))
    assert_told(problem, *fragments, kind=kind)


def assert_stops(spec, message, /, **inputs):
    """The run stops with the message."""
    with pytest.raises(cmlc.CompileError, match=message):
        run(spec, **inputs)
