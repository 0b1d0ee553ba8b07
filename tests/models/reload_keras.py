"""Runs Keras code and `.keras` files in a process of their own, with nothing but Keras.

`python reload_keras.py FOLDER`: for each FOLDER/NAME.inputs.npz, the model of FOLDER/NAME/model.py
with its weights and that of FOLDER/NAME.keras give NAME.code.npz and NAME.file.npz.
"""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def code_of(path: Path):
    spec = importlib.util.spec_from_file_location(path.parent.name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_taken(array: np.ndarray) -> np.ndarray:
    """Strings as objects, which Keras takes and files don't have."""
    return array.astype(object) if array.dtype.kind == "U" else array


def write(model, inputs: dict, names: list[str], path: Path) -> None:
    given = [as_taken(inputs[name]) for name in names]
    found = model(given[0] if len(given) == 1 else given)
    found = found if isinstance(found, dict) else {"": found}
    np.savez(path, **{name: np.asarray(value) for name, value in found.items()})


def main(folder: Path) -> None:
    import keras

    for path in sorted(folder.glob("*.inputs.npz")):
        name = path.name.removesuffix(".inputs.npz")
        with np.load(path) as file:
            inputs = dict(file)
        source = folder / name / "model.py"
        # Only what the code defines itself needs the code.
        needs_code = "register_keras_serializable" in source.read_text()
        loaded = None if needs_code else keras.models.load_model(folder / f"{name}.keras")
        model = code_of(source).load()
        loaded = loaded or keras.models.load_model(folder / f"{name}.keras")
        for kind, made in (("code", model), ("file", loaded)):
            write(made, inputs, list(inputs), folder / f"{name}.{kind}.npz")
        keras.backend.clear_session()
    assert not any(name.split(".")[0] == "cmlc" for name in sys.modules)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
