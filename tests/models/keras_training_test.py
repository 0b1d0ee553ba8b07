"""Keras models made from Core ML models train: further, from damaged weights, with a new head."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from support.networks import keras as keras_networks
from support.running.doc_runner import blocks

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
STEPS = 10


def keras_model(path, **options):
    return Stages(path, Options(target="keras", **options)).executable.model


@pytest.fixture(scope="module")
def digits():
    with np.load(ROOT / "tests" / "data" / "digits.npz") as data:
        return data["images"][..., None].astype(np.float32), data["labels"]


@pytest.fixture
def classifier():
    return keras_model(keras_networks.DIGITS)


@pytest.fixture
def seeded():
    """Random numbers of one series; other tests draw others again."""
    import tensorflow as tf

    keras().utils.set_random_seed(0)
    yield
    tf.random.set_seed(None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


def mobilenet(folder):
    path = folder / "mobilenet.mlmodel"
    path.write_bytes(keras_networks.mobilenet_v2(64).SerializeToString())
    return keras_model(path)


def lstm(folder):
    return keras_model(keras_networks.lstm_classifier(folder / "lstm.mlpackage"), batch="dynamic")


def encoder(folder):
    path = keras_networks.transformer_encoder(folder / "encoder.mlpackage")
    return keras_model(path, batch="dynamic")


def example(tensor, batch):
    """Random numbers for an input."""
    random, shape = np.random.default_rng(0), (batch, *tensor.shape[1:])
    if tensor.dtype == "int32":
        return random.integers(0, 100, shape).astype(np.int32)
    return (random.uniform(0, 255, shape) if len(shape) == 4 else random.normal(size=shape)).astype(
        np.float32
    )


@pytest.mark.parametrize("make", [mobilenet, lstm, encoder])
def test_ten_steps_lower_the_loss(folder, make):
    model = make(folder)
    batch = 4 if make is mobilenet else 16
    x = example(model.inputs[0], batch)
    y = np.random.default_rng(1).integers(0, 3, batch)
    adam = keras().optimizers.Adam(1e-3 if make is mobilenet else 5e-3)
    # Compiling by XLA takes a minute for a network of this size.
    model.compile(adam, "sparse_categorical_crossentropy", jit_compile=False)
    losses = model.fit(x, y, batch_size=batch, epochs=STEPS, verbose=0).history["loss"]
    assert np.all(np.isfinite(losses))
    assert losses[-1] < 0.9 * losses[0], losses


def keras():
    import keras

    return keras


def accuracy(model, images, labels):
    return np.mean(model.predict(images, verbose=0).argmax(-1) == labels)


@pytest.mark.usefixtures("seeded")
def test_damaged_weights_recover(classifier, digits):
    """Trained on half of the images, judged on the others."""
    images, labels = digits
    train, rest = slice(0, 225), slice(225, None)
    before = accuracy(classifier, images[rest], labels[rest])
    random = np.random.default_rng(0)
    for weight in classifier.trainable_weights:
        noise = random.normal(0, 0.5 * np.std(weight.numpy()) + 0.05, weight.shape)
        weight.assign_add(noise.astype(np.float32))
    damaged = accuracy(classifier, images[rest], labels[rest])
    assert damaged < before - 0.05
    adam = keras().optimizers.Adam(1e-3)
    classifier.compile(adam, "sparse_categorical_crossentropy", jit_compile=False)
    classifier.fit(images[train], labels[train], epochs=30, verbose=0)
    assert accuracy(classifier, images[rest], labels[rest]) >= before - 0.02


def test_batch_norms_are_kept_and_learn_only_if_they_may(classifier, digits):
    """Their statistics move in training, and stay in a frozen model."""
    images, labels = digits
    norm = classifier.get_layer("bn1")
    statistics = [weight.numpy() for weight in norm.non_trainable_weights]
    names = [weight.name for weight in norm.trainable_weights]
    assert names == ["gamma", "beta"]
    classifier.trainable = False
    classifier.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    classifier.train_on_batch(images[:32], labels[:32])
    assert all(map(np.array_equal, statistics, norm.weights[2:]))
    classifier.trainable = True
    classifier.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    classifier.train_on_batch(images[:32], labels[:32])
    assert not any(map(np.array_equal, statistics, norm.weights[2:]))


def test_the_summary_names_layers_as_the_model_does(classifier):
    lines = []
    classifier.summary(print_fn=lines.append, line_length=100)
    named = re.findall(r"(\w+) \((\w+)\)", "\n".join(lines))
    expected = ["image", "image_rescaling", "conv1", "bn1", "relu1", "pool1", "conv2", "flatten"]
    assert [name for name, _ in named if name != "Layer"] == [*expected, "scores"]
    assert "Non-trainable params: 32 " in "\n".join(lines)


def test_the_excerpt_of_the_page_is_what_is_written(folder):
    path = folder / "MobileNet.mlmodel"
    path.write_bytes(keras_networks.mobilenet_v2(224).SerializeToString())
    text = Stages(path, Options(target="keras")).executable.text
    page = (ROOT / "docs" / "keras.md").read_text()
    excerpt = next(block.text for block in blocks(page) if block.kind == "py")
    for part in excerpt.split("    ...\n"):
        assert part.strip("\n") in text


# -- weights that don't fit, classes that aren't there ---------------------------------------------


def test_weights_of_another_network_are_refused_by_keras(folder, classifier):
    other = folder / "other.weights.h5"
    lstm(folder).save_weights(other)
    with pytest.raises(ValueError, match="Layer 'conv1' expected 2 variables, but received 0"):
        classifier.load_weights(other)


def test_weights_are_loaded_by_the_names_of_layers(folder, classifier, digits):
    file = folder / "digits.weights.h5"
    classifier.save_weights(file)
    again = keras().models.clone_model(classifier)
    again.load_weights(file)
    images, _ = digits
    assert np.array_equal(again.predict(images, verbose=0), classifier.predict(images, verbose=0))


def test_a_file_with_a_class_of_the_code_says_so(folder):
    path = folder / "encoder.keras"
    encoder(folder).save(path)
    load = "import keras, sys\nkeras.models.load_model(sys.argv[1])"
    command = [sys.executable, "-c", load, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Could not locate class 'Weight'" in done.stderr
    assert "register_keras_serializable" in done.stderr


AFFINE = """
func @main(%x: f32[2,4,4,6]) -> ("y": f32[2,4,4,6]) {
  %mean = const {value = dense<[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]>} : f32[6]
  %variance = const {value = dense<[VARIANCE]>} : f32[6]
  %gamma = const {value = dense<[GAMMA, 2.0, 3.0, 4.0, 5.0, 6.0]>} : f32[6]
  %beta = const {value = dense<[0.5, 0.0, 0.0, 0.0, 0.0, 0.0]>} : f32[6]
  %y = nn.batch_norm(%x, %mean, %variance, %gamma, %beta) {axis = 3} : f32[2,4,4,6]
  return %y
}
"""


@pytest.mark.parametrize(
    ("variances", "differs"),
    [
        ("1.0, 1.0, 1.0, 1.0, 1.0, 1.0", False),
        ("2.0, 2.0, 2.0, 2.0, 2.0, 2.0", False),
        ("1.0, 2.0, 3.0, 4.0, 5.0, 6.0", True),
    ],
)
def test_a_scale_and_an_offset_do_the_same_in_training(tmp_path, variances, differs):
    """As a group norm's, which converters write as a batch norm without statistics of its own."""
    path = tmp_path / "affine.cmir"
    path.write_text(AFFINE.replace("VARIANCE", variances).replace("GAMMA", "1.5"))
    model = keras_model(path)
    x = np.random.default_rng(0).normal(3, 2, (2, 4, 4, 6)).astype(np.float32)
    inferred, trained = (np.asarray(model(x, training=training)) for training in (False, True))
    assert np.allclose(inferred, trained, rtol=1e-5) is not differs
    assert len(model.trainable_variables) == 2
