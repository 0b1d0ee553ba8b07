"""Where backends of Keras are known to differ: on TensorFlow and JAX the interpreter is right.

`make keras-backends` runs these cases, and all others of Keras code, on every backend.
"""

import numpy as np
import pytest
from support.running.keras_run import case

pytestmark = pytest.mark.slow

TOP = """
func @main(%x: f32[2,4]) -> (f32[2,2], i32[2,2]) {
  %y, %i = tensor.topk(%x) {k = 2, axis = 1} : f32[2,2], i32[2,2]
  return %y, %i
}
"""


def test_of_equal_elements_the_first_are_largest():
    case(TOP, x=np.array([[1, 5, 5, 5], [2, 2, 2, 1]], np.float32))


ATTENTION = """
func @main(%q: f32[1,2,3,4], %k: f32[1,2,5,4], %v: f32[1,2,5,4], %m: f32[1,1,3,5]) -> f32[1,2,3,4] {
  %y = nn.attention(%q, %k, %v, %m) {scale = 0.5} : f32[1,2,3,4]
  return %y
}
"""


def test_what_attends_to_nothing_is_not_a_number():
    random = np.random.default_rng(0)
    shapes = {"q": (1, 2, 3, 4), "k": (1, 2, 5, 4), "v": (1, 2, 5, 4)}
    given = {name: random.normal(size=shape).astype("f") for name, shape in shapes.items()}
    mask = np.zeros((1, 1, 3, 5), np.float32)
    mask[0, 0, 1] = -np.inf
    case(ATTENTION, **given, m=mask)


POOL = """
func @main(%x: f32[1,5,4,2]) -> (f32[1,3,2,2], f32[1,5,4,2], f32[1,3,2,2]) {
  %a = nn.avg_pool(%x) {kernel_sizes = [3, 3], strides = [2, 2], pad_type = #same,
       exclude_padding_from_average = true, layout = #channels_last} : f32[1,3,2,2]
  %b = nn.avg_pool(%x) {kernel_sizes = [4, 3], strides = [1, 1], pad_type = #same,
       exclude_padding_from_average = true, layout = #channels_last} : f32[1,5,4,2]
  %c = nn.avg_pool(%x) {kernel_sizes = [2, 2], strides = [2, 2], pad_type = #same,
       exclude_padding_from_average = true, layout = #channels_last} : f32[1,3,2,2]
  return %a, %b, %c
}
"""


def test_uneven_padding_is_left_out_of_means():
    case(POOL, x=np.random.default_rng(0).normal(size=(1, 5, 4, 2)).astype("f"))
