"""Which weights are one variable: what the model stores once, not what happens to be equal."""

import cmlc
import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.compiler.driver import load_text
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.text.archive import read_archive, write_archive
from support.networks.builders import layer, network, numbers

pytestmark = pytest.mark.slow


def dense(name, given, made, seed):
    weight, bias = numbers(3, 3, seed=seed), np.array([1, 2, 3], np.float32)
    counts = {"inputChannels": 3, "outputChannels": 3, "hasBias": True}
    return layer("innerProduct", [given], [made], name, **counts, weights=weight, bias=bias)


def two_layers():
    """Two layers whose biases are equal."""
    return network(dense("a", "x", "h", 1), dense("b", "h", "y", 2), outputs=["y"], x=(3,))


def variables(source):
    model = cmlc.compile(source)
    return {name: value.shape.as_list() for name, value in model.executable.variables.items()}


def test_equal_biases_of_two_layers_are_two():
    assert set(variables(two_layers())) == {"a.weight", "a.bias", "b.weight", "b.bias"}


def test_they_stay_two_in_text(tmp_path):
    write_archive(cmlc.load(two_layers()), tmp_path / "m.cmir")
    again = read_archive(tmp_path / "m.cmir")
    assert set(variables(again)) == {"a.weight", "a.bias", "b.weight", "b.bias"}


def test_equal_biases_are_trained_apart():
    import tensorflow as tf

    executable = cmlc.compile(two_layers()).executable
    variables, graph = executable.variables, executable.graph("main")
    with tf.GradientTape() as tape:
        tape.watch(list(variables.values()))
        loss = tf.reduce_sum(graph(x=tf.constant([1.0, 2.0, 3.0]))["y"])
    first, second = tape.gradient(loss, [variables["a.bias"], variables["b.bias"]])
    np.testing.assert_allclose(second, [1, 1, 1])
    assert not np.allclose(first, second)


def test_keras_layers_have_their_own():
    lowered = Stages(two_layers(), Options(target="keras")).lowered
    model = load_target("keras").executable(lowered).model
    assert [len(model.get_layer(name).weights) for name in ("a", "b")] == [2, 2]


TIED = """
func @main(%i: i32[4]) -> ("y": f32[4,6]) {
  %table = const {value = resource<"embedding.weight">} : f32[6,5]
  %again = const {value = resource<"embedding.weight">} : f32[6,5]
  %x = tensor.gather(%table, %i) {axis = 0} : f32[4,5]
  %y = nn.linear(%x, %again) : f32[4,6]
  return %y
}
resources {
  "embedding.weight" : f32[6,5] = random(3)
}
"""


def assert_right(model, **inputs):
    found, expected = model.predict(inputs), model.interpret(inputs)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6)


def test_a_tied_embedding_is_one():
    model = cmlc.compile(load_text(TIED))
    assert {n: v.shape.as_list() for n, v in model.executable.variables.items()} == {
        "embedding.weight": [6, 5]
    }
    assert_right(model, i=np.array([0, 5, 2, 2], np.int32))


def test_entries_of_equal_numbers_are_two():
    first, last = 'resource<"embedding.weight">} : f32[6,5]\n  %x', "= random(3)\n}"
    text = TIED.replace(first, first.replace("embedding", "head"))
    text = text.replace(last, f'= random(3)\n  "head.weight" : f32[6,5] {last}')
    assert set(variables(load_text(text))) == {"embedding.weight", "head.weight"}


LAYOUTS = """
func @main(%x: f32[4,5], %z: f32[4,5]) -> ("y": f32[4,5], "w": f32[4,5]) {
  %a = const {value = resource<"square.weight">} : f32[5,5]
  %y = nn.linear(%x, %a) : f32[4,5]
  %t = tensor.transpose(%a) {perm = [1, 0]} : f32[5,5]
  %r = tensor.reshape(%t) {shape = [1, 25]} : f32[1,25]
  %s = tensor.reduce_sum(%r) {axes = [1]} : f32[1]
  %w = tensor.add(%z, %s) : f32[4,5]
  %v = nn.linear(%w, %t) : f32[4,5]
  return %y, %v
}
resources {
  "square.weight" : f32[5,5] = random(3)
}
"""


def test_one_weight_in_several_layouts_is_one():
    model = cmlc.compile(load_text(LAYOUTS), passes="")
    assert "square.weight" in model.executable.variables
    assert_right(model, x=numbers(4, 5).astype(np.float32), z=numbers(4, 5).astype(np.float32))


TWICE = """
func @main(%x: f32[1,4,6,6], %z: f32[1,4,6,6]) -> ("y": f32[1,4,6,6], "w": f32[1,4,6,6]) {
  %y = call(%x) {callee = "block"} : f32[1,4,6,6]
  %w = call(%z) {callee = "block"} : f32[1,4,6,6]
  return %y, %w
}
func private @block(%x: f32[1,4,6,6]) -> f32[1,4,6,6] {
  %w = const {value = resource<"conv.weight">} : f32[4,4,3,3]
  %b = const {value = resource<"conv.bias">} : f32[4]
  %m = const {value = resource<"bn.mean">} : f32[4]
  %v = const {value = resource<"bn.variance">} : f32[4]
  %y = nn.conv(%x, %w, %b) {pad_type = #same} : f32[1,4,6,6]
  %n = nn.batch_norm(%y, %m, %v, %v, %m) {axis = 1} : f32[1,4,6,6]
  return %n
}
resources {
  "conv.weight" : f32[4,4,3,3] = random(1)
  "conv.bias" : f32[4] = random(2)
  "bn.mean" : f32[4] = random(3)
  "bn.variance" : f32[4] = splat(2.0)
}
"""


def test_a_layer_that_is_used_twice_stays_one_when_it_is_folded():
    model = cmlc.compile(load_text(TWICE))
    assert set(model.executable.variables) == {"conv.weight", "conv.bias"}
    x = numbers(1, 4, 6, 6).astype(np.float32)
    assert_right(model, x=x, z=-x)
