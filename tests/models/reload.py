"""Runs SavedModels in a process of their own, with nothing but TensorFlow.

`python reload.py FOLDER`: for each FOLDER/NAME, a SavedModel, NAME.inputs.npz is read and
NAME.outputs.npz written.
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(folder: Path) -> None:
    import tensorflow as tf

    assert not any(name.split(".")[0] == "cmlc" for name in sys.modules)
    for path in sorted(folder.glob("*.inputs.npz")):
        name = path.name.removesuffix(".inputs.npz")
        loaded = tf.saved_model.load(str(folder / name))
        with np.load(path) as inputs:
            given = {key: tf.constant(inputs[key]) for key in inputs.files}
        outputs = loaded.signatures["serving_default"](**given)
        arrays = {key: np.asarray(value.numpy()) for key, value in outputs.items()}
        arrays = {k: a.astype("S") if a.dtype == object else a for k, a in arrays.items()}
        np.savez(folder / f"{name}.outputs.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
