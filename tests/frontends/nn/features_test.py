"""The interface: images, class labels, optional inputs, flexible shapes, the dynamic batch."""

import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.runtime import CompiledModel
from cmlc.compiler.stages import Stages
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import run
from cmlc.ir.types import DType
from support.networks.builders import (
    BGR,
    DOUBLE,
    GRAY,
    INT32,
    RGB,
    add_image,
    assert_close,
    assert_refused,
    imported,
    layer,
    network,
    numbers,
    photo,
    result,
    results,
)

PIXELS = np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3)


def compiled(model, batch):
    return CompiledModel(Stages(imported(model, batch=batch), Options(batch=batch)))


@pytest.mark.parametrize(("color", "order"), [(RGB, [0, 1, 2]), (BGR, [2, 1, 0])])
def test_images(color, order):
    module = imported(photo(color))
    (argument,) = module.main.arguments
    assert str(argument.type) == "u8[N,2,3,3]"
    assert module.main.inputs[0].kind == "image"
    expected = PIXELS[..., order].transpose(0, 3, 1, 2).astype(np.float32)
    assert_close(result(photo(color), PIXELS), expected)


@pytest.mark.parametrize(("color", "order"), [(RGB, [0, 1, 2]), (BGR, [2, 1, 0])])
def test_scale_and_bias_of_each_color(color, order):
    scaler = {"channelScale": 0.5, "redBias": 1.0, "greenBias": 2.0, "blueBias": 3.0}
    expected = (PIXELS * 0.5 + np.float32([1, 2, 3]))[..., order].transpose(0, 3, 1, 2)
    assert_close(result(photo(color, scaler=scaler), PIXELS), expected)


def declaring(model, *sizes):
    """The model, whose output declares a shape."""
    model.description.output[0].type.multiArrayType.shape.extend(sizes)
    return model


@pytest.mark.parametrize("sizes", [(3, 2, 3), (2, 3, 3), (18,), (1, 3, 2, 3), (1, 18)])
@pytest.mark.parametrize("batch", ["auto", "static"])
def test_a_declared_shape_is_given_if_as_many_elements_fit(sizes, batch):
    expected = PIXELS.transpose(0, 3, 1, 2).reshape(sizes)
    found = compiled(declaring(photo(), *sizes), batch).interpret({"image": PIXELS[0]})["y"]
    assert found.shape == sizes
    assert_close(found, expected)


@pytest.mark.parametrize("sizes", [(5,), (3, 2)])
def test_a_declared_shape_that_does_not_fit_does_not_count(sizes):
    found = compiled(declaring(photo(), *sizes), "auto").interpret({"image": PIXELS[0]})["y"]
    assert found.shape == (1, 3, 2, 3)


def test_a_declared_shape_of_a_batch():
    two = np.concatenate([PIXELS, PIXELS + 1])
    found = compiled(declaring(photo(), 2, 3, 3), "auto").interpret({"image": two})["y"]
    assert_close(found, two.transpose(0, 3, 1, 2).reshape(2, 2, 3, 3))


def test_a_declared_shape_of_arrays():
    model = declaring(network(layer("copy"), x=(1, 6)), 2, 3)
    assert_close(result(model, numbers(1, 6)), numbers(1, 6).reshape(2, 3))


def test_a_transposition_of_channels_and_pixels_keeps_an_images_batch():
    """coremltools.test.neural_network.test_model: make_image_input for [H, W, C]."""
    model = photo(RGB, layer("transpose", ["image"], ["y"], axes=[1, 2, 0]))
    assert_close(result(model, PIXELS), PIXELS)
    arrays = network(layer("transpose", axes=[1, 2, 0]), x=(1, 3, 2, 3))
    assert_refused(arrays, "is not a permutation of 4 dimensions")


def test_gray_images():
    scaler = {"channelScale": 2.0, "grayBias": -1.0}
    gray = PIXELS[..., :1]
    found = result(photo(GRAY, scaler=scaler), gray)
    assert_close(found, (gray * 2.0 - 1).transpose(0, 3, 1, 2))


