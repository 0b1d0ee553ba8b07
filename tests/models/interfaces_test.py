"""What programs take and give besides plain arrays, through SavedModels in a fresh process."""

import cmlc
import numpy as np
import pytest
from PIL import Image
from support.mil.programs import FP16, FP32, fill_type, op, program
from support.networks.builders import GRAY_FLOAT16, add_image, numbers
from support.running.saved_models import assert_agrees, run_saved, save

pytestmark = pytest.mark.slow

SHAPES = ((1, 4), (3, 4), (6, 4))


def gray_picture():
    """Halves an image of 2 × 3 pixels of float16."""
    half = op("mul", "y", (1, 1, 2, 3), FP16, x="x", y=np.float16(0.5))
    model = program(half, opset=16, dtypes={"x": FP16}, x=(1, 1, 2, 3))
    for features, name in ((model.description.input, "x"), (model.description.output, "y")):
        del features[:]
        add_image(features, name, GRAY_FLOAT16)
    return model


def centered():
    """Rows less their mean, of any of the listed shapes."""
    mean = op("reduce_mean", "m", (1, 4), x="x", axes=[0], keep_dims=True)
    model = program(mean, op("sub", "y", (None, 4), x="x", y="m"), opset=16, x=SHAPES[1])
    given = model.mlProgram.functions["main"].inputs[0].type
    given.Clear()
    fill_type(given, (None, 4), FP32)
    listed = model.description.input[0].type.multiArrayType.enumeratedShapes.shapes
    for shape in SHAPES:
        listed.add().shape.extend(shape)
    return model


def shifted():
    """x + b, where b may be left out."""
    model = program(op("add", "y", (3,), x="x", y="b"), opset=16, x=(3,), b=(3,))
    model.description.input[1].type.isOptional = True
    model.description.input[1].type.multiArrayType.floatDefaultValue = 2.5
    return model


MODELS = {
    **{f"picture-{p}": (gray_picture, {"precision": p}) for p in ("float32", "keep")},
    "centered": (centered, {}),
    "shifted": (shifted, {}),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(folder, compiled models by name), all saved and run once."""
    folder = tmp_path_factory.mktemp("saved")
    made = {name: cmlc.compile(make(), **choices) for name, (make, choices) in MODELS.items()}
    for name, model in made.items():
        save(model, folder, name)
    run_saved(folder)
    return folder, made


@pytest.mark.parametrize("name", MODELS)
def test_agrees_with_the_interpreter_after_saving(models, name):
    folder, made = models
    assert_agrees(made[name], folder, name)


@pytest.mark.parametrize("precision", ["float32", "keep"])
def test_gray_images_of_float16(models, precision):
    _, made = models
    model = made[f"picture-{precision}"]
    pixels = np.float32([[0, 1, 300], [0.25, -7, 1000]])
    found = model.predict({"x": Image.fromarray(pixels)})["y"]
    assert (found.mode, found.size) == ("F", (3, 2))
    np.testing.assert_array_equal(np.asarray(found), pixels / 2)
    (argument,) = model.function.arguments
    assert [str(v.type) for v in (argument, *model.function.results)] == ["f16[N,2,3,1]"] * 2


def test_listed_shapes(models):
    import tensorflow as tf

    folder, made = models
    loaded = tf.saved_model.load(str(folder / "centered")).signatures["serving_default"]
    for shape in SHAPES:
        x = numbers(*shape)
        for found in (made["centered"].predict({"x": x})["y"], loaded(x=tf.constant(x))["y"]):
            np.testing.assert_allclose(found, x - x.mean(0), atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"has shape \[2, 4\], expected"):
        loaded(x=tf.zeros((2, 4)))
    with pytest.raises(cmlc.CompileError, match=r"has shape \[2, 4\], expected"):
        made["centered"].predict({"x": numbers(2, 4)})


def test_an_optional_input_has_the_default_that_is_described(models):
    """Servers take it from the signature."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    folder, made = models
    assert made["shifted"].predict({"x": [1, 2, 3]})["y"].tolist() == [3.5, 4.5, 5.5]
    assert made["shifted"].predict({"x": [1, 2, 3], "b": [1, 1, 1]})["y"].tolist() == [2, 3, 4]
    data = (folder / "shifted/saved_model.pb").read_bytes()
    message = saved_model_pb2.SavedModel.FromString(data)
    defaults = message.meta_graphs[0].signature_def["serving_default"].defaults
    assert {name: tf.make_ndarray(value).tolist() for name, value in defaults.items()} == {
        "b": [2.5, 2.5, 2.5]
    }
