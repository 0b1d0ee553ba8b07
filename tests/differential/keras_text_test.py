"""What Keras code says where notation matters: signs, brackets, arrays, numbers, slices, biases."""

import numpy as np
import pytest
from support.running.keras_run import case, code

pytestmark = pytest.mark.slow

MINUS_TWO = """
func @main(%x: f32[4]) -> f32[4] {
  %two = const {value = dense<-2.0>} : f32[]
  %y = tensor.pow(%two, %x) : f32[4]
  return %y
}
"""
MASK = """
func @main(%m: bool[1,3], %x: f32[1,3]) -> f32[1,3] {
  %no = const {value = dense<-inf>} : f32[]
  %y = tensor.select(%m, %x, %no) : f32[1,3]
  return %y
}
"""


def test_a_negative_base_is_in_brackets():
    case(MINUS_TWO, x=np.array([0, 1, 2, 3], np.float32))


def test_infinities_are_written():
    case(MASK, m=[[True, False, True]], x=np.array([[1, 2, 3]], np.float32))


def repeated(times=4):
    """Runs of calls that differ in k and 2 k."""
    lines = []
    for i in range(times):
        k = i + 2
        lines += [
            f"%k{i} = const {{value = dense<{k}>}} : i32[]",
            f"%l{i} = const {{value = dense<{2 * k}>}} : i32[]",
            f"%a{i} = tensor.floor_div(%x{i}, %k{i}) : i32[2,3]",
            f"%b{i} = tensor.abs(%a{i}) : i32[2,3]",
            f"%c{i} = tensor.square(%b{i}) : i32[2,3]",
            f"%d{i} = tensor.mod(%c{i}, %l{i}) : i32[2,3]",
            f"%e{i} = tensor.neg(%d{i}) : i32[2,3]",
            f"%x{i + 1} = tensor.add(%e{i}, %c{i}) : i32[2,3]",
        ]
    body = "\n".join(f"  {line}" for line in lines)
    return f"func @main(%x0: i32[2,3]) -> i32[2,3] {{\n{body}\n  return %x{times}\n}}"


def test_products_with_parameters_are_in_brackets():
    assert "% (2 * factor)" in code(repeated())
    case(repeated(), x0=np.array([[700, -800, 900], [11, -12, 13]], np.int32))


def test_arrays_of_blocks_are_multiplied_by_functions():
    """numpy's operators don't know Keras's tensors; blocks have equal arrays, none is passed."""
    lines = []
    for i in range(4):
        lines += [
            f"%w{i} = const {{value = dense<[[3.0, 1.0], [2.0, 0.5]]>}} : f32[2,2]",
            f"%a{i} = nn.matmul(%w{i}, %x{i}) : f32[2,2]",
            f"%b{i} = tensor.sin(%a{i}) : f32[2,2]",
            f"%c{i} = tensor.exp(%b{i}) : f32[2,2]",
            f"%d{i} = tensor.cos(%c{i}) : f32[2,2]",
            f"%e{i} = tensor.erf(%d{i}) : f32[2,2]",
            f"%x{i + 1} = tensor.square(%e{i}) : f32[2,2]",
        ]
    body = "\n".join(f"  {line}" for line in lines)
    text = f"func @main(%x0: f32[2,2]) -> f32[2,2] {{\n{body}\n  return %x4\n}}"
    assert "def matmul_sin" in code(text).replace("def matmul_block", "def matmul_sin")
    assert "ops.matmul(np.array(" in " ".join(code(text).split()).replace("( ", "(")
    case(text)


def test_numbers_are_stacked_as_tensors():
    case(
        """
func @main(%x: f32[3]) -> f32[2] {
  %one = const {value = dense<1>} : i32[]
  %half = const {value = dense<0.5>} : f32[]
  %a = tensor.gather(%x, %one) : f32[]
  %y = tensor.stack(%half, %a) {axis = 0} : f32[2]
  return %y
}
"""
    )


SCATTERED = """
func @main(%x: f32[4,3], %i: i32[N], %u: f32[N,3]) -> f32[4,3] {
  %y = tensor.scatter(%x, %i, %u) {mode = #update} : f32[4,3]
  return %y
}
"""


def test_an_open_number_of_updates():
    numbers = np.random.default_rng(0).normal(size=(4, 3)).astype("f")
    case(SCATTERED, x=numbers, i=np.array([-1, 1], np.int32), u=10 * numbers[:2])


BIAS = """
func @main(%x: f32[2,3]) -> f32[2,4] {
  %w = const {value = resource<"w">} : f32[4,3]
  %b = const {value = resource<"b">} : f32[1,4]
  %a = nn.linear(%x, %w) : f32[2,4]
  %y = tensor.add(%a, %b) : f32[2,4]
  %z = nn.relu(%y) : f32[2,4]
  return %z
}
resources {
  "w" : f32[4,3] = random(1)
  "b" : f32[1,4] = random(2)
}
"""


def test_what_is_added_to_a_dense_layer_is_its_bias():
    assert 'layers.Dense(4, activation="relu", name=' in code(BIAS)
    case(BIAS)


def test_positions_are_written_as_ranges():
    text = """
func @main(%x: f32[2,12]) -> f32[2,10] {
  %p = const {value = dense<[2, 3, 4, 5, 6, 7, 8, 9, 10, 11]>} : i32[10]
  %y = tensor.gather(%x, %p) {axis = 1} : f32[2,10]
  return %y
}
"""
    assert 'np.arange(2, 12, dtype="int32")' in code(text)
    case(text)


def test_constants_and_inputs_are_results():
    case(
        """
func @main(%x: f32[2,3]) -> (f32[2,3], f32[2], f32[2,3]) {
  %w = const {value = dense<[1.0, 2.0]>} : f32[2]
  %y = nn.relu(%x) : f32[2,3]
  return %y, %w, %x
}
"""
    )


def test_slices_go_backwards_between_positions():
    case(
        """
func @main(%x: f32[5,4], %w: f32[N,5,4]) -> (f32[2,4], f32[2,2], f32[N,3,4]) {
  %a = tensor.slice_by_index(%x) {begin = [-2, 0], end = [0, 0], stride = [-2, -1],
       begin_mask = [0, 1], end_mask = [0, 1]} : f32[2,4]
  %b = tensor.slice_by_index(%x) {begin = [3, 0], end = [-5, 3], stride = [-2, 2],
       begin_mask = [0, 0], end_mask = [0, 0]} : f32[2,2]
  %c = tensor.slice_by_index(%w) {begin = [0, 2, 0], end = [0, 0, 0], stride = [-1, -1, 1],
       begin_mask = [1, 0, 1], end_mask = [1, 1, 1]} : f32[N,3,4]
  return %a, %b, %c
}
""",
        x=np.arange(20, dtype=np.float32).reshape(5, 4),
        w=np.arange(40, dtype=np.float32).reshape(2, 5, 4),
    )


def test_operators_need_no_imports():
    text = code(
        """
func @main(%x: f32[N,2]) -> f32[N,2] {
  %two = const {value = dense<[2.0, 0.1]>} : f32[2]
  %y = tensor.mul(%x, %two) : f32[N,2]
  return %y
}"""
    )
    assert 'x = x * np.array([2.0, 0.1], "float32")' in text.replace("x_", "x")
    assert "from keras import" not in text
