"""Measures what the project promises: start-up, compile time and memory, inference beside Keras.

`python -m cmlc.tools.bench [--json FILE] [--against FILE] [--runs N]` measures all. One part alone:
`--weights MODEL …`, savings and costs of compressed weights in models; `--tflite`, TFLite files;
`--trees`, ensembles of trees; `--many`, `cmlc-run` on many inputs; `--peers [NETWORK …]`, networks
of PyTorch in other runtimes, if the environment, or the one of `--peers-python`, has torch,
torchvision, coremltools and onnx.
Ratios are measured side by side in one process, alternating, because machines are noisy; absolute
times are only for orientation. Each measurement of start-up or memory runs in a fresh process.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import half_program, long_lstm, many, mobilenet, peers, scale, trees
from . import tflite as bench_tflite
from .peer_process import NETWORKS
from .timing import interleaved

_TF_SAVE = """
import os, sys, time, resource
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
started = time.perf_counter()
import tensorflow as tf
import numpy as np
imported = time.perf_counter()
generator = np.random.default_rng(0)
module = tf.Module()
module.weights = []
def variable(*sizes):
    module.weights.append(tf.Variable(generator.standard_normal(sizes).astype("f")))
    return module.weights[-1]
layers, channels = [], 3
for kernel, out, stride, depthwise in {layers}:
    sizes = (kernel, kernel, channels, 1) if depthwise else (kernel, kernel, channels, out)
    layers.append((variable(*sizes), variable(out), stride, depthwise))
    channels = out
dense = variable(channels, 1000)
@tf.function(input_signature=[tf.TensorSpec([None, 224, 224, 3], name="image")], autograph=False)
def call(x):
    for weight, bias, stride, depthwise in layers:
        if depthwise:
            x = tf.nn.depthwise_conv2d(x, weight, [1, stride, stride, 1], "SAME")
        else:
            x = tf.nn.conv2d(x, weight, stride, "SAME")
        x = tf.nn.relu6(tf.nn.bias_add(x, bias))
    return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), dense))
