"""Runs Keras code and `.keras` files in a process of their own, with nothing but Keras.

`python run_keras.py FOLDER NAME…`: for each NAME, the code in FOLDER/NAME with its weights, and
FOLDER/NAME.keras if that is there, read FOLDER/NAME.inputs.npz and write FOLDER/NAME.code.npz and
FOLDER/NAME.file.npz. KERAS_BACKEND says what Keras runs on.
"""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(folder, names):
    for name in names:
        code = module_at(folder / name / "model.py", name)
        write(code.load(), folder, name, "code")
        file = folder / f"{name}.keras"
        if file.exists():
            import keras

            write(keras.models.load_model(file), folder, name, "file")
    loaded = {name.partition(".")[0] for name in sys.modules}
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    assert backend in loaded
    # TensorFlow itself imports JAX where that is installed.
    others = {"cmlc", "coremltools", "tensorflow", "torch"} - {backend}
    assert not loaded & others, sorted(loaded & others)


def module_at(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(model, folder, name, what):
    with np.load(folder / f"{name}.inputs.npz") as inputs:
        given = [inputs[tensor.name] for tensor in model.inputs]
    # Not `predict`, which compiles the whole network first.
    found = model(given if len(given) > 1 else given[0], training=False)
    found = found if isinstance(found, dict) else {"": found}
    np.savez(folder / f"{name}.{what}.npz", **{k: np.asarray(v) for k, v in found.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
