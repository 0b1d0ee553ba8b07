"""Keras code that only moves elements, in dtypes that layers don't keep."""

import numpy as np
import pytest
from support.running.keras_run import case

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dtype", ["f16", "f64"])
def test_what_only_moves_is_not_made_float32(dtype):
    """Layers would make it that: arrays of the interface are moved by functions."""
    text = """
func @main(%x: DTYPE[N,2,3,1], %z: DTYPE[N,3,2]) -> (DTYPE[N,6], DTYPE[N,3,4], DTYPE[N,1,2,3]) {
  %flat = tensor.reshape(%x) {shape = [N, 6]} : DTYPE[N,6]
  %matrix = tensor.reshape(%x) {shape = [N, 2, 3]} : DTYPE[N,2,3]
  %turned = tensor.transpose(%matrix) {perm = [0, 2, 1]} : DTYPE[N,3,2]
  %both = tensor.concat(%turned, %z) {axis = 2} : DTYPE[N,3,4]
  %first = tensor.transpose(%x) {perm = [0, 3, 2, 1]} : DTYPE[N,1,3,2]
  %again = tensor.transpose(%first) {perm = [0, 1, 3, 2]} : DTYPE[N,1,2,3]
  return %flat, %both, %again
}
""".replace("DTYPE", dtype)
    x = np.arange(12, dtype=np.float16 if dtype == "f16" else np.float64)
    case(text, x=x.reshape(2, 2, 3, 1), z=x.reshape(2, 3, 2))
