"""Reflected borders in TFLite, whose own operation is slow: gathered where extents are fixed."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.backends.tflite.contents import Contents
from cmlc.compiler.driver import load_text
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module

PADS = {
    "sides": ("2,5,4,3", "0, 0, 1, 2, 3, 0, 0, 0", "2,8,7,3"),
    "widest": ("1,3,4", "0, 0, 2, 2, 3, 3", "1,7,10"),
    "first": ("3,2", "2, 1, 0, 0", "6,2"),
    "none": ("3,2", "0, 0, 0, 0", "3,2"),
    "open": ("N,3,4", "0, 0, 1, 1, 0, 2", "N,5,6"),
}


def text(name, mode="reflect"):
    given, pad, made = PADS[name]
    return f"""
func @{name}(%x: f32[{given}]) -> ("y": f32[{made}]) {{
  %y = tensor.pad(%x) {{pad = [{pad}], mode = "{mode}"}} : f32[{made}]
  return %y
}}"""


def lowered(module):
    copy, target = clone_module(module), load_target("tflite")
    target.lower(copy)
    return copy


@pytest.mark.parametrize("name", PADS)
def test_fixed_extents_are_gathered(name):
    assert all(op.name != "tf.pad" for op in lowered(load_text(text(name))).walk())


def test_open_ones_are_left_to_the_library():
    module = load_text(
        """func @f(%x: f32[2,N]) -> ("y": f32[2,N+2]) {
          %y = tensor.pad(%x) {pad = [0, 0, 1, 1], mode = "reflect"} : f32[2,N+2]
          return %y
        }"""
    )
    assert any(op.name == "tf.pad" for op in lowered(module).walk())


@pytest.mark.slow
def test_numbers_are_those_of_the_interpreter():
    module = load_text("\n".join(text(name) for name in PADS if name != "open"))
    content = Contents(load_target("tflite").executable(lowered(module)).convert())
    for name, function in module.functions.items():
        given = random_inputs(function, 0)
        signature = "serving_default" if name == module.main.name else name
        found = content.run(given, signature)["y"]
        np.testing.assert_array_equal(found, run(module, given, name)["y"], err_msg=name)
