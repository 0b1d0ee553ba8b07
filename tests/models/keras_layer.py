"""Calls SavedModels as layers of Keras, in a process of their own, with nothing but Keras.

`python keras_layer.py FOLDER`: for each FOLDER/NAME.inputs.npz, layers of the SavedModel
FOLDER/NAME are called as NAME.calls.json says, a list of [endpoint, how]: "dictionary", "alone",
or "model" for a functional model around the layer. The outputs of call i are NAME.i.npz.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def around(keras, layer, inputs: dict):
    """A functional model whose inputs are those of the layer."""
    given = {
        key: keras.Input(batch_shape=array.shape, dtype=array.dtype.name)
        for key, array in inputs.items()
    }
    return keras.Model(given, layer(given))


def main(folder: Path) -> None:
    import keras

    assert not any(name.split(".")[0] == "cmlc" for name in sys.modules)
    for path in sorted(folder.glob("*.inputs.npz")):
        name = path.name.removesuffix(".inputs.npz")
        with np.load(path) as file:
            inputs = dict(file)
        layers = {}
        calls = json.loads((folder / f"{name}.calls.json").read_text())
        for number, (endpoint, how) in enumerate(calls):
            if endpoint not in layers:
                made = keras.layers.TFSMLayer(str(folder / name), call_endpoint=endpoint)
                layers[endpoint] = made
            layer = layers[endpoint]
            call = around(keras, layer, inputs) if how == "model" else layer
            found = call(*inputs.values()) if how == "alone" else call(inputs)
            arrays = {key: np.asarray(value) for key, value in found.items()}
            arrays = {k: a.astype("S") if a.dtype == object else a for k, a in arrays.items()}
            np.savez(folder / f"{name}.{number}.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