def test_mean_images_are_in_the_networks_order():
    mean = numbers(3, 2, 3)
    found = result(photo(BGR, mean=mean), PIXELS)
    assert_close(found, PIXELS[..., ::-1].transpose(0, 3, 1, 2) - mean)


def test_mean_images_of_another_size():
    assert_refused(photo(RGB, mean=numbers(5)), "input 'image'", "its mean image has 5 values")


def test_image_outputs():
    model = photo(BGR, layer("add", ["image"], ["y"], alpha=250.4))
    del model.description.output[:]
    add_image(model.description.output, "y", BGR)
    found = result(model, PIXELS)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.clip(np.round(PIXELS + 250.4), 0, 255))


def test_image_outputs_that_are_none():
    model = network(layer("copy"), x=(1, 2, 4, 4))
    del model.description.output[:]
    add_image(model.description.output, "y", RGB)
    assert_refused(model, "output 'y'", "f32[1,2,4,4] is not an image in RGB")


@pytest.mark.parametrize("data_type", [DOUBLE, INT32])
def test_arrays_keep_their_dtype(data_type):
    model = network(layer("copy"), x=(2, 3))
    model.description.input[0].type.multiArrayType.dataType = data_type
    model.description.output[0].type.multiArrayType.dataType = data_type
    module = imported(model)
    dtype = DType.F64 if data_type == DOUBLE else DType.I32
    assert module.main.arguments[0].type.dtype is dtype
    assert module.main.results[0].type.dtype is dtype


def classifier(labels, rank5=False, layers=None, probabilities="scores", **fields):
    items = layers or (layer("softmaxND", outputs=["p"], axis=-1),)
    model = network(
        *items, rank5=rank5, outputs=[], kind="neuralNetworkClassifier", x=fields.pop("shape", (3,))
    )
    label, scores = (model.description.output.add(name=n) for n in ("label", probabilities))
    body = model.neuralNetworkClassifier
    if isinstance(labels[0], str):
        label.type.stringType.SetInParent()
        scores.type.dictionaryType.stringKeyType.SetInParent()
        body.stringClassLabels.vector.extend(labels)
    else:
        label.type.int64Type.SetInParent()
        scores.type.dictionaryType.int64KeyType.SetInParent()
        body.int64ClassLabels.vector.extend(labels)
    body.labelProbabilityLayerName = fields.get("layer", "p")
    model.description.predictedFeatureName = "label"
    model.description.predictedProbabilitiesName = probabilities
    return model


@pytest.mark.parametrize("labels", [["cat", "dog", "emu"], [7, 8, 9]])
@pytest.mark.parametrize("named", ["p", ""])
def test_classifiers(labels, named):
    model = classifier(labels, layer=named)
    found = results(model, np.float32([0, 2, 1]))
    assert found["label"].tolist() == labels[1]
    assert_close(found["scores"].sum(), 1.0)
    assert imported(model).main.classifier.class_labels == tuple(labels)


def test_classifiers_of_the_old_kind():
    found = results(
        classifier(["a", "b", "c"], rank5=True, layers=(layer("softmax", outputs=["p"]),)),
        np.float32([0, 1, 2]),
    )
    assert found["label"].tolist() == "c"
    assert found["scores"].shape == (3,)


def test_classifiers_with_another_number_of_classes():
    assert_refused(classifier(["a", "b"]), "is not one probability for each of 2 classes")


def test_classifiers_without_probabilities():
    model = classifier(["a", "b", "c"], layer="")
    del model.neuralNetworkClassifier.layers[:]
    assert_refused(model, "output 'scores'", "no layer makes probabilities")


def test_optional_inputs():
    model = network(layer("add"), x=(2,), z=(2,))
    feature = model.description.input[1]
    feature.type.isOptional = True
    feature.type.multiArrayType.floatDefaultValue = 1.5
    known = imported(model).main.inputs[1]
    assert known.optional
    assert known.default == 1.5


