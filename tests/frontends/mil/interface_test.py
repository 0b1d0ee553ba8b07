"""Inputs and outputs of programs: images, flexible shapes, types at the border."""

import json

import cmlc
import numpy as np
import pytest
from cmlc.compiler.description import describe
from cmlc.ir.diagnostics import CompileError
from support.mil.programs import (
    FP16,
    FP32,
    assert_refused,
    fill_type,
    imported,
    op,
    program,
    result,
)
from support.networks.builders import BGR, add_image


def pictures(color, *, out=False):
    """A program that doubles the pixels of an image of 2 × 3."""
    model = program(op("mul", "y", (1, 3, 2, 3), x="x", y=np.float32(2)), x=(1, 3, 2, 3))
    del model.description.input[:]
    add_image(model.description.input, "x", color)
    if out:
        del model.description.output[:]
        add_image(model.description.output, "y", color)
    return model


PIXELS = np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3)


def test_images_are_channels_last_bytes():
    assert str(imported(pictures(BGR)).main.arguments[0].type) == "u8[1,2,3,3]"
    found = result(pictures(BGR), PIXELS)
    np.testing.assert_array_equal(found, 2 * PIXELS[..., ::-1].transpose(0, 3, 1, 2))


def test_image_outputs():
    found = result(pictures(BGR, out=True), PIXELS * 10)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.minimum(PIXELS.astype(int) * 20, 255))


def test_flexible_shapes():
    model = program(op("add", "y", (None, 3), x="x", y="x"), x=(2, 3))
    function = model.mlProgram.functions["main"]
    function.inputs[0].type.Clear()
    fill_type(function.inputs[0].type, (None, 3), FP32)
    ranges = model.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 8), (3, 3)):
        ranges.add(lowerBound=low, upperBound=high)
    assert str(imported(model).main.arguments[0].type) == "f32[d_x_0,3]"
    for count in (1, 8):
        x = np.ones((count, 3), np.float32)
        np.testing.assert_array_equal(result(model, x), 2 * x)
    with pytest.raises(CompileError, match=r"expected \[1\.\.8, 3\]"):
        result(model, np.ones((9, 3)))
    fixed = imported(model, fixed_shapes=True)
    assert str(fixed.main.arguments[0].type) == "f32[2,3]"


def test_half_precision_images():
    model = pictures(BGR)
    function = model.mlProgram.functions["main"]
    function.inputs[0].type.tensorType.dataType = FP16
    block = function.block_specializations["CoreML5"]
    block.operations[0].outputs[0].type.tensorType.dataType = FP16
    np.testing.assert_array_equal(
        result(model, PIXELS), 2 * PIXELS[..., ::-1].transpose(0, 3, 1, 2)
    )


def test_inputs_of_other_kinds():
    model = program(op("add", "y", (3,), x="x", y="x"), x=(3,))
    model.description.input[0].type.stringType.SetInParent()
    assert_refused(model, "input 'x'", "a string input can't feed a program", kind="unsupported")
    sequence = model.description.input[0].type.sequenceType
    sequence.int64Type.SetInParent()
    sequence.sizeRange.upperBound = 4
    assert_refused(model, "input 'x'", "a sequence input can't feed a program", kind="unsupported")


def test_outputs_of_other_kinds():
    model = program(op("add", "y", (3,), x="x", y="x"), x=(3,))
    model.description.output[0].type.doubleType.SetInParent()
    assert_refused(model, "output 'y'", "a double output is not supported", kind="unsupported")


def half_program():
    half = op("cast", "h", (2,), FP16, x="x", dtype="fp16")
    product = op("mul", "m", (2,), FP16, x="h", y=np.float16(3))
    return program(half, product, op("cast", "y", (2,), x="m", dtype="fp32"), x=(2,))


@pytest.mark.parametrize(("precision", "dtype"), [("float32", "f32"), ("keep", "f16")])
def test_precision(precision, dtype):
    compiled = cmlc.compile(half_program(), precision=precision)
    assert describe(compiled.lowered)["precision"] == precision
    (product,) = (op for op in compiled.optimized.main.block if op.name == "tensor.mul")
    assert product.result.type.dtype.value == dtype


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "keep"])
def test_a_saved_model_says_its_precision(tmp_path, precision):
    cmlc.compile(half_program(), precision=precision).write(tmp_path / "saved")
    described = json.loads((tmp_path / "saved" / "assets.extra" / "cmlc.json").read_text())
    assert described["precision"] == precision
