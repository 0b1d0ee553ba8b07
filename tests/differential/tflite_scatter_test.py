"""Updates of positions that are given several times, in TFLite: the last one counts there, too."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.backends.tflite.contents import Contents
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import run
from cmlc.ir.rewrite import clone_module
from cmlc.ir.text.parser import parse

SCATTERS = ("tensor.scatter", "tensor.scatter_nd", "tensor.scatter_along_axis")
MODES = ("update", "add", "sub", "max", "min")
# Each position at least twice, some from the end; the first update of a position is the largest.
FUNCTIONS = """
func @rows_MODE(%x: f32[4,3], %i: i32[6], %u: f32[6,3]) -> ("y": f32[4,3]) {
  %y = tensor.scatter(%x, %i, %u) {mode = #MODE} : f32[4,3]
  return %y
}
func @columns_MODE(%x: f32[4,3], %j: i32[2,2], %v: f32[4,2,2]) -> ("y": f32[4,3]) {
  %y = tensor.scatter(%x, %j, %v) {axis = 1, mode = #MODE} : f32[4,3]
  return %y
}
func @points_MODE(%x: f32[4,3], %p: i32[6,2], %w: f32[6]) -> ("y": f32[4,3]) {
  %y = tensor.scatter_nd(%x, %p, %w) {mode = #MODE} : f32[4,3]
  return %y
}
func @elements_MODE(%x: f32[4,3], %e: i32[6,3], %u: f32[6,3]) -> ("y": f32[4,3]) {
  %y = tensor.scatter_along_axis(%x, %e, %u) {axis = 0, mode = #MODE} : f32[4,3]
  return %y
}
"""
RANDOM = np.random.default_rng(0)
INPUTS = {
    "x": RANDOM.standard_normal((4, 3)).astype(np.float32),
    "i": np.array([1, -1, 1, 3, 1, -3], np.int32),
    "u": RANDOM.standard_normal((6, 3)).astype(np.float32),
    "j": np.array([[0, -3], [2, 0]], np.int32),
    "v": RANDOM.standard_normal((4, 2, 2)).astype(np.float32),
    "p": np.array([[1, 1], [0, 2], [1, 1], [-3, -2], [0, 2], [3, 0]], np.int32),
    "w": RANDOM.standard_normal(6).astype(np.float32),
    "e": np.tile(np.array([[1], [-1], [1], [3], [1], [-3]], np.int32), (1, 3)),
}


def lowered(modes):
    target = load_target("tflite")
    module = parse("".join(FUNCTIONS.replace("MODE", mode) for mode in modes))
    copy = clone_module(module)
    target.lower(copy)
    return module, target.executable(copy)


@pytest.mark.slow
def test_every_mode_gives_the_interpreters_numbers():
    module, executable = lowered(MODES)
    content = Contents(executable.convert())
    assert content.foreign() == []
    for name, function in module.functions.items():
        given = {value.name: INPUTS[value.name] for value in function.arguments}
        expected = run(module, given, name)["y"]
        signature = "serving_default" if function is module.main else name
        found = content.run(given, signature)["y"]
        exact = not name.endswith(("add", "sub"))  # sums may be taken in another order
        np.testing.assert_allclose(found, expected, rtol=0 if exact else 1e-5, err_msg=name)


EMPTY = """
func @main(%x: f32[4,3]) -> ("y": f32[4,3]) {
  %i = const {value = dense<[]>} : i32[0]
  %u = const {value = dense<[]>} : f32[0,3]
  %y = tensor.scatter(%x, %i, %u) {mode = #update} : f32[4,3]
  return %y
}
"""


@pytest.mark.slow
def test_no_updates():
    target, module = load_target("tflite"), parse(EMPTY)
    target.lower(module)
    executable = target.executable(module)
    found = executable.run({"x": INPUTS["x"]})["y"]
    np.testing.assert_array_equal(found, INPUTS["x"])


@pytest.mark.parametrize("mode", ["mul", "div"])
def test_factors_in_turn_are_refused(mode):
    """Their product may overflow where one after the other doesn't."""
    with pytest.raises(CompileError) as caught:
        lowered([mode])
    (problem,) = caught.value.diagnostics
    assert problem.kind == "unsupported"
    assert all(f"'{name}'" in problem.message for name in SCATTERS)
    assert "several updates of one position" in str(caught.value)