def flexible(model, *ranges):
    array = model.description.input[0].type.multiArrayType
    for low, high in ranges:
        array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    return model


def test_flexible_shapes():
    model = flexible(network(layer("activation", ReLU={}), x=(2, 3)), (1, 8), (3, 3))
    (argument,) = imported(model).main.arguments
    assert [isinstance(dim, int) for dim in argument.type.shape] == [False, True]
    for size in (1, 5):
        assert_close(result(model, -numbers(size, 3)), np.maximum(-numbers(size, 3), 0))


def test_enumerated_shapes():
    model = network(layer("activation", ReLU={}), x=(2, 3))
    array = model.description.input[0].type.multiArrayType
    for shape in ((2, 3), (4, 3)):
        array.enumeratedShapes.shapes.add().shape.extend(shape)
    module = imported(model)
    assert module.main.inputs[0].enumerated_shapes == ((2, 3), (4, 3))
    assert_close(result(model, numbers(4, 3)), np.maximum(numbers(4, 3), 0))


def refusal(model, *arrays):
    with pytest.raises(CompileError) as caught:
        results(model, *arrays)
    return str(caught.value)


def test_shapes_that_are_not_declared_are_refused_while_running():
    ranged = flexible(network(layer("activation", ReLU={}), x=(2, 3)), (2, 8), (1, -1))
    assert "input 'x' has shape [9, 3], expected [2..8, 1..]" in refusal(ranged, numbers(9, 3))
    listed = network(layer("activation", ReLU={}), x=(2, 3))
    array = listed.description.input[0].type.multiArrayType
    for shape in ((2, 3), (4, 5)):
        array.enumeratedShapes.shapes.add().shape.extend(shape)
    expected = "has shape [2, 5], expected one of [2, 3], [4, 5]"
    assert expected in refusal(listed, numbers(2, 5))


def test_images_of_sizes_that_are_not_declared():
    model = photo()
    sizes = model.description.input[0].type.imageType.imageSizeRange
    for size, (low, high) in ((sizes.heightRange, (2, 4)), (sizes.widthRange, (1, 6))):
        size.lowerBound, size.upperBound = low, high
    assert str(imported(model).main.arguments[0].type) == "u8[N,d_image_0,d_image_1,3]"
    assert "has shape [1, 5, 3, 3], expected [1.., 2..4, 1..6, 3]" in refusal(
        model, np.zeros((1, 5, 3, 3))
    )
    assert len(results(model, np.zeros((2, 4, 6, 3)))) == 1


def test_a_dynamic_batch_of_flexible_shapes():
    model = flexible(network(layer("activation", ReLU={}), x=(1, 3)), (1, 1), (2, 8))
    module = imported(model, batch="dynamic")
    assert str(module.main.arguments[0].type) == "f32[N,d_x_1]"
    run(module, [numbers(5, 8)])
    with pytest.raises(CompileError, match=r"expected \[1\.\., 2\.\.8\]"):
        run(module, [numbers(5, 9)])


def test_what_needs_a_fixed_shape_gets_the_default_one():
    item = layer("upsample", mode=1, scalingFactor=[2, 2])
    model = flexible(network(item, x=(1, 1, 4, 4)), (1, 1), (1, 1), (4, 8), (4, 8))
    module = imported(model)
    assert str(module.main.arguments[0].type) == "f32[1,1,4,4]"
    assert "upsample" in module.attributes["fixed_shapes"]


def test_a_dynamic_batch_of_the_default_shape():
    item = layer("upsample", mode=1, scalingFactor=[2, 2])
    model = flexible(network(item, x=(1, 1, 4, 4)), (1, 1), (1, 1), (4, 8), (4, 8))
    module = imported(model, batch="dynamic")
    assert str(module.main.arguments[0].type) == "f32[N,1,4,4]"
    assert "fixed_batch" not in module.attributes
    assert "upsample" in module.attributes["fixed_shapes"]
