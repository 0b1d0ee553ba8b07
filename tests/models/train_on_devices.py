"""Trains Keras code on one device or several, and prints the loss of every epoch as JSON.

`python train_on_devices.py FOLDER COUNT`; KERAS_BACKEND says what Keras runs on, TensorFlow or JAX.
The devices are parts of this machine's processor.
"""

import contextlib
import json
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ENTRIES, BATCH, EPOCHS = 16, 8, 4


def on_jax(count):
    """All that is trained from now on is, on so many devices."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
    import jax
    import keras

    assert len(jax.devices()) == count
    if count > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    return contextlib.nullcontext()


def on_tensorflow(count):
    """What is made in the scope is trained on so many devices."""
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(processor, parts)
    if count == 1:
        return contextlib.nullcontext()
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
    assert strategy.num_replicas_in_sync == count
    return strategy.scope()


def main(folder, count):
    scope = {"jax": on_jax, "tensorflow": on_tensorflow}[os.environ["KERAS_BACKEND"]](count)
    sys.path.insert(0, folder)
    import keras
    from model import load

    with scope:
        model = load()
        sgd = keras.optimizers.SGD(0.05, momentum=0.9)
        model.compile(sgd, "sparse_categorical_crossentropy", jit_compile=False)
    random = np.random.default_rng(0)
    x = random.normal(size=(ENTRIES, *model.inputs[0].shape[1:])).astype(np.float32)
    y = random.integers(0, model.outputs[0].shape[-1], ENTRIES)
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    print(json.dumps(history.history["loss"]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