tf.saved_model.save(module, sys.argv[1], signatures=call.get_concrete_function())
print(imported - started, time.perf_counter() - imported,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

_COMPILE = """
import os, sys, time, resource
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
started = time.perf_counter()
import cmlc
model = cmlc.compile(sys.argv[1])
model.write(sys.argv[2])
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

_ONE_LAYER = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow
import numpy as np
import cmlc
from cmlc.tools.bench import mobilenet
spec = mobilenet.one_layer()
cmlc.compile(spec).predict({"x": np.zeros(4, "f")})
times = []
for _ in range(10):
    started = time.perf_counter()
    cmlc.compile(spec).predict({"x": np.zeros(4, "f")})
    times.append(time.perf_counter() - started)
print(sorted(times)[5])
"""


def main(argv: list[str] | None = None) -> int:
    """Run all measurements; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, prog="bench")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--runs", type=int, default=40, help="interleaved runs of each network")
    help_ = "measure only compressed against expanded weights of these models"
    parser.add_argument("--weights", type=Path, nargs="+", metavar="MODEL", help=help_)
    help_ = "measure only the memory for programs with N gigabytes of weights"
    parser.add_argument("--gigabytes", type=float, metavar="N", help=help_)
    help_ = "measure only TFLite files of MobileNetV2"
    parser.add_argument("--tflite", action="store_true", help=help_)
    help_ = "measure only ensembles of trees, next to scikit-learn and ONNX Runtime"
    parser.add_argument("--trees", action="store_true", help=help_)
    help_ = "measure only cmlc-run on many inputs, next to loops by hand"
    parser.add_argument("--many", action="store_true", help=help_)
    help_ = f"measure only networks of PyTorch in other runtimes: {', '.join(NETWORKS)}"
    parser.add_argument("--peers", nargs="*", metavar="NETWORK", choices=NETWORKS, help=help_)
    help_ = "the Python of the environment that has PyTorch and the other runtimes"
    parser.add_argument("--peers-python", default=sys.executable, metavar="PYTHON", help=help_)
    help_ = "show these earlier figures, written with --json, beside the new ones"
    parser.add_argument("--against", type=Path, metavar="FILE", help=help_)
    options = parser.parse_args(argv)
    earlier = json.loads(options.against.read_text()) if options.against else {}
    with tempfile.TemporaryDirectory() as folder:
        figures: dict[str, Any] = {}
        if options.gigabytes:
            figures = scale.weight_figures(options.gigabytes)
        elif options.weights:
            for model in options.weights:
                figures |= _weight_figures(model, model.stem, options.runs)
        elif options.tflite:
            figures = bench_tflite.figures(_mobilenet(Path(folder)), options.runs)
        elif options.trees:
            figures = trees.figures(options.runs)
        elif options.many:
            figures = many.figures()
        elif options.peers is not None:
            names = options.peers or NETWORKS
            figures = peers.figures(options.peers_python, names, options.runs)
        else:
            figures = measure(Path(folder), options.runs)
            figures |= peers.figures(options.peers_python, NETWORKS, options.runs)
    for line in table(figures, earlier):
        print(line)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def table(figures: Mapping[str, Any], earlier: Mapping[str, Any]) -> Iterator[str]:
    """A line for each figure; beside it what it was, and the ratio of now to then."""
    for name, value in figures.items():
        line = f"{name:<58} {_shown(value)}"
        before = earlier.get(name)
        if isinstance(value, int | float) and isinstance(before, int | float) and before:
            line = f"{line:<70} {_shown(before):<10} {value / before:.2f}"
        yield line


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def measure(folder: Path, runs: int) -> dict[str, Any]:
    """All figures by name: seconds, megabytes, counts and ratios."""
    figures: dict[str, Any] = {}
    figures["cmlc --help, s (best of 5)"] = min(
        _timed([sys.executable, "-m", "cmlc.tools.cmlc", "--help"]) for _ in range(5)
    )
    figures["import cmlc.ir.ssa, s (best of 5)"] = min(
        _timed([sys.executable, "-c", "import cmlc.ir.ssa"]) for _ in range(5)
    )
    model = _mobilenet(folder)
    figures["cmlc MobileNetV2 --emit=ir, s"] = _timed(
        [sys.executable, "-m", "cmlc.tools.cmlc", str(model), "--emit=ir"]
    )
    figures |= _compile_figures(folder, model)
    figures |= _inference_figures(model, runs)
    figures |= bench_tflite.figures(model, runs)
    figures |= _lstm_figures(runs)
    figures |= trees.figures(runs)
    figures |= many.figures()
    for bits, scheme in ((16, "half"), (8, "linear"), (6, "lut"), (4, "lut")):
        spec = mobilenet.quantized(bits, scheme)
        figures |= _weight_figures(spec, f"MobileNetV2, {scheme} {bits} bits", runs)
    figures |= precision_figures(runs)
    figures |= scale.text_figures()
    figures |= scale.ir_text_figures()
    figures |= scale.operation_figures()
    figures |= scale.predict_figures(runs)
    figures |= scale.weight_figures(0.25)
    return figures


def _mobilenet(folder: Path) -> Path:
    path = folder / "mobilenet_v2.mlmodel"
    path.write_bytes(mobilenet.model().SerializeToString())
    return path


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _numbers(code: str, *arguments: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.split()[-3:]]


def _compile_figures(folder: Path, model: Path) -> dict[str, Any]:
    by_hand, ours = [], []
    code = _TF_SAVE.replace("{layers}", repr(mobilenet.layers()))
    for attempt in range(3):
        by_hand.append(_numbers(code, str(folder / f"hand{attempt}")))
        ours.append(_numbers(_COMPILE, str(model), str(folder / f"ours{attempt}")))
    hand = statistics.median(imported + saved for imported, saved, _ in by_hand)
    compiled = statistics.median(row[0] for row in ours)
    return {
        "import TensorFlow + save an equal tf.Module, s": hand,
        "compile MobileNetV2 to a SavedModel, s": compiled,
        "  more than by hand, s": compiled - hand,
        "peak memory of that compile, MB": max(row[1] for row in ours),
        "peak memory by hand, MB": max(row[2] for row in by_hand),
        "one-layer model, compile + predict, s (median)": _numbers(_ONE_LAYER)[0],
    }


def _inference_figures(path: Path, runs: int) -> dict[str, Any]:
    import numpy as np
    import tensorflow as tf

    from ...backends.tf.emit import TensorFlowModule
    from ...compiler.runtime import compile as compile_model

    model = compile_model(path)
    executable = model.executable
    assert isinstance(executable, TensorFlowModule)
    function = executable.graph("main")
    with tempfile.TemporaryDirectory() as folder:
        saved = tf.saved_model.load(str(model.write(Path(folder) / "model")))
    ours = saved.signatures["serving_default"]
    keras_model = mobilenet.keras_twin(path)
    theirs = tf.function(lambda x: keras_model(x, training=False), autograph=False)
    theirs = theirs.get_concrete_function(tf.TensorSpec([None, 224, 224, 3]))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3)).astype(np.uint8)
    figures: dict[str, Any] = graph_figures(function.graph)
    for batch in (1, 8):
        images = tf.constant(pixels[:batch])
        floats = tf.constant(pixels[:batch].astype(np.float32))
        got, expected = ours(image=images)["probabilities"].numpy(), theirs(floats).numpy()
        figures[f"difference from Keras, of scale (batch {batch})"] = float(
            np.abs(got - expected).max() / expected.max()
        )
        a, b = interleaved(lambda x=images: ours(image=x), lambda x=floats: theirs(x), runs)
        figures[f"inference, ms (batch {batch})"] = 1000 * a
        figures[f"the same network in Keras, ms (batch {batch})"] = 1000 * b
        figures[f"  ratio (batch {batch})"] = a / b
    return figures


def _lstm_figures(runs: int) -> dict[str, Any]:
    """A 512-step LSTM next to keras.layers.LSTM."""
    import numpy as np
    import tensorflow as tf

    from ...compiler.runtime import compile as compile_model

    figures: dict[str, Any] = {}
    for units, batch in itertools.product((64, 256), (1, 8)):
        layer = long_lstm.keras_layer(units)
        model = compile_model(long_lstm.model(layer, batch))
        with tempfile.TemporaryDirectory() as folder:
            saved = tf.saved_model.load(str(model.write(Path(folder) / "model")))
        ours = saved.signatures["serving_default"]
        theirs = tf.function(lambda x, layer=layer: layer(x, training=False), autograph=False)
        shape = (long_lstm.STEPS, batch, long_lstm.FEATURES)
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        ahead, first = tf.constant(x[..., None, None]), tf.constant(x.swapaxes(0, 1))
        got, expected = ours(x=ahead)["y"].numpy()[..., 0, 0], theirs(first).numpy()
        a, b = interleaved(lambda f=ours, x=ahead: f(x=x), lambda f=theirs, x=first: f(x), runs)
        case = f"({units} units, batch {batch})"
        figures[f"512-step LSTM, ms {case}"] = 1000 * a
        figures[f"keras.layers.LSTM, ms {case}"] = 1000 * b
        figures[f"  ratio {case}"] = a / b
        figures[f"  largest difference {case}"] = float(np.abs(got.swapaxes(0, 1) - expected).max())
    return figures


def _weight_figures(source: Any, name: str, runs: int) -> dict[str, Any]:
    """Size and time of a SavedModel with weights decoded once, and at each run."""
    import tensorflow as tf

    from ...compiler.runtime import compile as compile_model
    from ...ir.interpret import random_inputs
    from ..cli.summary import folder_size

    sizes, functions = list[float](), list[Any]()
    inputs: dict[str, Any] = {}
    for weights in ("expanded", "compressed"):
        model = compile_model(source, weights=weights)
        with tempfile.TemporaryDirectory() as folder:
            path = model.write(Path(folder) / "model")
            sizes.append(folder_size(path) / 1e6)
            functions.append(tf.saved_model.load(str(path)).signatures["serving_default"])
        given = random_inputs(model.module.main, 0, N=1)
        inputs = {name: tf.constant(array) for name, array in given.items()}
    dense, small = functions
    a, b = interleaved(lambda: dense(**inputs), lambda: small(**inputs), runs)
    return {
        f"{name}: SavedModel, MB": sizes[0],
        f"  with --weights=compressed, MB ({name})": sizes[1],
        f"  ratio of sizes ({name})": sizes[1] / sizes[0],
        f"  inference, ms ({name})": 1000 * a,
        f"  inference compressed, ms ({name})": 1000 * b,
        f"  ratio of times ({name})": b / a,
    }


def precision_figures(runs: int) -> dict[str, Any]:
    """A float16 program computed in float32, and in float16; errors of probabilities."""
    import numpy as np
    import tensorflow as tf

    from ...compiler.runtime import compile as compile_model

    spec = half_program.model()
    x = np.random.default_rng(1).standard_normal((1, 3, half_program.SIZE, half_program.SIZE))
    x = x.astype(np.float32)
    given = tf.constant(x)
    figures: dict[str, Any] = {}
    name = spec.description.output[0].name
    reference = compile_model(spec).interpret({"x": x})[name]
    functions: list[Any] = []
    for precision in ("float32", "keep"):
        model = compile_model(spec, precision=precision)
        with tempfile.TemporaryDirectory() as folder:
            saved = tf.saved_model.load(str(model.write(Path(folder) / "model")))
        functions.append(saved.signatures["serving_default"])
        found = functions[-1](x=given)[name].numpy()
        error = np.abs(found - reference).max() / reference.max()
        figures[f"float16 program, --precision={precision}: error, of scale"] = float(error)
    full, half = functions
    a, b = interleaved(lambda: full(x=given), lambda: half(x=given), runs)
    figures["float16 program, --precision=float32: ms"] = 1000 * a
    figures["float16 program, --precision=keep: ms"] = 1000 * b
    figures["  ratio (keep to float32)"] = b / a
    return figures


def graph_figures(graph: Any) -> dict[str, Any]:
    """Ops of a traced function, without constants, variable reads and identities."""
    passive = {"Const", "ReadVariableOp", "Identity", "Placeholder", "NoOp"}
    counts = Counter(op.type for op in graph.get_operations() if op.type not in passive)
    return {
        "TensorFlow ops (no constants, reads, identities)": sum(counts.values()),
        "  of them for image preprocessing": counts["Cast"] + counts["Mul"] + counts["Sub"],
        "  of them transposes": counts["Transpose"],
    }
