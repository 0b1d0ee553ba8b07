"""Runs detectors in a process of their own, with nothing but TensorFlow.

`python detect.py FOLDER`: for each FOLDER/NAME.NUMBER.inputs.npz, NAME, a SavedModel, and
NAME.tflite are run, and NAME.NUMBER.savedmodel.npz and NAME.NUMBER.tflite.npz written.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")


def main(folder: Path) -> None:
    import tensorflow as tf

    for file in sorted(folder.glob("*.tflite")):
        interpreter = tf.lite.Interpreter(str(file))
        loaded = tf.saved_model.load(str(file.with_suffix("")))
        for path in sorted(folder.glob(f"{file.stem}.*.inputs.npz")):
            stem = path.name.removesuffix(".inputs.npz")
            with np.load(path) as inputs:
                given = dict(inputs)
            tensors = {name: tf.constant(array) for name, array in given.items()}
            found = loaded.signatures["serving_default"](**tensors)
            arrays = {name: value.numpy() for name, value in found.items()}
            np.savez(folder / f"{stem}.savedmodel.npz", **arrays)
            np.savez(folder / f"{stem}.tflite.npz", **run_tflite(interpreter, given))
    assert not any(name.split(".")[0] == "cmlc" for name in sys.modules)


def run_tflite(interpreter, given):
    """Results of the one signature, also where there is no box: Python can't read these."""
    runner = interpreter.get_signature_runner("serving_default")
    singles = {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in given.items()}
    try:
        return runner(**singles)
    except ValueError as error:
        if "Invalid tensor size" not in str(error):
            raise
        told = runner.get_output_details()
        assert [int(row["shape"][0]) for row in told.values()] == [0, 0]
        return {name: np.empty(row["shape"], row["dtype"]) for name, row in told.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
