"""Group normalization as converters write it: split channels, a norm, joined channels, a scale."""

import re

import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from support.running.keras_run import compare, keras_code

pytestmark = pytest.mark.slow
NUMBERS = "[1.5, -0.5, 2.0, 0.25, 3.0, 1.0]"
STATISTICS = """
  %mean = const {value = dense<[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]>} : f32[6]
  %variance = const {value = dense<[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]>} : f32[6]"""


def module(shape, split, axes, axis, scaled):
    """A norm of x with six channels, two groups of them."""
    x, apart = (f"f32[{', '.join(map(str, dims))}]" for dims in (shape, split))
    names = ", ".join("1" if i != axis else "6" for i in range(1, len(shape)))
    if scaled == "batch norm":
        head = f"""{STATISTICS}
  %gamma = const {{value = dense<{NUMBERS}>}} : f32[6]
  %beta = const {{value = dense<{NUMBERS}>}} : f32[6]"""
        tail = f"%y = nn.batch_norm(%r, %mean, %variance, %gamma, %beta) {{axis = {axis}}} : {x}"
    else:
        head = f"""
  %gamma = const {{value = resource<"gamma">}} : f32[{names}]
  %beta = const {{value = resource<"beta">}} : f32[{names}]"""
        tail = f"%m = tensor.mul(%r, %gamma) : {x}\n  %y = tensor.add(%m, %beta) : {x}"
    text = f"""
func @main(%x: {x}) -> {x} {{{head}
  %s = tensor.reshape(%x) {{shape = [{", ".join(map(str, split))}]}} : {apart}
  %n = nn.mean_variance_norm(%s) {{axes = {axes}, epsilon = 1e-03}} : {apart}
  %r = tensor.reshape(%n) {{shape = [{", ".join(map(str, shape))}]}} : {x}
  {tail}
  return %y
}}
resources {{
  "gamma" : f32[{names}] = random(1)
  "beta" : f32[{names}] = random(2)
}}
"""
    return load_text(text)


LAST = ((2, 4, 5, 6), (2, 4, 5, 2, 3), [4, 1, 2], 3)
FIRST = ((2, 6, 4, 5), (2, 2, 3, 4, 5), [2, 3, 4], 1)
LINE = ((2, 6, 4), (2, 2, 3, 4), [2, 3], 1)
OPEN = (("N", 4, 5, 6), ("N", 4, 5, 2, 3), [1, 2, 4], 3)


@pytest.mark.parametrize("scaled", ["batch norm", "product and sum"])
@pytest.mark.parametrize("norm", [LAST, FIRST, LINE, OPEN], ids=["last", "first", "line", "open"])
def test_is_one_layer(norm, scaled):
    made = module(*norm, scaled)
    compare(made, N=(1, 3))
    code = keras_code(made)
    assert re.search(r"layers\.GroupNormalization\(\s*groups=2,", code.text)
    assert ("axis=1" in code.text) is (norm[3] == 1)
    assert code.text.count("layers.") == 1
    assert "ops." not in code.text
    assert [weight.shape for weight in code.model.trainable_variables] == [(6,), (6,)]


def test_trains_as_it_infers():
    import keras

    model = keras_code(module(*LAST, "batch norm")).model
    x = np.random.default_rng(0).normal(3, 2, (2, 4, 5, 6)).astype(np.float32)
    results = [model(x, training=training) for training in (False, True)]
    inferred, trained = map(keras.ops.convert_to_numpy, results)
    assert np.array_equal(inferred, trained)


NOT = {
    "of each pixel": ((2, 4, 5, 6), (2, 4, 5, 2, 3), [4], 3),
    "over groups, too": ((2, 4, 5, 6), (2, 4, 5, 2, 3), [1, 2, 3, 4], 3),
    "of pixels that are split": ((2, 4, 6, 6), (2, 4, 2, 3, 6), [1, 3, 4], 3),
    "over entries": ((2, 4, 5, 6), (2, 4, 5, 2, 3), [0, 1, 2, 4], 3),
}


@pytest.mark.parametrize("what", NOT)
def test_other_norms_stay_apart(what):
    made = module(*NOT[what], "batch norm")
    compare(made)
    assert "GroupNormalization" not in keras_code(made).text


ALONG = """
func @main(%x: f32[2,6,5]) -> (f32[2,6,5], f32[5,6,2]) {
  %g = const {value = resource<"g">} : f32[6,1]
  %b = const {value = resource<"b">} : f32[1,6,1]
  %n = nn.mean_variance_norm(%x) {axes = [1], epsilon = 1e-03} : f32[2,6,5]
  %m = tensor.mul(%n, %g) : f32[2,6,5]
  %y = tensor.add(%m, %b) : f32[2,6,5]
  %o = nn.mean_variance_norm(%x) {axes = [0], epsilon = 1e-03} : f32[2,6,5]
  %z = tensor.transpose(%o) {perm = [2, 1, 0]} : f32[5,6,2]
  return %y, %z
}
resources {
  "g" : f32[6,1] = random(1)
  "b" : f32[1,6,1] = random(2)
}
"""


def test_norms_along_any_dimension_are_layer_norms():
    compare(load_text(ALONG))
    code = keras_code(load_text(ALONG))
    assert code.text.count("layers.LayerNormalization(") == 2
    assert "ops.sqrt" not in code.text
    assert [weight.shape for weight in code.model.trainable_variables] == [(6,), (6,)]


def test_groups_that_stay_apart_are_not_joined():
    text = """
func @main(%x: f32[2,4,5,6]) -> (f32[2,4,5,2,3], f32[2,4,5,6]) {
  %s = tensor.reshape(%x) {shape = [2, 4, 5, 2, 3]} : f32[2,4,5,2,3]
  %n = nn.mean_variance_norm(%s) {axes = [1, 2, 4]} : f32[2,4,5,2,3]
  %r = tensor.reshape(%n) {shape = [2, 4, 5, 6]} : f32[2,4,5,6]
  return %n, %r
}
"""
    compare(load_text(text))
    assert "GroupNormalization" not in keras_code(load_text(text)).text
