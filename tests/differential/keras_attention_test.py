"""Attention as exporters write it becomes Keras's own, whatever its masks are made of."""

import re

import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.weights.resources import ArrayResource
from support.running import keras_run

pytestmark = pytest.mark.slow

PIPELINE = (
    "canonicalize, cse, recognize, canonicalize, layout{to=channels_last}, constant-fold, cse"
)
LATER = np.triu(np.ones((5, 5)), 1)


def compare(module, **inputs):
    keras_run.compare(module, inputs or None, PIPELINE)


def keras_code(module):
    return keras_run.keras_code(module, PIPELINE)


def attention(mask, arguments="", size="f32[1,1,5,5]", heads_first=False):
    """A module of one attention with dense layers, as PyTorch's eager code is written.

    Args:
        mask: lines that compute `%m` of `%scaled`, the scores.
        arguments: more arguments.
        size: of the constant `%b`, which has the name of a weight.
        heads_first: whether heads are the first dimension, without a batch.
    """
    batch = "" if heads_first else "2,"
    rows = "f32[5,8]" if heads_first else "f32[2,5,8]"
    split = "[5, 2, 4]" if heads_first else "[2, 5, 2, 4]"
    apart = "f32[5,2,4]" if heads_first else "f32[2,5,2,4]"
    front, back = ("[1, 0, 2]", "[1, 2, 0]") if heads_first else ("[0, 2, 1, 3]", "[0, 2, 3, 1]")
    scores = f"f32[{batch}2,5,5]"
    return load_text(f"""
func @main(%x: {rows}{arguments}) -> {rows} {{
  %wq = const {{value = resource<"wq">}} : f32[8,8]
  %wk = const {{value = resource<"wk">}} : f32[8,8]
  %wv = const {{value = resource<"wv">}} : f32[8,8]
  %wo = const {{value = resource<"wo">}} : f32[8,8]
  %b = const {{value = resource<"b">}} : {size}
  %c = const {{value = dense<0.5>}} : f32[]
  %low = const {{value = dense<-3.4e38>}} : f32[]
  %zero = const {{value = dense<0.0>}} : f32[]
  %lq = nn.linear(%x, %wq) : {rows}
  %lk = nn.linear(%x, %wk) : {rows}
  %lv = nn.linear(%x, %wv) : {rows}
  %rq = tensor.reshape(%lq) {{shape = {split}}} : {apart}
  %rk = tensor.reshape(%lk) {{shape = {split}}} : {apart}
  %rv = tensor.reshape(%lv) {{shape = {split}}} : {apart}
  %q = tensor.transpose(%rq) {{perm = {front}}} : f32[{batch}2,5,4]
  %k = tensor.transpose(%rk) {{perm = {back}}} : f32[{batch}2,4,5]
  %v = tensor.transpose(%rv) {{perm = {front}}} : f32[{batch}2,5,4]
  %s = nn.matmul(%q, %k) : {scores}
  %scaled = tensor.mul(%s, %c) : {scores}
  {mask or f"%m = tensor.add(%scaled, %zero) : {scores}"}
  %p = nn.softmax(%m) : {scores}
  %a = nn.matmul(%p, %v) : f32[{batch}2,5,4]
  %t = tensor.transpose(%a) {{perm = {front}}} : {apart}
  %j = tensor.reshape(%t) {{shape = [{batch} 5, 8]}} : {rows}
  %y = nn.linear(%j, %wo) : {rows}
  return %y
}}
resources {{
  "wq" : f32[8,8] = random(1)
  "wk" : f32[8,8] = random(2)
  "wv" : f32[8,8] = random(3)
  "wo" : f32[8,8] = random(4)
  "b" : {size} = random(5)
}}
""")


def with_numbers(module, numbers):
    """The module with these numbers in its weight 'b'."""
    for op in module.walk():
        if isinstance(op, Constant) and op.value.name == "b":
            array = np.broadcast_to(numbers, op.value.type.static_shape).astype(np.float32)
            numbers = ArrayResource(np.ascontiguousarray(array), "b", op.value.origin)
            op.attributes["value"] = numbers
    return module


ADDED = "%m = tensor.add(%scaled, %b) : f32[2,2,5,5]"
CHOSEN = """%n = tensor.equal(%keys, %none) : bool[2,5]
  %e = tensor.expand_dims(%n) {axes = [1, 2]} : bool[2,1,1,5]
  %m = tensor.select(%e, %low, %scaled) : f32[2,2,5,5]"""


def layer_of(module, **inputs):
    """The code, which has one layer for all of it."""
    compare(module, **inputs)
    code = keras_code(module)
    assert len(re.findall(r"layers\.\w+\(", code.text.replace("layers.Layer", ""))) == 1
    assert "layers.MultiHeadAttention(" in code.text
    return code


def test_without_a_mask():
    assert layer_of(attention("")).text.count("ops.") == 0


def test_heads_before_the_time_without_a_batch():
    code = layer_of(attention("", heads_first=True))
    assert "num_heads=2" in code.text


