"""Reads files with one client, in a process of its own; knows nothing of this project.

`python readers.py CLIENT FORM FOLDER OUT`: for each model FOLDER/NAME, the client's outputs on
FOLDER/NAME/inputs.npz are written to OUT/NAME.npz, or its error to OUT/NAME.txt. After a crash,
the same command goes on with the next model.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import runpy
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FILES = {"SavedModel": "savedmodel", "frozen graph": "graph.pb", "TFLite": "model.tflite"}


class Model:
    """A model's folder: its files, what goes in, and what names are called."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder = folder
        self.form = form
        self.path = folder / FILES[form]
        self.names = json.loads((folder / "names.json").read_text())
        with np.load(folder / "inputs.npz") as file:
            self.inputs = dict(file)
        with np.load(folder / "expected.npz") as file:
            self.outputs = list(file)

    def written(self, kind: str, name: str) -> str:
        """What the form calls an input or an output (`kind`)."""
        return self.names["graph"][kind][name] if self.form == "frozen graph" else name

    def called(self, kind: str, keys: list[set[str]]) -> list[str]:
        """Which input or output each tensor is, that a client knows by several names, in order."""
        if self.form == "TFLite":
            return self.names["tflite"][kind]
        wanted = self.inputs if kind == "inputs" else self.outputs
        tensors = {self.written(kind, name): name for name in wanted}
        known = {key: name for tensor, name in tensors.items() for key in spellings(tensor)}
        return [next((known[key] for key in names if key in known), "") for names in keys]


def spellings(tensor: str) -> list[str]:
    """How programs spell a tensor."""
    plain = tensor.removesuffix(":0")
    return [tensor, plain, f"{plain}:0", f"serving_default_{plain}:0", f"serving_default_{plain}"]


def openvino(model: Model) -> dict:
    """OpenVINO on the CPU."""
    import openvino  # pyright: ignore[reportMissingImports]  not of this project

    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(str(model.path)), "CPU", exact)
    inputs = model.called("inputs", [port.names for port in compiled.inputs])
    outputs = model.called("outputs", [port.names for port in compiled.outputs])
    given = {i: model.inputs[name] for i, name in enumerate(inputs)}
    found = compiled(given)
    return {name: found[compiled.output(i)] for i, name in enumerate(outputs) if name}


def tf2onnx(model: Model) -> dict:
    """An ONNX file by tf2onnx, run by ONNX Runtime."""
    import onnxruntime  # pyright: ignore[reportMissingImports]  likewise

    file = model.folder / f"{model.path.name}.onnx"
    option = {"SavedModel": "--saved-model", "frozen graph": "--graphdef", "TFLite": "--tflite"}
    command = [option[model.form], str(model.path), "--output", str(file), "--opset", "17"]
    if model.form == "frozen graph":
        for kind in ("inputs", "outputs"):
            names = model.inputs if kind == "inputs" else model.outputs
            command += [f"--{kind}", ",".join(model.written(kind, name) for name in names)]
    sys.argv = ["tf2onnx.convert", *command]
    runpy.run_module("tf2onnx.convert", run_name="__main__")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    ports = session.get_inputs(), session.get_outputs()
    inputs = model.called("inputs", [{port.name} for port in ports[0]])
    outputs = model.called("outputs", [{port.name} for port in ports[1]])
    given = {port.name: model.inputs[n] for port, n in zip(ports[0], inputs, strict=True)}
    found = session.run([port.name for port in ports[1]], given)
    return {name: array for name, array in zip(outputs, found, strict=True) if name}


def loaded(model: Model):
    """A function of keyword arguments, by TensorFlow."""
    import tensorflow as tf

    if model.form == "SavedModel":
        whole = tf.saved_model.load(str(model.path))  # has the variables, so it must stay
        return lambda **given: whole.signatures["serving_default"](**given)
    message = tf.compat.v1.GraphDef.FromString(model.path.read_bytes())
    tensors = model.names["graph"]
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(message, name=""), [])
    pruned = wrapped.prune(
        [tensors["inputs"][name] for name in model.inputs],
        {name: tensors["outputs"][name] for name in model.outputs},
    )
    return lambda **given: pruned(*given.values())


def xla(model: Model) -> dict:
    """XLA, by TensorFlow."""
    import tensorflow as tf

    function = loaded(model)
    numbers = {name: tf.constant(array) for name, array in model.inputs.items()}
    call = tf.function(
        lambda **given: {key: function(**given)[key] for key in model.outputs},
        jit_compile=True,
        autograph=False,
    )
    return {name: value.numpy() for name, value in call(**numbers).items()}


def tf2jax(model: Model) -> dict:
    """A function of JAX by tf2jax, compiled."""
    import jax
    import tensorflow as tf
    import tf2jax as library  # pyright: ignore[reportMissingImports]  likewise

    function = loaded(model)
    wrapped = tf.function(
        lambda **given: {key: function(**given)[key] for key in model.outputs}, autograph=False
    )
    call, parameters = library.convert(wrapped, **model.inputs)
    found, _ = jax.jit(call)(parameters, **model.inputs)
    return {name: np.asarray(value) for name, value in found.items()}


def keras(model: Model) -> dict:
    """A layer of Keras."""
    import keras as library

    layer = library.layers.TFSMLayer(str(model.path), call_endpoint="serving_default")
    found = layer(model.inputs)
    return {name: np.asarray(found[name]) for name in model.outputs}


def coremltools(model: Model) -> dict:
    """A Core ML model again, by coremltools; what it computes is computed by the caller."""
    library: Any = importlib.import_module("coremltools")

    shapes = {name: array.shape for name, array in model.inputs.items()}
    inputs = [
        library.TensorType(name=model.written("inputs", name).removesuffix(":0"), shape=shape)
        for name, shape in shapes.items()
    ]
    settings = {"source": "tensorflow", "inputs": inputs, "skip_model_load": True}
    settings["compute_precision"] = library.precision.FLOAT32
    if model.form == "frozen graph":
        import tensorflow as tf

        message = tf.compat.v1.GraphDef.FromString(model.path.read_bytes())
        outputs = [model.written("outputs", name).removesuffix(":0") for name in model.outputs]
        made = library.convert(message, outputs=outputs, **settings)
    else:
        made = library.convert(str(model.path), **settings)
    made.save(str(model.folder / f"{model.path.name}.mlpackage"))
    return {}


READERS = {f.__name__: f for f in (openvino, tf2onnx, xla, tf2jax, keras, coremltools)}


def essence(text: str) -> str:
    """What an error says of operations, or else at its end."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [
        line for line in lines if re.search("unsupported|not (supported|implemented)", line, re.I)
    ]
    return (named or lines[-1:] or ["nothing"])[0]


def main(client: str, form: str, folder: Path, out: Path) -> None:
    """The command; what fails is written, too, and models that have a result are passed over."""
    warnings.simplefilter("ignore")
    for path in sorted(folder.iterdir()):
        arrays, told = out / f"{path.name}.npz", out / f"{path.name}.txt"
        if arrays.exists() or told.exists():
            continue
        told.write_text("the process crashes")
        try:
            np.savez(arrays, **READERS[client](Model(path, form)))
            told.unlink()
        except Exception as error:
            told.write_text(f"{type(error).__name__}: {essence(str(error))}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
