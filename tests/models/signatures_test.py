"""Signatures: names survive, whatever they are; runs that fail say why."""

import cmlc
import numpy as np
import pytest
from networks import layer, network, numbers

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("given", "made"),
    [("in:0", "out/1:0"), ("class", "def"), ("ä", "b c"), ("1", "2"), ("_a", "x"), ("x", "X")],
)
def test_names_of_signatures(given, made, tmp_path):
    import tensorflow as tf

    weight = numbers(2, 3)
    fields = {"inputChannels": 3, "outputChannels": 2, "weights": weight}
    product = layer("innerProduct", [given], [made], 'my layer/é "x"', **fields)
    model = cmlc.compile(network(product, outputs=[made], **{given: (3,)}))
    x = numbers(3, seed=1)
    expected = weight.reshape(2, 3) @ x
    np.testing.assert_allclose(model.predict({given: x})[made], expected, rtol=1e-5)
    loaded = tf.saved_model.load(str(model.save(tmp_path / "model")))
    results = loaded.signatures["serving_default"](**{given: tf.constant(x, tf.float32)})
    assert list(results) == [made]
    np.testing.assert_allclose(results[made], expected, rtol=1e-5)
    assert [variable.name for variable in loaded.weights] == ["my_layer/___x_.weight:0"]


def test_a_failed_run_is_a_diagnostic():
    item = layer("fillDynamic", ["n"], ["f"])
    model = cmlc.compile(network(item, layer("addBroadcastable", ["x", "f"]), x=(3,), n=(1,)))
    assert model.predict({"x": [1, 2, 3], "n": [3]})["y"].tolist() == [1, 2, 3]
    with pytest.raises(cmlc.CompileError, match=r"fails on these inputs: .*\[[23]\] vs\. \[[23]\]"):
        model.predict({"x": [1, 2, 3], "n": [2]})
