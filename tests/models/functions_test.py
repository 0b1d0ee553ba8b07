"""Functions that call functions: one signature, one variable for a shared weight, Keras code."""

import json

import cmlc
import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages

pytestmark = pytest.mark.slow

# Two scalers, a layer that is used twice, and a choice of labels that depends on what they give.
MODEL = """
func @main(%x: f32[1,20], %label: str[]) -> (
  "y": f32[1,20], "mean": f32[1], "text": str[] {kind = "string"}
) {
  %two = const {value = dense<2.0>} : f32[]
  %a = call(%x, %two) {callee = "scaled"} : f32[1,20]
  %b, %m = call(%a) {callee = "layer"} : f32[1,20], f32[1]
  %c, %n = call(%b) {callee = "layer"} : f32[1,20], f32[1]
  %s = call(%label) {callee = "same"} : str[]
  %d = call(%c, %two) {callee = "scaled"} : f32[1,20]
  return %d, %n, %s
}
func private @scaled(%x: f32[N,20], %by: f32[]) -> f32[N,20] {
  %y = tensor.mul(%x, %by) : f32[N,20]
  return %y
}
func private @layer(%x: f32[N,20]) -> (f32[N,20], f32[N]) {
  %w = const {value = resource<"dense.weight">} : f32[20,20]
  %y = nn.linear(%x, %w) : f32[N,20]
  %z = nn.relu(%y) : f32[N,20]
  %m = tensor.reduce_mean(%z) {axes = [1]} : f32[N]
  return %z, %m
}
func private @same(%x: str[]) -> str[] {
  return %x
}
resources {
  "dense.weight" : f32[20,20] = random(7)
}
"""
X = np.linspace(-1, 1, 20, dtype=np.float32).reshape(1, 20)


def test_a_saved_model(tmp_path):
    import tensorflow as tf

    model = cmlc.compile(load_text(MODEL))
    given = {"x": X, "label": np.array("cat", object)}
    ours, theirs = model.predict(given), model.interpret(given)
    assert ours["text"] == theirs["text"] == "cat"
    np.testing.assert_allclose(ours["y"], theirs["y"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours["mean"], theirs["mean"], rtol=1e-5)
    with pytest.raises(cmlc.CompileError, match="has no function 'layer'; its functions are main"):
        model.predict(given, function="layer")
    loaded = tf.saved_model.load(str(model.write(tmp_path / "m")))
    assert list(loaded.signatures) == ["serving_default"]
    assert [variable.name for variable in loaded.weights] == ["dense.weight:0"]
    facts = json.loads((tmp_path / "m" / "assets.extra" / "cmlc.json").read_text())
    assert "functions" not in facts
    assert [entry["name"] for entry in facts["outputs"]] == ["y", "mean", "text"]


def test_public_functions_are_signatures(tmp_path):
    import tensorflow as tf

    model = cmlc.compile(load_text(MODEL.replace("private @same", "@same")))
    loaded = tf.saved_model.load(str(model.write(tmp_path / "m")))
    assert sorted(loaded.signatures) == ["same", "serving_default"]


def without_strings():
    """The model without its text, which Keras and TFLite have no place for."""
    lines = [line for line in MODEL.splitlines() if '"same"' not in line]
    text = "\n".join(lines).replace(", %label: str[]", "").replace("%d, %n, %s", "%d, %n")
    text = text.replace(', "text": str[] {kind = "string"}', "")
    head, _, rest = text.partition("func private @same")
    return load_text(f"{head}resources{rest.partition('resources')[2]}")


def test_keras_code():
    stages = Stages(without_strings(), Options(target="keras"))
    made = stages.executable
    expected = cmlc.compile(stages.named).interpret({"x": X})
    found = made.model(X)
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-5)


def test_a_tflite_file():
    from cmlc.backends.tflite.contents import Contents

    stages = Stages(without_strings(), Options(target="tflite"))
    file = Contents(stages.executable.convert())
    found, expected = file.run({"x": X}), cmlc.compile(stages.named).interpret({"x": X})
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-5, atol=1e-6)
