"""Weights that a model shares stay shared in Keras code: after training, too."""

import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.interpret import run
from cmlc.ir.ssa import Module
from cmlc.ir.weights.resources import ArrayResource
from support.running.keras_run import keras_code
from support.running.tensorflow_run import assert_close

pytestmark = pytest.mark.slow

# Words of a table; the same table tells the next word.
TIED = """
func @main(%words: i32[N,3]) -> ("y": f32[N,3,16]) {
  %table = const {value = resource<"table">} : f32[16,4]
  %axis = tensor.gather(%table, %words) {axis = 0} : f32[N,3,4]
  %h = nn.gelu(%axis) : f32[N,3,4]
  %y = nn.linear(%h, %table) : f32[N,3,16]
  return %y
}
resources {
  "table" : f32[16,4] = random(1)
}
"""
# Two dense layers of one kernel and two biases; the biases are as small as numbers in code.
HALF = """
func @main(%x: f32[N,4]) -> ("y": f32[N,4]) {
  %w = const {value = resource<"w">} : f32[4,4]
  %b = const {value = resource<"b">} : f32[4]
  %c = const {value = resource<"c">} : f32[4]
  %h = nn.linear(%x, %w, %b) : f32[N,4]
  %a = nn.relu(%h) : f32[N,4]
  %y = nn.linear(%a, %w, %c) : f32[N,4]
  return %y
}
resources {
  "w" : f32[4,4] = random(1)
  "b" : f32[4] = random(2)
  "c" : f32[4] = random(3)
}
"""
# One layer on two inputs; the second dense layer has equal numbers, and is another one.
TWINS = """
func @main(%x: f32[N,4], %z: f32[N,4]) -> ("y": f32[N,3]) {
  %w = const {value = resource<"w">} : f32[3,4]
  %b = const {value = resource<"b">} : f32[3]
  %v = const {value = resource<"v">} : f32[3,3]
  %u = const {value = resource<"u">} : f32[3,3]
  %l = nn.linear(%x, %w, %b) : f32[N,3]
  %r = nn.linear(%z, %w, %b) : f32[N,3]
  %m = tensor.mul(%l, %r) : f32[N,3]
  %s = nn.linear(%m, %v) : f32[N,3]
  %n = tensor.sin(%s) : f32[N,3]
  %y = nn.linear(%n, %u) : f32[N,3]
  return %y
}
resources {
  "w" : f32[3,4] = random(1)
  "b" : f32[3] = random(2)
  "v" : f32[3,3] = random(3)
  "u" : f32[3,3] = random(3)
}
"""
# A batch normalization can't read its scale from elsewhere.
COPIED = """
func @main(%x: f32[N,16]) -> ("y": f32[N,16]) {
  %g = const {value = resource<"gain">} : f32[16]
  %b = const {value = resource<"shift">} : f32[16]
  %c = const {value = resource<"other">} : f32[16]
  %o = const {value = resource<"ones">} : f32[16]
  %s = nn.batch_norm(%x, %b, %o, %g, %b) : f32[N,16]
  %n = tensor.sin(%s) : f32[N,16]
  %y = nn.batch_norm(%n, %b, %o, %g, %c) : f32[N,16]
  return %y
}
resources {
  "gain" : f32[16] = random(1)
  "shift" : f32[16] = random(2)
  "other" : f32[16] = random(3)
  "ones" : f32[16] = splat(1.0)
}
"""


def inputs_of(module: Module):
    random = np.random.default_rng(0)
    return {
        value.name: random.integers(0, 16, (5, 3)).astype(np.int32)
        if value.name == "words"
        else random.standard_normal((5, value.type.shape[1])).astype(np.float32)
        for value in module.main.arguments
    }


def made(text):
    """(the executable, the inputs), whose numbers are the interpreter's."""
    module = load_text(text)
    executable, inputs = keras_code(module), inputs_of(module)
    assert_close(run(module, inputs)["y"], executable.run(inputs)["y"])
    return executable, inputs


