"""Runs TFLite files and frozen graphs in a process of their own, with nothing but TensorFlow.

`python tflite_run.py FOLDER`: for each FOLDER/NAME.tflite or NAME.pb, NAME.inputs.npz is read and
NAME.outputs.npz written. NAME.json says which tensors of a frozen graph are what.
"""

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")


def run_tflite(path, given):
    import tensorflow as tf

    runner = tf.lite.Interpreter(str(path)).get_signature_runner("serving_default")
    return runner(**given)


def run_graph(path, given):
    """As programs of TensorFlow 1 do."""
    import tensorflow as tf

    tensors = json.loads(path.with_suffix(".json").read_text())
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    with tf.Graph().as_default() as holder:
        tf.import_graph_def(graph, name="")
        feed = {tensors["inputs"][name]: array for name, array in given.items()}
        with tf.compat.v1.Session(graph=holder) as session:
            return session.run(tensors["outputs"], feed)


def main(folder: Path) -> None:
    for path in sorted([*folder.glob("*.tflite"), *folder.glob("*.pb")]):
        with np.load(path.with_suffix(".inputs.npz")) as inputs:
            given = dict(inputs)
        outputs = (run_tflite if path.suffix == ".tflite" else run_graph)(path, given)
        arrays = {k: np.asarray(a) for k, a in outputs.items()}
        arrays = {k: a.astype("S") if a.dtype == object else a for k, a in arrays.items()}
        np.savez(path.with_suffix(".outputs.npz"), **arrays)
    assert not any(name.split(".")[0] == "cmlc" for name in sys.modules)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
