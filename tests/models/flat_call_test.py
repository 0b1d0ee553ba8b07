"""`predict` calls graphs with flat arguments: inputs and outputs are in the model's order."""

import cmlc
import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.ssa import Function

pytestmark = pytest.mark.slow

_TEXT = """
func @main(%b: f32[2], %a: f32[2], %c: f32[2]) -> ("z": f32[2], "y": f32[2], "same": f32[2]) {
  %difference = tensor.sub(%b, %a) : f32[2]
  %w = const {value = resource<"w">} : f32[2]
  %scaled = tensor.mul(%c, %w) : f32[2]
  return %difference, %scaled, %difference
}
resources {
  "w" : f32[2] = random(1)
}
"""


def test_inputs_and_outputs_whose_names_are_not_sorted(monkeypatch):
    model = cmlc.compile(load_text(_TEXT))
    given = {
        name: np.array(row, np.float32)
        for name, row in {"c": (5, 6), "b": (1, 2), "a": (3, 5)}.items()
    }
    expected = model.interpret(given)
    first = model.predict(given)
    assert list(first) == ["z", "y", "same"]
    for name, array in expected.items():
        np.testing.assert_allclose(first[name], array, rtol=1e-6)
    np.testing.assert_array_equal(first["z"], [-2, -3])

    def walk(function):
        raise AssertionError("a run looks through the whole function")

    monkeypatch.setattr(Function, "walk", walk)
    second = model.predict(given)
    np.testing.assert_array_equal(second["z"], first["z"])


def test_a_run_uses_weights_as_they_are_now():
    model = cmlc.compile(load_text(_TEXT))
    given = {name: np.ones(2, np.float32) for name in ("a", "b", "c")}
    model.predict(given)
    (variable,) = model.executable.variables.values()
    variable.assign([7.0, 8.0])
    np.testing.assert_array_equal(model.predict(given)["y"], [7, 8])
