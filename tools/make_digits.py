"""Trains the sample model: a small digit classifier, written as a Core ML neural network.

Owns ``tests/data/digits.*``: the model, its held-out images and the accuracy recorded for them.
Needed only to regenerate those files (``pip install -e '.[samples]'``, then
``python -m cmlc.tools.make_digits``); everything else only reads them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
SEED = 20
HELD_OUT = 0.25
EPOCHS = 60
SIZE = 8
CHANNELS = (16, 32)
# Pixels 0..255 become -1..1. The network was trained on exactly this, so the accuracy falls without
# Core ML's scaler.
SCALE = 2.0 / 255.0
BIAS = -1.0
LABELS = [str(digit) for digit in range(10)]


@dataclass(frozen=True)
class Digits:
    """Images as uint8 [K, 8, 8] with their labels, split once and for all by the seed."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def load_digits() -> Digits:
    """The 1797 handwritten digits of the UCI test set, rescaled from 0..16 to 0..255."""
    # Only in the extra `samples`, hence absent from most environments.
    from sklearn.datasets import load_digits as load  # pyright: ignore[reportMissingImports]
    from sklearn.model_selection import (  # pyright: ignore[reportMissingImports]
        train_test_split,
    )

    bunch: Any = load()
    images = np.round(bunch.images * (255.0 / 16.0)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    return Digits(images[train], labels[train], images[test], labels[test])


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the scaler hands to the first layer: [K, 8, 8, 1]."""
    return (images[..., None].astype(np.float32) * SCALE + BIAS).astype(np.float32)


def build_network() -> Any:
    """conv, batch norm, relu, pool, conv, relu, dense, softmax."""
    import keras

    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Conv2D(CHANNELS[0], 3, padding="same", name="conv1"),
            keras.layers.BatchNormalization(name="bn1"),
            keras.layers.ReLU(),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(CHANNELS[1], 3, padding="same", activation="relu", name="conv2"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(len(LABELS), activation="softmax", name="scores"),
        ]
    )


def train(digits: Digits) -> Any:
    """A trained network; the same seed gives the same weights on the same machine."""
    import keras
    import tensorflow

    keras.utils.set_random_seed(SEED)
    tensorflow.config.experimental.enable_op_determinism()
    network = build_network()
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(
        scaled(digits.train_images), digits.train_labels, batch_size=32, epochs=EPOCHS, verbose=0
    )
    return network


def to_coreml(network: Any) -> Any:
    """The same network in Core ML's layers, channels first, with the scaler in front."""
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    builder: Any = NeuralNetworkBuilder(
        [("image", datatypes.Array(1, SIZE, SIZE))],
        [("digitProbabilities", datatypes.Array(len(LABELS)))],
        mode="classifier",
        disable_rank5_shape_mapping=False,
    )
    add_convolution(builder, network.get_layer("conv1"), "conv1", source="image")
    add_batch_norm(builder, network.get_layer("bn1"))
    builder.add_activation("relu1", "RELU", "bn1", "relu1")
    builder.add_pooling("pool1", 2, 2, 2, 2, "MAX", "VALID", "relu1", "pool1")
    add_convolution(builder, network.get_layer("conv2"), "conv2", source="pool1")
    builder.add_activation("relu2", "RELU", "conv2", "relu2")
    builder.add_flatten("flatten", 0, "relu2", "flatten")  # 0 keeps channels, height, width
    add_scores(builder, network.get_layer("scores"))
    builder.add_softmax("softmax", "scores", "digitProbabilities")
    builder.set_class_labels(
        LABELS, predicted_feature_name="digit", prediction_blob="digitProbabilities"
    )
    builder.set_pre_processing_parameters(["image"], gray_bias=BIAS, image_scale=SCALE)
    describe(builder.spec)
    return builder.spec


def add_convolution(builder: Any, layer: Any, name: str, source: str) -> None:
    """The builder takes kernels as [height, width, in, out], just as Keras keeps them."""
    kernel, bias = layer.get_weights()
    height, width, inputs, outputs = kernel.shape
    builder.add_convolution(
        name, inputs, outputs, height, width, 1, 1, "same", 1, kernel, bias, True,
        input_name=source, output_name=name,
    )  # fmt: skip


def add_batch_norm(builder: Any, layer: Any) -> None:
    """Inference statistics, as trained."""
    gamma, beta, mean, variance = layer.get_weights()
    builder.add_batchnorm(
        "bn1", len(gamma), gamma, beta, mean, variance, "conv1", "bn1", epsilon=layer.epsilon
    )


def add_scores(builder: Any, layer: Any) -> None:
    """Keras flattens height, width, channels; Core ML channels, height, width."""
    weights, bias = layer.get_weights()
    side = SIZE // 2
    weights = weights.reshape(side, side, CHANNELS[1], len(LABELS)).transpose(3, 2, 0, 1)
    weights = np.ascontiguousarray(weights.reshape(len(LABELS), -1))
    builder.add_inner_product(
        "scores", weights, bias, weights.shape[1], len(LABELS), True, "flatten", "scores"
    )


def describe(spec: Any) -> None:
    """Author, licence and a sentence for each feature, as published models carry them."""
    metadata = spec.description.metadata
    metadata.author = "The cmlc authors"
    metadata.license = "Apache-2.0; trained on the UCI optical recognition of digits (CC BY 4.0)"
    metadata.shortDescription = "Recognizes a handwritten digit in an 8x8 grayscale image."
    metadata.versionString = "1.0"
    sentences = {
        "image": "An 8x8 grayscale image, white on black.",
        "digitProbabilities": "The probability of each digit.",
        "digit": "The most likely digit.",
    }
    for feature in [*spec.description.input, *spec.description.output]:
        feature.shortDescription = sentences[feature.name]


def main() -> None:
    """Train, write the model, and record how well it does on the held-out images."""
    digits = load_digits()
    network = train(digits)
    guesses = network.predict(scaled(digits.test_images), verbose=0).argmax(axis=1)
    accuracy = float((guesses == digits.test_labels).mean())
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / "digits.mlmodel").write_bytes(to_coreml(network).SerializeToString(deterministic=True))
    np.savez_compressed(DATA / "digits.npz", images=digits.test_images, labels=digits.test_labels)
    record = {"held_out": len(guesses), "accuracy": round(accuracy, 6), "seed": SEED}
    (DATA / "digits.json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"{len(guesses)} held-out digits, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