@pytest.mark.parametrize("low", [-1e4, -3.4e38, -np.inf])
def test_a_causal_mask(low):
    mask = np.where(LATER, low, 0.0)
    code = layer_of(with_numbers(attention(ADDED), mask))
    assert "use_causal_mask=True" in code.text
    assert "Weight" not in code.text


def test_a_constant_mask():
    hidden = LATER.copy()
    hidden[:, 0] = 1
    hidden[:, 4] = 0
    module = with_numbers(attention(ADDED, size="f32[2,2,5,5]"), np.where(hidden, -1e9, 0.0))
    code = layer_of(module)
    assert "attention_mask=" in code.text
    assert 'Weight((1, 1, 5, 5), dtype="bool", trainable=False' in code.text.replace("\n", "")


@pytest.mark.parametrize("low", [-100.0, -1e3])
def test_numbers_that_leave_something_are_added(low):
    module = with_numbers(attention(ADDED), np.where(LATER, low, 0.0))
    compare(module)
    code = keras_code(module)
    assert "bias=" in code.text
    assert "mask=" not in code.text


def test_a_query_without_keys_is_not_masked():
    """Where nothing is seen, a model of finite numbers sees everything."""
    hidden = LATER.copy()
    hidden[2] = 1
    module = with_numbers(attention(ADDED), np.where(hidden, -1e9, 0.0))
    compare(module)
    code = keras_code(module)
    assert "bias=" in code.text
    # Nobody learned it, either.
    assert "trainable=False" in code.text


def test_keys_that_an_input_hides():
    arguments = ", %keys: i32[2,5], %none: i32[]"
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    keys = np.array([[1, 1, 1, 0, 0], [0, 2, 0, 2, 0]], np.int32)
    code = layer_of(attention(CHOSEN, arguments), x=x, keys=keys, none=np.int32(0))
    assert "attention_mask=" in code.text


def test_a_mask_of_ones():
    """BERT's: 1 - mask, as numbers and as truth."""
    mask = """%e = tensor.expand_dims(%keys) {axes = [1, 2]} : i32[2,1,1,5]
  %r = tensor.tile(%e) {reps = [1, 1, 5, 1]} : i32[2,1,5,5]
  %f = tensor.cast(%r) {dtype = #f32} : f32[2,1,5,5]
  %one = const {value = dense<1.0>} : f32[]
  %o = tensor.sub(%one, %f) : f32[2,1,5,5]
  %h = tensor.cast(%o) {dtype = #bool} : bool[2,1,5,5]
  %w = tensor.select(%h, %low, %o) : f32[2,1,5,5]
  %m = tensor.add(%scaled, %w) : f32[2,2,5,5]"""
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    keys = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], np.int32)
    code = layer_of(attention(mask, ", %keys: i32[2,5]"), x=x, keys=keys)
    assert "ops.equal(x, 1)" in code.text
    assert "tile" not in code.text


def test_heads_stay_where_there_is_a_learned_bias():
    code = keras_code(attention(ADDED))
    assert "ops.dot_product_attention(" in code.text
    assert "bias=" in code.text
    assert len(code.model.trainable_variables) == 5


BATCHES = """
func @main(%q: f32[2,3,2,5,4], %k: f32[2,3,2,7,4], %v: f32[2,3,2,7,4], %m: MASK) -> f32[2,3,2,5,4] {
  %y = nn.attention(%q, %k, %v, %m) {scale = 0.5} : f32[2,3,2,5,4]
  return %y
}
"""
MASKS = ["f32[5,7]", "f32[1,1,2,5,7]", "f32[2,3,1,5,7]", "f32[2,1,2,5,7]"]


@pytest.mark.parametrize("mask", MASKS)
def test_several_dimensions_of_batches_are_one(mask):
    module = load_text(BATCHES.replace("MASK", mask))
    compare(module)
    # One mask for some of the batches would have to be repeated.
    assert ("dot_product_attention" in keras_code(module).text) is (mask != MASKS[-1])


HALVES = """
func @main(%x: f32[2,3,4]) -> (f16[2,4,3], f16[2,12]) {
  %h = tensor.cast(%x) {dtype = #f16} : f16[2,3,4]
  %t = tensor.transpose(%h) {perm = [0, 2, 1]} : f16[2,4,3]
  %r = tensor.reshape(%h) {shape = [2, 12]} : f16[2,12]
  return %t, %r
}
"""


def test_layers_of_other_floats_are_functions():
    module = load_text(HALVES)
    keras_run.compare(module)
    assert "layers." not in keras_run.keras_code(module).text


def test_values_of_another_depth_are_multiplied():
    """If Keras's shape is right, they can go into its function."""
    import keras

    queries, values = keras.KerasTensor((2, 5, 2, 4)), keras.KerasTensor((2, 5, 2, 3))
    assert keras.ops.dot_product_attention(queries, queries, values).shape == (2, 5, 2, 4)
    module = load_text("""
func @main(%x: f32[2,2,5,4], %v: f32[2,2,5,3]) -> f32[2,10,3] {
  %a = nn.attention(%x, %x, %v) : f32[2,2,5,3]
  %y = tensor.reshape(%a) {shape = [2, 10, 3]} : f32[2,10,3]
  return %y
}
""")
    compare(module)
