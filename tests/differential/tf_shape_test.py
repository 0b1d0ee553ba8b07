"""Shapes of several symbolic extents: TensorFlow computes them from the shapes it sees."""

import numpy as np
import pytest
from cmlc.ir.text.parser import parse
from support.running.tensorflow_run import compare

pytestmark = pytest.mark.slow

RESHAPES = """
func @main(%x: f32[N,M,4]) -> (f32[M,N,2,2], f32[2*N,2*M], f32[2*N,4,M]) {
  %a = tensor.reshape(%x) {shape = [M, N, 2, 2]} : f32[M,N,2,2]
  %b = tensor.reshape(%x) {shape = [2*N, 2*M]} : f32[2*N,2*M]
  %o = tensor.concat(%x, %x) {axis = 0} : f32[2*N,M,4]
  %c = tensor.reshape(%o) {shape = [2*N, 4, M]} : f32[2*N,4,M]
  return %a, %b, %c
}
"""


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 1, 4)])
def test_reshape(shape):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    compare(parse(RESHAPES), {"x": x})


def test_broadcasts_beside_open_extents():
    text = """func @main(%x: f32[N,1,M]) -> f32[2,N,3,M] {
      %y = tensor.broadcast_to(%x) {shape = [2, N, 3, M]} : f32[2,N,3,M]
      return %y
    }"""
    compare(parse(text), {"x": np.arange(10, dtype=np.float32).reshape(5, 1, 2)})


def test_limits_that_no_extent_reaches():
    text = """func @main(%x: f32[N]) -> f32[N] {
      %y = tensor.assert_shape(%x) {allowed = [[1, 4294967296], [0, -1]]} : f32[N]
      return %y
    }"""
    compare(parse(text), {"x": np.ones(3, np.float32)})


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("lead", "axis"), [("2,3", 2), ("2,3", 1), ("N,3", 2), ("2", 1), ("", 0)])
def test_stack(count, lead, axis):
    """Along a last dimension it is a transpose, if the shape is fixed."""
    dims = lead.split(",") if lead else []
    out = ",".join([*dims[:axis], str(count), *dims[axis:]])
    given = ", ".join(f"%x{i}: f32[{lead}]" for i in range(count))
    names = ", ".join(f"%x{i}" for i in range(count))
    compare(
        parse(
            f"func @main({given}) -> f32[{out}] {{\n"
            f"  %y = tensor.stack({names}) {{axis = {axis}}} : f32[{out}]\n"
            "  return %y\n}"
        )
    )