def trained(executable, inputs):
    """Train a little; the weights by name."""
    model = executable.model
    model.compile("sgd", "mse", jit_compile=False)
    given = list(inputs.values())
    before = {weight.path: weight.numpy() for weight in model.trainable_weights}
    y = np.ones((5, *model.output_shape[1:]), np.float32)
    model.fit(given if given[1:] else given[0], y, epochs=2, verbose=0)
    after = {weight.path: weight.numpy() for weight in model.trainable_weights}
    assert all(np.any(before[path] != after[path]) for path in before)
    return after


def test_a_tied_embedding_is_one_weight():
    executable, inputs = made(TIED)
    after = trained(executable, inputs)
    assert [array.shape for array in after.values()] == [(16, 4)]
    (table,) = after.values()
    # The model still looks words up in what it multiplies with.
    module = load_text(TIED)
    constants = [op for op in module.walk() if isinstance(op, Constant)]
    constants[0].attributes["value"] = ArrayResource(table)
    assert_close(run(module, inputs)["y"], executable.run(inputs)["y"])
    assert executable.copies == {}


def test_layers_that_share_a_part_share_it():
    executable, inputs = made(HALF)
    assert sorted(array.shape for array in trained(executable, inputs).values()) == [
        (4,),
        (4,),
        (4, 4),
    ]


def test_a_layer_that_is_used_twice_is_one_layer_and_equal_ones_are_two():
    executable, inputs = made(TWINS)
    text = executable.text
    assert text.count("layers.Dense(") == 3
    after = trained(executable, inputs)
    assert sorted(array.shape for array in after.values()) == [(3,), (3, 3), (3, 3), (4, 3)]
    one, other = (array for array in after.values() if array.shape == (3, 3))
    assert np.any(one != other)


def test_what_keras_cannot_share_is_told():
    executable, _ = made(COPIED)
    both = ["bn_layer", "bn_layer_2"]
    assert executable.copies == {
        "gain": both,
        "shift": [both[0], both[0], both[1]],
    }  # both have ones as well, but equal constants are stored once, and ones say nothing
    head = " ".join(executable.text.split('"""')[1].split())
    assert "The model has the weight 'gain' once. Here bn_layer and bn_layer_2 have a copy" in head
    assert "training changes each copy by itself" in head


def test_files_keep_what_is_shared(tmp_path):
    import keras

    executable, inputs = made(TWINS)
    executable.model.save(tmp_path / "twins.keras")
    again = keras.models.load_model(tmp_path / "twins.keras")
    assert len(again.weights) == 4
    found = again([*inputs.values()])
    assert_close(executable.run(inputs)["y"], np.asarray(found))


# A converter stores the zeros and ones once, in which layers begin.
FRESH = """
func @main(%x: f32[N,4]) -> ("y": f32[N,4]) {
  %v = const {value = resource<"v">} : f32[4,4]
  %w = const {value = resource<"w">} : f32[4,4]
  %zeros = const {value = resource<"zeros">} : f32[4]
  %ones = const {value = resource<"ones">} : f32[4]
  %a = nn.linear(%x, %v, %zeros) : f32[N,4]
  %n = nn.mean_variance_norm(%a) {axes = [1]} : f32[N,4]
  %s = tensor.mul(%n, %ones) : f32[N,4]
  %t = tensor.add(%s, %zeros) : f32[N,4]
  %y = nn.linear(%t, %w, %zeros) : f32[N,4]
  return %y
}
resources {
  "v" : f32[4,4] = random(1)
  "w" : f32[4,4] = random(2)
  "zeros" : f32[4] = splat(0.0)
  "ones" : f32[4] = splat(1.0)
}
"""


def test_zeros_and_ones_are_nobodys():
    executable, inputs = made(FRESH)
    assert executable.copies == {}
    assert executable.text.count("layers.Dense(") == 2
    after = trained(executable, inputs)
    shapes = sorted(array.shape for array in after.values())
    assert shapes == [(4,), (4,), (4,), (4,), (4, 4), (4, 4)]
