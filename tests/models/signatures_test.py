"""Signatures: names survive, whatever they are; runs that fail say why."""

import json

import cmlc
import numpy as np
import pytest
from support.networks.builders import layer, network, numbers
from support.networks.recurrences import optional_states

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("given", "made"),
    [("in:0", "out/1:0"), ("class", "def"), ("ä", "b c"), ("1", "2"), ("_a", "x"), ("x", "X")],
)
def test_names_of_signatures(given, made, tmp_path):
    """Python has no call by the keyword `class`: it is `class_`, and what is written says so."""
    import tensorflow as tf

    weight = numbers(2, 3)
    fields = {"inputChannels": 3, "outputChannels": 2, "weights": weight}
    product = layer("innerProduct", [given], [made], 'my layer/é "x"', **fields)
    model = cmlc.compile(network(product, outputs=[made], **{given: (3,)}))
    x = numbers(3, seed=1)
    expected = weight.reshape(2, 3) @ x
    np.testing.assert_allclose(model.predict({given: x})[made], expected, rtol=1e-5)
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    about = json.loads((tmp_path / "model/assets.extra/cmlc.json").read_text())
    renamed = {entry["name"]: entry["written"] for entry in about["renamed"]}
    assert (given in renamed) == (given == "class")
    for convert in (tf.constant, np.asarray):
        key = renamed.get(given, given)
        results = loaded.signatures["serving_default"](**{key: convert(x.astype(np.float32))})
        assert list(results) == [made]
    np.testing.assert_allclose(results[made], expected, rtol=1e-5)
    assert [variable.name for variable in loaded.weights] == ["my_layer/___x_.weight:0"]


def test_a_failed_run_is_a_diagnostic():
    item = layer("fillDynamic", ["n"], ["f"])
    model = cmlc.compile(network(item, layer("addBroadcastable", ["x", "f"]), x=(3,), n=(1,)))
    assert model.predict({"x": [1, 2, 3], "n": [3]})["y"].tolist() == [1, 2, 3]
    message = r"^layers\[1\] 'l1': error: the graph fails on these inputs: .*\[[23]\] vs\. \[[23]\]"
    with pytest.raises(cmlc.CompileError, match=message):
        model.predict({"x": [1, 2, 3], "n": [2]})


def test_optional_states_of_a_recurrent_layer(tmp_path):
    """Two steps, one after the other, are a sequence of two; states that aren't given are zeros."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    made = optional_states()
    model = cmlc.compile(made)
    x = numbers(2, 3)
    first = model.predict({"x": x[0]})
    second = model.predict({"x": x[1], "h": first["h_out"], "c": first["c_out"]})
    whole = cmlc.compile(made, shapes={"x": (2, 1, 3, 1, 1)}).predict(
        {"x": x[:, None, :, None, None]}
    )
    np.testing.assert_allclose(np.ravel(whole["y"])[-2:], np.ravel(second["y"]), atol=1e-6)
    folder = model.write(tmp_path / "model")
    message = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    signature = message.meta_graphs[0].signature_def["serving_default"]
    assert sorted(signature.defaults) == ["c", "h"]
    assert tf.make_ndarray(signature.defaults["h"]).tolist() == [0, 0]


def test_one_saved_model_for_all_declared_shapes(tmp_path):
    """Smallest, default and largest size of a range; others are refused with the range."""
    import tensorflow as tf

    weights = {"weights": numbers(4, 3, 3, 3), "outputChannels": 4, "kernelChannels": 3}
    made = network(
        layer("convolution", **weights, kernelSize=[3, 3], same={}),
        layer("pooling", kernelSize=[2, 2], stride=[2, 2], valid={}),
        x=(1, 3, 16, 16),
    )
    ranges = made.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 1), (3, 3), (8, 32), (8, 64)):
        ranges.add(lowerBound=low, upperBound=high)
    model = cmlc.compile(made)
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model"))).signatures["serving_default"]
    for height, width in ((8, 8), (16, 16), (32, 64)):
        x = numbers(1, 3, height, width)
        expected = model.interpret({"x": x})["y"]
        assert expected.shape == (1, 4, height // 2, width // 2)
        np.testing.assert_allclose(loaded(x=tf.constant(x))["y"], expected, rtol=1e-4, atol=1e-5)
    message = "input 'x' has shape [1, 3, 33, 16], expected [1, 3, 8..32, 8..64]"
    wrong = numbers(1, 3, 33, 16)
    with pytest.raises(tf.errors.InvalidArgumentError) as from_graph:
        loaded(x=tf.constant(wrong))
    assert message.partition("has")[2] in str(from_graph.value)
    with pytest.raises(cmlc.CompileError) as predicted:
        model.predict({"x": wrong})
    assert (predicted.value.diagnostics[0].message, predicted.value.diagnostics[0].kind) == (
        message,
        "usage",
    )
