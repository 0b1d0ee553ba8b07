"""Measures TFLite files of MobileNetV2 next to one made from the Keras model."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from . import mobilenet
from .timing import interleaved

_SAMPLES = 8


def figures(path: Path, runs: int) -> dict[str, Any]:
    """Operations, times side by side, sizes and errors by kind of quantization.

    Args:
        path: the Core ML model.
        runs: interleaved runs of both files.
    """
    from ...backends.tflite.contents import Contents
    from ...backends.tflite.emit import TFLiteModule
    from ...compiler.options import Options
    from ...compiler.stages import Stages
    from ...ir.interpret import run

    options = Options(target="tflite", batch="static")
    stages = Stages(path, options)
    optimized, lowered = stages.optimized, stages.lowered
    made = TFLiteModule(lowered)
    pixels = np.random.default_rng(0).integers(0, 256, (_SAMPLES, 1, 224, 224, 3))
    pixels = pixels.astype(np.uint8)

    samples = [{"image": image} for image in pixels]
    expected = run(optimized, {"image": pixels[0]}, optimized.main.name)["probabilities"]
    found: dict[str, Any] = {}
    files = {
        "float32": made.convert(),
        "float16": made.convert("float16"),
        "dynamic": made.convert("dynamic"),
        "int8": made.convert("int8", samples),
    }
    for name, file in files.items():
        got = Contents(file).run({"image": pixels[0]})["probabilities"]
        found[f"TFLite, {name}: MB"] = len(file) / 1e6
        found[f"  error, of scale ({name})"] = float(np.abs(got - expected).max() / expected.max())
    operations = Contents(files["float32"]).operations()
    found["TFLite operations"] = sum(operations.values())
    found["  of them transposes"] = operations["TRANSPOSE"]
    keras_file = _by_hand(path)
    found["  of the Keras model's file"] = sum(Contents(keras_file).operations().values())
    ours, theirs = (
        _ready(files["float32"], pixels[0]),
        _ready(keras_file, pixels[0].astype(np.float32)),
    )
    a, b = interleaved(ours, theirs, runs)
    found["TFLite inference, ms"] = 1000 * a
    found["the Keras model's file, ms"] = 1000 * b
    found["  ratio of TFLite times"] = a / b
    return found


def _by_hand(path: Path) -> bytes:
    """TensorFlow's conversion of the network written in Keras, with a batch of one."""
    import keras
    import tensorflow as tf

    model = mobilenet.keras_twin(path)
    signature = [keras.InputSpec(shape=(1, 224, 224, 3), dtype="float32")]
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False, input_signature=signature)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def _ready(file: bytes, x: Any) -> Any:
    """A function that runs the file on x."""
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_content=file)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    return interpreter.invoke
