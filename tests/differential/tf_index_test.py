"""Indexing that random instances don't reach: symbolic extents, many updates of one position."""

import numpy as np
import pytest
from cmlc.ir.text.parser import parse
from support.running.tensorflow_run import compare

pytestmark = pytest.mark.slow

SYMBOLIC = {
    "gather": """
func @main(%x: f32[N,3], %i: i32[2]) -> f32[2,3] {
  %y = tensor.gather(%x, %i) : f32[2,3]
  return %y
}""",
    "gather_along_axis": """
func @main(%x: f32[N,3], %i: i32[2]) -> f32[N,2] {
  %r = tensor.reshape(%i) {shape = [1, 2]} : i32[1,2]
  %n = tensor.slice_by_index(%x) {begin = [0, 0], end = [0, 2], stride = [1, 1],
    begin_mask = [1, 0], end_mask = [1, 0]} : f32[N,2]
  %zero = tensor.sub(%n, %n) : f32[N,2]
  %c = tensor.cast(%zero) {dtype = i32} : i32[N,2]
  %j = tensor.add(%c, %r) : i32[N,2]
  %y = tensor.gather_along_axis(%x, %j) {axis = 1} : f32[N,2]
  return %y
}""",
    "gather_nd": """
func @main(%x: f32[N,3], %i: i32[2]) -> f32[] {
  %y = tensor.gather_nd(%x, %i) : f32[]
  return %y
}""",
    "scatter": """
func @main(%x: f32[N,3], %i: i32[2]) -> f32[N,3] {
  %u = const {value = dense<[[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]>} : f32[2,3]
  %y = tensor.scatter(%x, %i, %u) {mode = #div} : f32[N,3]
  return %y
}""",
    "non_zero": """
func @main(%x: f32[N,3], %i: i32[2]) -> i32[K,2] {
  %y = tensor.non_zero(%x) {dims = [K, 2]} : i32[K,2]
  return %y
}""",
}


@pytest.mark.parametrize("name", SYMBOLIC)
@pytest.mark.parametrize("size", [2, 5])
def test_symbolic_extents(name, size):
    x = np.random.default_rng(size).integers(0, 3, (size, 3)).astype(np.float32)
    compare(parse(SYMBOLIC[name]), {"x": x, "i": np.array([1, -2], np.int32)})


UPDATES = """
func @main(%x: f32[3,2], %i: i32[9], %u: f32[9,2]) -> f32[3,2] {
  %y = tensor.scatter(%x, %i, %u) {mode = #MODE} : f32[3,2]
  return %y
}"""


@pytest.mark.parametrize("mode", ["update", "add", "sub", "mul", "div", "max", "min"])
def test_many_updates_of_one_position(mode):
    """Huge and tiny factors: a product of the updates alone would overflow."""
    random = np.random.default_rng(0)
    given = {
        "x": random.standard_normal((3, 2)).astype(np.float32),
        "i": np.array([0, 2, 2, -1, 0, 2, -3, 2, 2], np.int32),
        "u": random.standard_normal((9, 2)).astype(np.float32),
    }
    if mode in ("mul", "div"):
        given["x"][0] = 1e-30 if mode == "mul" else 1e30
        given["u"][[0, 4, 6]] = np.array([[1e25], [1e25], [1e-20]])
    compare(parse(UPDATES.replace("MODE", mode)), given)


def test_no_updates():
    text = UPDATES.replace("MODE", "mul").replace("9", "0")
    empty = {"i": np.zeros(0, np.int32), "u": np.zeros((0, 2), np.float32)}
    compare(parse(text), {"x": np.ones((3, 2), np.float32), **empty})
