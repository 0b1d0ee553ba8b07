"""Pooling in three dimensions in TFLite, which has it in two: the interpreter's numbers."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.backends.tflite.contents import Contents
from cmlc.compiler.driver import load_text
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module

pytestmark = pytest.mark.slow

# Along channels alone (local response normalization), with strides, with padding of each kind.
KERNELS = {
    "mean": "nn.avg_pool(%x) {kernel_sizes = [3, 1, 1]",
    "mean_of_all": "nn.avg_pool(%x) {kernel_sizes = [2, 3, 2], strides = [2, 1, 2]",
    "mean_inside": "nn.avg_pool(%x) {kernel_sizes = [3, 2, 3], pad_type = #same, "
    "exclude_padding_from_average = true",
    "mean_padded": "nn.avg_pool(%x) {kernel_sizes = [3, 2, 3], pad_type = #same",
    "largest": "nn.max_pool(%x) {kernel_sizes = [2, 2, 3], strides = [1, 2, 1], pad_type = #same",
    "length": "nn.l2_pool(%x) {kernel_sizes = [2, 2, 2]",
}
SIZES = {
    "mean": "4,5,4",
    "mean_of_all": "3,3,2",
    "mean_inside": "6,5,4",
    "mean_padded": "6,5,4",
    "largest": "6,3,4",
    "length": "5,4,3",
}


def text(name):
    kind = f"f32[2,{SIZES[name]},3]"
    return f"""
func @{name}(%x: f32[2,6,5,4,3]) -> ("y": {kind}) {{
  %y = {KERNELS[name]}, layout = #channels_last}} : {kind}
  return %y
}}"""


def test_windows_in_three_dimensions():
    module = load_text("\n".join(map(text, KERNELS)))
    lowered, target = clone_module(module), load_target("tflite")
    target.lower(lowered)
    content = Contents(target.executable(lowered).convert())
    for name in KERNELS:
        given = random_inputs(module.functions[name], 0)
        signature = "serving_default" if name == module.main.name else name
        expected = run(module, given, name)["y"]
        found = content.run(given, signature)["y"]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=name)
