"""Arrays with a sequence or a batch, which networks of the old kind take at run time."""

import cmlc
import numpy as np
import pytest
from support.networks.builders import assert_close, layer, lstm_weights, network, numbers

RESIZE = layer("resizeBilinear", targetSize=[2, 1])


def resizing(**choices):
    return cmlc.compile(network(RESIZE, rank5=True, x=(2, 3, 1)), **choices)


def test_a_batch():
    model, x = resizing(), numbers(1, 4, 2, 3, 1)
    assert_close(model.interpret({"x": x})["y"], x[0, :, :, [0, 2]].transpose(1, 2, 0, 3))
    assert_close(model.interpret({"x": x[0, 1]})["y"], x[0, 1, :, [0, 2]].transpose(1, 0, 2))
    assert model.interpret({"x": x[:, :1]})["y"].shape == (2, 2, 1)


def test_a_sequence():
    fields = {"inputVectorSize": 3, "outputVectorSize": 2, "params": {"sequenceOutput": True}}
    item = layer("uniDirectionalLSTM", ["x"], weightParams=lstm_weights(3, 2), **fields)
    item[-1]["activations"] = [{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}]
    model = cmlc.compile(network(item, rank5=True, x=(3,)))
    x = numbers(5, 1, 3, 1, 1)
    found = model.interpret({"x": x})["y"]
    first = model.interpret({"x": x[0].ravel()})["y"]
    assert np.squeeze(found).shape == (5, 2)
    assert_close(np.squeeze(found)[0], np.squeeze(first))


LINEAR = {"inputChannels": 3, "outputChannels": 2, "weights": {"floatValue": [1, 2, 3, 4, 5, 6]}}
LSTM = {"inputVectorSize": 3, "outputVectorSize": 2, "params": {"sequenceOutput": True}}


def unidirectional():
    item = layer("uniDirectionalLSTM", ["x"], weightParams=lstm_weights(3, 2), **LSTM)
    item[-1]["activations"] = [{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}]
    return item


def bidirectional():
    item = layer("biDirectionalLSTM", ["x"], **LSTM)
    item[-1]["weightParams"] = [lstm_weights(3, 2), lstm_weights(3, 2, seed=1)]
    forward = [{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}]
    item[-1]["activationsForwardLSTM"] = item[-1]["activationsBackwardLSTM"] = forward
    return item


@pytest.mark.parametrize(("steps", "batch"), [(5, 1), (1, 4), (5, 2)])
@pytest.mark.parametrize(
    "item",
    [unidirectional(), bidirectional(), layer("innerProduct", **LINEAR), layer("softmax")],
    ids=lambda item: item[0],
)
def test_a_sequence_without_height_and_width(item, steps, batch):
    """[sequence, batch, C], as recurrent networks are fed by most people."""
    model, x = cmlc.compile(network(item, rank5=True, x=(3,))), numbers(steps, batch, 3)
    found = model.interpret({"x": x})["y"]
    assert found.size in (steps * batch * 2, steps * batch * 3, steps * batch * 4)
    np.testing.assert_array_equal(found, model.interpret({"x": x[..., None, None]})["y"])


def test_a_sequence_of_rank_3_is_no_other_array():
    """Only where a vector is declared; [C, H, W] is what it says."""
    with pytest.raises(cmlc.CompileError, match=r"expected f\S+ or \[sequence, batch, 2, 3, 1\]"):
        resizing().interpret({"x": numbers(5, 2, 2)})
    vector = cmlc.compile(network(layer("softmax"), rank5=True, x=(3,)))
    accepted = r"expected f\S+, \[sequence, batch, 3\] or \[sequence, batch, 3, 1, 1\]"
    with pytest.raises(cmlc.CompileError, match=accepted):
        vector.interpret({"x": numbers(5, 2, 4)})


def test_every_shape_is_compiled_once(monkeypatch):
    model, seen = resizing(), []
    again = model._reshaped
    monkeypatch.setattr(model, "_reshaped", lambda *key: seen.append(again(*key)) or seen[-1])
    for batch in (4, 3, 4):
        model.interpret({"x": numbers(1, batch, 2, 3, 1)})
    assert seen[0] is seen[2] is not seen[1]


@pytest.mark.parametrize("shape", [(1, 4, 2, 3, 2), (4, 2, 3, 1), (1, 0, 2, 3, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(cmlc.CompileError):
        resizing().interpret({"x": np.zeros(shape)})


def test_only_networks_of_the_old_kind_take_them():
    model = cmlc.compile(network(RESIZE, x=(2, 3, 1)))
    with pytest.raises(cmlc.CompileError, match=r"has shape \[1, 4, 2, 3, 1\], expected"):
        model.interpret({"x": numbers(1, 4, 2, 3, 1)})


@pytest.mark.slow
def test_tensorflow_takes_them_too():
    x = numbers(3, 4, 2, 3, 1)
    model = resizing()
    assert_close(model.predict({"x": x})["y"], model.interpret({"x": x})["y"])
