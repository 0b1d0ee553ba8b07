"""Variables are restored where a SavedModel is loaded without its objects, as servers do."""

import cmlc
import numpy as np
import pytest
from cmlc.tools.bench.large_program import many_operations
from support.networks.transformers import transformer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ran_before", [False, True])
def test_a_session_restores_and_saves_variables(ran_before, tmp_path):
    import tensorflow as tf

    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(4, 16)
    model = cmlc.compile(many_operations(20))
    ((name, expected),) = model.interpret({"x": x}).items()
    if ran_before:
        model.predict({"x": x})
    folder = model.write(tmp_path / "model")
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.load(session, ["serve"], str(folder))
        signature = meta.signature_def["serving_default"]
        given = {signature.inputs["x"].name: x}
        got = session.run(signature.outputs[name].name, given)
        np.testing.assert_allclose(got, expected, atol=1e-5)
        feed = {meta.saver_def.filename_tensor_name: str(tmp_path / "again")}
        session.run(meta.saver_def.save_tensor_name, feed)
        again = tf.train.load_checkpoint(str(tmp_path / "again"))
    first = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    keys = [key for key in first.get_variable_to_shape_map() if key.startswith("weights/")]
    assert sorted(again.get_variable_to_shape_map()) == sorted(keys)
    for key in keys:
        np.testing.assert_array_equal(again.get_tensor(key), first.get_tensor(key))


def test_states_are_restored_with_weights(tmp_path):
    import tensorflow as tf

    model = cmlc.compile(transformer("full"))
    x = np.random.default_rng(0).standard_normal((64, 16)).astype(np.float32)
    expected = model.interpret({"x": x})["y"]
    folder = model.write(tmp_path / "model")
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.load(session, ["serve"], str(folder))
        signature = meta.signature_def["serving_default"]
        got = session.run(signature.outputs["y"].name, {signature.inputs["x"].name: x})
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())
