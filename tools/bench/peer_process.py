"""Builds and runs networks with other libraries; run by their environment's Python, without cmlc.

`python peer_process.py build NAME FOLDER` writes network.onnx, network.mlpackage, network.pt and
inputs.npz; `python peer_process.py run RUNTIME FOLDER` runs the network once for each line that it
reads, and answers with the seconds of CPU time that this took; `probe` lists the runtimes.
"""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

NETWORKS = ("mobilenet_v3_large", "resnet50", "squeezenet1_1", "vit_b_16", "tagger")
# Of other environments, and of ours: what the model is read from.
RUNTIMES = {
    "torch": "network.pt",
    "onnxruntime": "network.onnx",
    "openvino": "network.onnx",
    "tensorflow": "savedmodel",
    "litert": "network.tflite",
}
# The modules that have a runtime, if it isn't one of its name.
_MODULES = {"litert": ("ai_edge_litert", "tensorflow")}
_STEPS, _WORDS, _UNITS = 40, 8000, 128


def build(name: str, folder: Path) -> None:
    """Write a network with random weights in all forms."""
    coremltools: Any = import_module("coremltools")
    torch: Any = import_module("torch")

    torch.manual_seed(0)
    network, inputs = _tagger(torch) if name == "tagger" else _of_torchvision(torch, name)
    network.eval()
    traced = torch.jit.trace(network, inputs)
    torch.jit.save(traced, str(folder / "network.pt"))
    names = [f"x{position}" for position in range(len(inputs))]
    np.savez(folder / "inputs.npz", **{n: v.numpy() for n, v in zip(names, inputs, strict=True)})
    types = [
        coremltools.TensorType(n, v.shape, dtype=np.int32 if v.dtype == torch.int32 else np.float32)
        for n, v in zip(names, inputs, strict=True)
    ]
    made = coremltools.convert(
        traced,
        inputs=types,
        minimum_deployment_target=coremltools.target.iOS15,
        compute_precision=coremltools.precision.FLOAT32,
        skip_model_load=True,
    )
    made.save(str(folder / "network.mlpackage"))
    torch.onnx.export(
        network, inputs, str(folder / "network.onnx"), input_names=names, dynamo=False
    )


def _of_torchvision(torch: Any, name: str) -> tuple[Any, tuple[Any, ...]]:
    torchvision: Any = import_module("torchvision")

    return getattr(torchvision.models, name)(weights=None), (torch.rand(1, 3, 224, 224),)


def _tagger(torch: Any) -> tuple[Any, tuple[Any, ...]]:
    """Scores of words: an embedding, two LSTMs in both directions, and a dense layer."""

    class Tagger(torch.nn.Module):  # type: ignore[misc]  # torch is any library here
        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(_WORDS, _UNITS)
            self.states = torch.nn.LSTM(_UNITS, _UNITS, 2, batch_first=True, bidirectional=True)
            self.scores = torch.nn.Linear(2 * _UNITS, 17)

        def forward(self, x: Any) -> Any:
            return self.scores(self.states(self.words(x))[0])

    return Tagger(), (torch.randint(0, _WORDS, (1, _STEPS), dtype=torch.int32),)


def runner(runtime: str, folder: Path) -> Callable[[], Any]:
    """A function that runs the network once, on one thread."""
    path = str(folder / RUNTIMES[runtime])
    inputs = dict(np.load(folder / "inputs.npz"))
    return globals()[f"_{runtime}"](path, inputs)


def _torch(path: str, inputs: dict[str, Any]) -> Callable[[], Any]:
    torch: Any = import_module("torch")

    torch.set_num_threads(1)
    network = torch.jit.load(path)
    given = [torch.from_numpy(array) for array in inputs.values()]

    def run() -> Any:
        with torch.inference_mode():
            return network(*given)

    return run


def _onnxruntime(path: str, inputs: dict[str, Any]) -> Callable[[], Any]:
    onnxruntime: Any = import_module("onnxruntime")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)


def _openvino(path: str, inputs: dict[str, Any]) -> Callable[[], Any]:
    openvino: Any = import_module("openvino")

    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(path, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda: request.infer(inputs)


def _tensorflow(path: str, inputs: dict[str, Any]) -> Callable[[], Any]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    signature = tf.saved_model.load(path).signatures["serving_default"]
    given = {name: tf.constant(array) for name, array in inputs.items()}
    return lambda: signature(**given)


def _litert(path: str, inputs: dict[str, Any]) -> Callable[[], Any]:
    own = importlib.util.find_spec("ai_edge_litert")
    library: Any = import_module("ai_edge_litert.interpreter" if own else "tensorflow")
    library = library if own else library.lite
    run = library.Interpreter(path, num_threads=1).get_signature_runner()
    return lambda: run(**inputs)


def probe() -> list[str]:
    """The runtimes that this environment has."""
    return [name for name in RUNTIMES if any(map(_is_there, _MODULES.get(name, (name,))))]


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _answer(run: Callable[[], Any]) -> None:
    """Run once for each line that comes in; the first run, which prepares, isn't timed."""
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        run()
        print(time.process_time() - started, flush=True)


def main() -> None:
    """The command."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    command, *rest = sys.argv[1:]
    if command == "probe":
        print(json.dumps(probe()))
    elif command == "build":
        build(rest[0], Path(rest[1]))
    else:
        _answer(runner(rest[0], Path(rest[1])))


if __name__ == "__main__":
    main()
