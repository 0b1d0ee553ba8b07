"""Networks of the kinds that people train further: ten steps lower the loss, in any precision."""

import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from support.networks import trainable

pytestmark = pytest.mark.slow
STEPS, BATCH = 10, 8
KINDS = ("vit", "convnext", "bert", "gpt", "cnn")


def network(kind):
    """A Keras model that predicts classes: of words the next one, of features by a new head."""
    import keras

    made = getattr(trainable, kind)()
    model = Stages(made, Options(target="keras", batch="dynamic")).executable.model
    if kind not in ("bert", "cnn"):
        return model
    features = model.output[:, 0] if kind == "bert" else model.output
    head = keras.layers.Dense(trainable.CLASSES, activation="softmax", dtype="float32", name="head")
    return keras.Model(model.input, head(features))


def examples(kind):
    random = np.random.default_rng(0)
    if kind in ("bert", "gpt"):
        words = random.integers(0, trainable.WORDS, (BATCH, trainable.TOKENS + 1)).astype(np.int32)
        if kind == "gpt":
            return words[:, :-1], words[:, 1:]
        return words[:, :-1], random.integers(0, trainable.CLASSES, BATCH)
    images = random.normal(size=(BATCH, 3, 16, 16)).astype(np.float32)
    return images, random.integers(0, trainable.CLASSES, BATCH)


def losses(model, kind):
    import keras

    x, y = examples(kind)
    adam = keras.optimizers.Adam(3e-3)
    model.compile(adam, "sparse_categorical_crossentropy", jit_compile=False)
    return model.fit(x, y, batch_size=BATCH, epochs=STEPS, verbose=0).history["loss"]


@pytest.fixture
def policy():
    """Sets what new layers compute in; it is float32 again afterwards."""
    import keras

    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("kind", KINDS)
def test_ten_steps_lower_the_loss(kind):
    model = network(kind)
    frozen = [weight.path for weight in model.weights if not weight.trainable]
    assert all("mask" in path or "moving_" in path or "seed" in path for path in frozen), frozen
    found = losses(model, kind)
    assert np.all(np.isfinite(found))
    assert found[-1] < 0.9 * found[0], found


# Between them, all kinds of layers; each takes a few seconds to compile.
MIXED = {"vit": "mixed_bfloat16", "gpt": "mixed_float16", "cnn": "mixed_float16"}


@pytest.mark.parametrize(("kind", "name"), MIXED.items())
def test_mixed_precision_trains_and_computes_nearly_the_same(kind, name, policy):
    x, _ = examples(kind)
    exact = np.asarray(network(kind)(x)) if kind != "cnn" else None  # which has a fresh head
    policy(name)
    model = network(kind)
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    computed = {layer.compute_dtype for layer in model.layers if layer.trainable_weights}
    assert name.removeprefix("mixed_") in computed
    if exact is not None:
        rounded = np.asarray(model(x)).astype(np.float32)
        # Eight bits of mantissa, and a few roundings.
        assert np.abs(rounded - exact).max() < 0.05
    found = losses(model, kind)
    assert np.all(np.isfinite(found))
    assert found[-1] < 0.95 * found[0], found
