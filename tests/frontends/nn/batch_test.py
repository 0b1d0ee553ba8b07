"""The batch of networks: opened where they say what it is, refused where not."""

import numpy as np
import pytest
from cmlc.ir.interpret import run
from cmlc.ir.ssa import Module
from cmlc.ir.text.parser import parse
from cmlc.passes.dynamic_batch import opened
from support.networks.builders import (
    BGR,
    RGB,
    assert_close,
    assert_refused,
    imported,
    layer,
    network,
    numbers,
    photo,
    problems,
    result,
    text,
)

# -- the dynamic batch -----------------------------------------------------------------------------


def test_images_get_a_batch():
    assert str(imported(photo()).main.arguments[0].type) == "u8[N,2,3,3]"
    assert str(imported(photo(), batch="static").main.arguments[0].type) == "u8[1,2,3,3]"


def test_images_get_no_batch_where_a_layer_mixes_entries():
    item = layer("reduceSum", ["image"], ["y"], axes=[0], keepDims=True)
    assert str(imported(photo(RGB, item)).main.arguments[0].type) == "u8[1,2,3,3]"


@pytest.mark.parametrize("rank5", [False, True])
def test_arrays_get_a_batch_on_request(rank5):
    model = network(layer("softmax"), rank5=rank5, x=(3, 2, 2) if rank5 else (1, 3, 2, 2))
    module = imported(model, batch="dynamic")
    assert str(module.main.arguments[0].type) == "f32[N,3,2,2]"
    x = numbers(4, 3, 2, 2)
    found = result(model, x, batch="dynamic")
    one = x[:1, ...] if not rank5 else x[0]
    assert_close(found[:1] if not rank5 else found[0], result(model, one))


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (layer("reduceSum", axes=[0]), "works along the batch dimension"),
        (layer("softmaxND", axis=0), "works along the batch dimension"),
        (layer("reverse", reverseDim=[True, False]), "works along the batch dimension"),
        (layer("categoricalDistribution", seed=-1, numSamples=2), "draws new numbers each time"),
    ],
)
def test_a_batch_that_is_not_possible(item, reason):
    model = network(item, x=(1, 3))
    assert_refused(
        model, "a dynamic batch is not possible", reason, kind="unsupported", batch="dynamic"
    )


@pytest.mark.parametrize(
    ("item", "shape"),
    [
        (layer("transpose", axes=[1, 0]), (4, 3, 1)),
        (layer("reshapeStatic", targetShape=[-1]), (4, 3)),
    ],
)
def test_a_result_without_a_batch_gets_one(item, shape):
    model, x = network(item, x=(1, 3)), numbers(4, 3)
    together = result(model, x, batch="dynamic")
    assert together.shape == shape
    for entry, alone in zip(together, x, strict=True):
        assert_close(entry, result(model, alone[None]))
    assert imported(model, batch="dynamic").main.outputs[0].batch == "added"


def test_boxes_name_images_of_their_entry():
    module = parse("""func @main(%x: f32[1,1,4,4], %boxes: f32[1,4], %i: i32[1]) -> f32[1,1,1,1] {
      %y = image.crop_resize(%x, %boxes, %i) : f32[1,1,1,1]
      return %y
    }""")
    function = opened(module.main)
    images, boxes = numbers(3, 1, 4, 4), np.float32([[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2]])
    (found,) = run(Module(functions=[function]), [images, boxes, np.zeros(3, np.int32)]).values()
    assert_close(found.ravel(), images[[0, 1, 2], 0, [0, 1, 2], [0, 1, 2]])


TURN = layer("transpose", axes=[1, 0])


@pytest.mark.parametrize(
    "item",
    [
        layer("activation", ReLU={}),
        layer("softmaxND", axis=0),
        layer("reverse", reverseDim=[True, False]),
        layer("concatND", ["t0", "t0"], axis=0),
        layer("squeeze", ["t0"], axes=[0]),
        layer("cumSum", axis=0),
    ],
)
def test_a_batch_that_moves(item):
    """Between arguments and results it may be elsewhere, where an op leaves it alone."""
    squeezed = item[0] == "squeeze"
    back = layer("expandDims", axes=[1]) if squeezed else TURN
    model = network(TURN, item, back, x=(1, 1 if squeezed else 3))
    x = numbers(4, 1 if squeezed else 3)
    together = result(model, x, batch="dynamic")
    for entry, alone in zip(together, x, strict=True):
        assert_close(entry, result(model, alone[None])[0])


@pytest.mark.parametrize(
    "item",
    [
        layer("softmaxND", axis=1),
        layer("reverse", reverseDim=[False, True]),
        layer("cumSum", axis=1),
    ],
)
def test_a_batch_that_moves_into_the_way(item):
    model = network(TURN, item, TURN, x=(1, 3))
    assert_refused(model, "works along the batch dimension", kind="unsupported", batch="dynamic")


def test_a_first_extent_that_is_no_batch():
    model = network(layer("softmaxND", axis=0), x=(2, 3))
    x = numbers(4, 2, 3)
    found = result(model, x, batch="dynamic")
    assert_close(found, np.stack([result(model, entry) for entry in x]))


def test_inputs_that_can_have_no_batch():
    model = network(layer("copy", ["x"]), x=(3,))
    del model.description.input[:]
    found = problems(model, batch="dynamic")[0]
    assert "no batch dimension that could vary" in found.message


def test_text_of_an_image_network():
    assert text(photo(BGR, scaler={"channelScale": 2.0})) == [
        "%0 = tensor.cast(%image) {dtype = f32} : f32[N,2,3,3]",
        "%1 = tensor.reverse(%0) {axes = [3]} : f32[N,2,3,3]",
        "%2 = const {value = dense<2.0>} : f32[]",
        "%3 = tensor.mul(%1, %2) : f32[N,2,3,3]",
        "%4 = tensor.transpose(%3) {perm = [0, 3, 1, 2]} : f32[N,3,2,3]",
        "return %4",
    ]


def test_preprocessing_of_no_image_is_refused():
    model = network(layer("activation", ReLU={}), x=(3,))
    item = model.neuralNetwork.preprocessing.add(featureName="x")
    item.scaler.channelScale = 2
    assert_refused(model, "has preprocessing, but is not an image input")


def test_training_is_ignored_and_said_to_be():
    model = network(layer("copy"), x=(2,))
    assert "ignored" not in imported(model).attributes
    model.isUpdatable = True
    assert imported(model).attributes["ignored"] == "how the model is trained on a device"
    model.neuralNetwork.updateParams.lossLayers.add(name="cross_entropy")
    expected = "how the model is trained on a device (loss cross_entropy)"
    assert imported(model).attributes["ignored"] == expected
    assert result(model, [1, 2]).tolist() == [1, 2]
