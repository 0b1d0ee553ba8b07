"""Flexible models that compile for one shape at a time: predictions, signatures, what is told."""

import json

import cmlc
import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.tools import cmlc as cmlc_command
from support.networks.builders import (
    RGB,
    add_image,
    assert_close,
    assert_refused,
    imported,
    layer,
    network,
    numbers,
)

WIDER = layer("upsample", mode=1, scalingFactor=[2, 2])
WEIGHTS = {"weights": numbers(2, 1, 3, 3), "outputChannels": 2, "kernelChannels": 1}
CONV = layer("convolution", **WEIGHTS, kernelSize=[3, 3], same={})


def ranged(*layers):
    made = network(*layers, x=(1, 1, 4, 4))
    ranges = made.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 1), (1, 1), (4, 8), (4, 8)):
        ranges.add(lowerBound=low, upperBound=high)
    return made


def listed(*layers):
    made = network(*layers, x=(1, 1, 4, 4))
    shapes = made.description.input[0].type.multiArrayType.enumeratedShapes.shapes
    for height, width in ((4, 4), (4, 6), (8, 8)):
        shapes.add().shape.extend((1, 1, height, width))
    return made


def picture():
    made = network(layer("upsample", ["x"], mode=1, scalingFactor=[2, 2]))
    add_image(made.description.input, "x", RGB)
    size = made.description.input[0].type.imageType.imageSizeRange
    for limits in (size.heightRange, size.widthRange):
        limits.lowerBound, limits.upperBound = 2, 8
    return made


def fixed(*layers, shape):
    return cmlc.compile(network(*layers, x=shape))


@pytest.mark.parametrize("make", [ranged, listed])
def test_a_model_is_compiled_for_the_shape_that_it_is_given(make):
    model = cmlc.compile(make(WIDER))
    assert "upsample" in model.module.attributes["fixed_shapes"]
    for sizes in ((4, 4), (4, 6), (8, 8)):
        x = numbers(1, 1, *sizes)
        expected = fixed(WIDER, shape=x.shape).interpret({"x": x})["y"]
        assert expected.shape == (1, 1, 2 * sizes[0], 2 * sizes[1])
        assert_close(model.interpret({"x": x})["y"], expected)


def test_shapes_that_the_model_does_not_allow_stay_refused():
    for make, allowed in ((ranged, "[1, 1, 4..8, 4..8]"), (listed, "one of [1, 1, 4, 4], ")):
        with pytest.raises(CompileError) as caught:
            cmlc.compile(make(WIDER)).interpret({"x": numbers(1, 1, 4, 9)})
        assert f"has shape [1, 1, 4, 9], expected f32[1,1,4,4]; the model allows {allowed}" in str(
            caught.value
        )


def test_the_default_shapes_stay_the_only_ones_on_request():
    with pytest.raises(CompileError, match="the model allows"):
        cmlc.compile(ranged(WIDER), fixed_shapes=True).interpret({"x": numbers(1, 1, 4, 8)})


def test_images_of_several_sizes():
    model = cmlc.compile(picture())
    for height, width in ((2, 3), (3, 8)):
        x = np.arange(3 * height * width, dtype=np.uint8).reshape(height, width, 3)
        found = model.interpret({"x": x})["y"]
        assert np.squeeze(found).shape == (3, 2 * height, 2 * width)
    with pytest.raises(CompileError, match=r"the model allows \[2..8, 2..8\]"):
        model.interpret({"x": np.zeros((9, 2, 3), np.uint8)})


@pytest.mark.slow
def test_a_list_of_entries_of_several_shapes():
    model = cmlc.compile(ranged(WIDER))
    entries = [{"x": numbers(1, 1, 4, width)} for width in (4, 6, 4)]
    found = [entry["y"].shape for entry in model.predict(entries)]
    assert found == [(1, 1, 8, 8), (1, 1, 8, 12), (1, 1, 8, 8)]


def test_a_shape_is_chosen():
    module = imported(ranged(WIDER), shapes={"x": (1, 1, 6, 8)})
    assert str(module.main.arguments[0].type) == "f32[1,1,6,8]"
    assert "fixed_shapes" not in module.attributes
    module = imported(picture(), shapes={"x": (3, 5)})
    assert str(module.main.arguments[0].type) == "u8[N,3,5,3]"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 6, 9), "the shape ['1', '1', '6', '9'] is not one that the model allows"),
        ((1, 1, "H", 8), "the shape ['1', '1', 'H', '8'] is not one that the model allows"),
    ],
)
def test_a_chosen_shape_that_the_model_does_not_allow(shape, message):
    assert_refused(ranged(WIDER), message, kind="usage", shapes={"x": shape})


@pytest.mark.slow
def test_listed_shapes_are_signatures_that_share_weights(tmp_path):
    import tensorflow as tf

    model = cmlc.compile(listed(CONV, WIDER))
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    names = {"serving_default": (4, 4), "main_1x1x4x6": (4, 6), "main_1x1x8x8": (8, 8)}
    assert set(loaded.signatures) == set(names)
    for name, sizes in names.items():
        x = numbers(1, 1, *sizes)
        found = loaded.signatures[name](x=tf.constant(x))["y"]
        np.testing.assert_allclose(found, model.interpret({"x": x})["y"], rtol=1e-4, atol=1e-5)
    assert len(loaded.weights) == 1


@pytest.mark.slow
def test_the_summary_names_the_shapes(tmp_path, capsys):
    (tmp_path / "m.mlmodel").write_bytes(listed(WIDER).SerializeToString())
    written = [str(tmp_path / "m.mlmodel"), "-o", str(tmp_path / "made")]
    assert cmlc_command.main(written) == 0
    told = capsys.readouterr().out
    assert "x only as f32[1,1,4,4] or f32[1,1,4,6] or f32[1,1,8,8], because of" in told
    assert cmlc_command.main([*written, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shapes"] == {"x": ["f32[1,1,4,4]", "f32[1,1,4,6]", "f32[1,1,8,8]"]}
