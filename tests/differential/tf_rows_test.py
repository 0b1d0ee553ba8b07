"""What TensorFlow makes of products and convolutions: its graph optimizer fuses them."""

from pathlib import Path

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.ir.interpret import random_inputs
from cmlc.ir.text.parser import parse
from cmlc.passes.manager import parse_pipeline
from cmlc.tools.cases import parsed, read_cases
from support.running.optimized import optimized
from support.running.tensorflow_run import assert_close, compare

pytestmark = pytest.mark.slow
FILE = Path(__file__).parents[1] / "passes/flatten_rows_tf.cmir"
CASES = {case.name: case for case in read_cases(FILE.read_text())}

MLP = """
func @main(%x: f32[{leading},8]) -> f32[{leading},8] {{
  %w = const {{value = resource<"w">}} : f32[32,8]
  %b = const {{value = resource<"b">}} : f32[32]
  %v = const {{value = resource<"v">}} : f32[8,32]
  %c = const {{value = resource<"c">}} : f32[8]
  %h = nn.linear(%x, %w, %b) : f32[{leading},32]
  %r = nn.{activation}(%h) : f32[{leading},32]
  %y = nn.linear(%r, %v, %c) : f32[{leading},8]
  return %y
}}
resources {{
  "w" : f32[32,8] = random(1)
  "b" : f32[32] = random(2)
  "v" : f32[8,32] = random(3)
  "c" : f32[8] = random(4)
}}
"""


def mlp(leading, activation):
    return parse(MLP.format(leading=leading, activation=activation))


@pytest.mark.parametrize("name", CASES)
def test_the_pass_keeps_the_numbers(name):
    target = load_target("tf")
    before, after = parsed(CASES[name]), parsed(CASES[name])
    parse_pipeline(CASES[name].run).run(after)
    inputs = random_inputs(before.main, 0, N=3)
    theirs = target.executable(after).run(inputs)
    for result, array in target.executable(before).run(inputs).items():
        assert_close(array, theirs[result], f"result '{result}'")


@pytest.mark.parametrize("leading", ["2,3,5", "N,4", "N,M", "N,M,2", "1"])
def test_rows_of_any_shape(leading):
    compare(mlp(leading, "relu"), N=(2, 3), M=5)


@pytest.mark.parametrize("leading", ["N,0", "0,N", "2,0"])
def test_no_rows(leading):
    shape = [2 if size == "N" else int(size) for size in leading.split(",")]
    compare(mlp(leading, "relu"), {"x": np.zeros((*shape, 8), np.float32)})


@pytest.mark.parametrize("leading", ["2,3,5", "N,4", "N,M"])
@pytest.mark.parametrize("activation", ["Relu", "Relu6", "Elu"])
def test_biases_and_activations_are_fused(leading, activation):
    found = optimized(mlp(leading, activation.lower()), N=2, M=3)
    fused = ["_FusedMatMul:BiasAdd", f"_FusedMatMul:BiasAdd,{activation}"]
    assert [found[name] for name in fused] == [1, 1]
    assert found.keys().isdisjoint(["BatchMatMulV2", "MatMul", "BiasAdd", activation]), found


@pytest.mark.parametrize("mode", ["exact", "tanh_approximation"])
def test_one_reshape_on_each_side(mode):
    """None stands between the products, where gelu is made of several operations."""
    text = MLP.format(leading="2,3,5", activation="gelu")
    module = parse(text.replace("(%h)", f'(%h) {{mode = "{mode}"}}'))
    found = optimized(module)
    assert found["_FusedMatMul:BiasAdd"] == 2
    assert found["Reshape"] == 2


CONVOLUTION = """
func @main(%x: f32[N,6,6,3]) -> f32[N,6,6,4] {{
  %w = const {{value = resource<"w">}} : f32[3,3,3,4]
  %b = const {{value = resource<"b">}} : f32[4]
  %y = nn.conv(%x, %w, %b) {{pad_type = #same, layout = #channels_last}} : f32[N,6,6,4]
  %z = nn.{activation} : f32[N,6,6,4]
  return %z
}}
resources {{
  "w" : f32[3,3,3,4] = random(1)
  "b" : f32[4] = random(2)
}}
"""


@pytest.mark.parametrize(
    ("activation", "fused"),
    [
        ("relu(%y)", "Relu"),
        ("relu6(%y)", "Relu6"),
        ("elu(%y)", "Elu"),
        ("leaky_relu(%y) {alpha = 0.1}", "LeakyRelu"),
    ],
)
def test_convolutions_are_fused(activation, fused):
    found = optimized(parse(CONVOLUTION.format(activation=activation)), N=2)
    assert found == {f"_FusedConv2D:BiasAdd,{fused}": 1}
