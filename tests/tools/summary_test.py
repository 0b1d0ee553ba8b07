"""What `cmlc` says of models that are not networks."""

import json
from pathlib import Path

import pytest
from cmlc.tools import cmlc
from support.tables.builders import model, pipeline


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def wide(count=40):
    """A pipeline: many numbers and an integer as one vector, and a linear model of it."""
    inputs = {**{f"f{i}": "double" for i in range(count)}, "n": "int64"}
    columns, message = model("featureVectorizer", inputs, {"v": f"f64[{count + 1}]"})
    for name in inputs:
        message.inputList.add(inputColumn=name, inputDimensions=1)
    linear, message = model("glmRegressor", {"v": f"f64[{count + 1}]"}, {"y": "double"})
    message.weights.add(value=[0.1] * (count + 1))
    message.offset.append(1)
    return pipeline(inputs, {"y": "double"}, columns, linear)


def said(capsys, *options, spec=None):
    Path("m.mlmodel").write_bytes((spec or wide()).SerializeToString())
    assert cmlc.main(["m.mlmodel", *options]) == 0
    return capsys.readouterr().out


def test_a_pipeline(capsys):
    lines = said(capsys, "--emit=ir", "-o", "m.cmir").splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert "inputs f0 … f39 f64[1] 40 of double" in rows
    assert "n i64[1] int64" in rows
    assert "models pipeline(featureVectorizer, glmRegressor)" in rows
    assert "holds models[0], featureVectorizer: 41 columns, 41 elements" in rows
    assert "models[1], glmRegressor: 41 coefficients, 1 output" in rows
    assert "precision computed in doubles" in rows


def test_dictionaries_are_two_inputs(capsys):
    inputs = {"words": "{string}"}
    spec, message = model("dictVectorizer", inputs, {"v": "f64[2]"})
    message.stringToIndex.vector.extend(["a", "b"])
    rows = said(capsys, "--emit=ir", "-o", "m.cmir", spec=spec).splitlines()
    found = [" ".join(row.split()) for row in rows]
    assert "inputs words_keys str[n_words] keys of the dictionary 'words'" in found
    assert "words_values f64[n_words] values of the dictionary 'words'" in found


def test_rounding_is_said(capsys):
    out = said(capsys, "--emit=ir", "--stage=optimized", "--precision=float32", "-o", "m.cmir")
    assert "precision  rounded: doubles are computed in float32" in out


def test_programs_are_told_all_of_it(capsys):
    facts = json.loads(said(capsys, "--emit=ir", "-o", "m.cmir", "--json"))
    assert facts["precision"] == "float64"
    assert facts["structure"] == "pipeline(featureVectorizer, glmRegressor)"
    counts = {"coefficients": 41, "outputs": 1}
    assert facts["models"][1] == {"place": "models[1]", "kind": "glmRegressor", "counts": counts}
    assert len(facts["inputs"]) == 41


def test_a_model_that_is_not_compiled(capsys):
    spec, message = model("textClassifier", {"text": "string"}, {"label": "string"})
    message.modelParameterData = b"123"
    message.stringClassLabels.vector.extend(["a", "b"])
    out = said(capsys, "--emit=html", "--stage=stored", "-o", "m.html", spec=spec)
    assert "holds    3 bytes, 2 classes" in out
    assert "precision" not in out
