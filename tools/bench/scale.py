"""How compile time grows with operations, and memory with weights."""

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import large_program
from .timing import interleaved

# How much more one operation may cost in a program that is four times as large.
OPERATIONS = (2_500, 10_000)

_SAVE = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import cmlc, tensorflow
def peak():  # of this process alone: getrusage remembers the one that started it
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
tensorflow.constant(1.0)
before = peak()
cmlc.compile(sys.argv[1]).write(sys.argv[2])
print(before, peak())
"""


def operation_figures() -> dict[str, Any]:
    """Seconds of each stage for programs of two sizes, and their ratio."""
    import tensorflow as tf

    tf.constant(1.0)  # starting TensorFlow is not part of it
    rows = [_stages(count) for count in OPERATIONS]
    figures: dict[str, Any] = {}
    for stage in rows[0]:
        few, many = (row[stage] for row in rows)
        figures[f"{OPERATIONS[0]:,} operations: {stage}, s"] = few
        figures[f"{OPERATIONS[1]:,} operations: {stage}, s"] = many
    totals = [sum(row.values()) for row in rows]
    figures[f"  ratio of all stages ({OPERATIONS[1]:,} to {OPERATIONS[0]:,})"] = (
        totals[1] / totals[0]
    )
    return figures


def _stages(count: int) -> dict[str, float]:
    from ...compiler.runtime import compile as compile_model
    from ...compiler.watch import Watch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.mlmodel"
        path.write_bytes(large_program.many_operations(count).SerializeToString())
        watch = Watch()
        model = compile_model(path, watch=watch)
        started = time.perf_counter()
        model.write(Path(folder) / "model")
        return {**watch.seconds, "trace and save": time.perf_counter() - started}


def text_figures() -> dict[str, Any]:
    """How fast the text of compiled programs is parsed."""
    from ...compiler.source.mil_text import parse_program

    rates: list[float] = []
    for count in OPERATIONS:
        text = large_program.many_statements(count)
        best = min(_seconds(lambda text=text: parse_program(text)) for _ in range(3))
        rates.append(count / best)
    return {
        f"model.mil of {count:,} statements: statements per second": rate
        for count, rate in zip(OPERATIONS, rates, strict=True)
    }


def ir_text_figures() -> dict[str, Any]:
    """How fast IR is printed and parsed, and how fast lark alone parses it."""
    from ...compiler.driver import load
    from ...ir.text.parser import parse
    from ...ir.text.printer import print_module
    from ...ir.text.syntax import read

    module = load(large_program.many_operations(OPERATIONS[1]))
    count, text = sum(1 for _ in module.walk()), print_module(module)
    read("func @f() -> () { return }")  # loading the grammar is not part of it
    steps = {
        "printed": lambda: print_module(module),
        "read by lark": lambda: read(text),
        "read": lambda: parse(text),
    }
    return {
        f"IR of {count:,} ops: {step} per second": count / min(_seconds(run) for _ in range(3))
        for step, run in steps.items()
    }


def _seconds(function: Callable[[], Any]) -> float:
    gc.disable()  # as timeit does
    started = time.perf_counter()
    function()
    seconds = time.perf_counter() - started
    gc.enable()
    return seconds


def predict_figures(runs: int) -> dict[str, Any]:
    """What a call of `predict` takes beside the graph: a small network, and one of many ops."""
    import numpy as np
    import tensorflow as tf

    from ...backends.tf.emit import TensorFlowModule
    from ...compiler.runtime import compile as compile_model

    x = np.ones((4, 16), np.float32)
    given = {"x": tf.constant(x)}
    figures: dict[str, Any] = {}
    for count in (20, 500):
        model = compile_model(large_program.many_operations(count))
        executable = model.executable
        assert isinstance(executable, TensorFlowModule)
        predict, graph = model.predict, executable.graph("main")
        predict({"x": x})
        both = (lambda f=predict: f({"x": x}), lambda f=graph: _arrays(f(**given)))
        a, b = interleaved(*both, runs)
        figures[f"predict, {count} operations: ms"] = 1000 * a
        figures[f"  the bare function, {count} operations: ms"] = 1000 * b
        figures[f"  ratio ({count} operations)"] = a / b
    return figures


def _arrays(results: Mapping[str, Any]) -> list[Any]:
    return [tensor.numpy() for tensor in results.values()]


def weight_figures(gigabytes: float) -> dict[str, Any]:
    """Peak memory of compiling and saving `gigabytes` of float32 weights. Only on Linux."""
    figures: dict[str, Any] = {}
    for half in (False, True):
        size = int(gigabytes * 1e9) // (2 if half else 1)
        with tempfile.TemporaryDirectory() as folder:
            package = large_program.many_weights(Path(folder), size, half)
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", _SAVE, str(package), str(Path(folder) / "model")],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds = time.perf_counter() - started
        before, peak = map(float, done.stdout.split())
        kind = f"{gigabytes:g} GB of weights, stored as float{16 if half else 32}"
        figures[f"{kind}: s"] = seconds
        figures[f"{kind}: peak memory, MB"] = peak
        figures[f"  beside TensorFlow's own, MB (float{16 if half else 32})"] = peak - before
        figures[f"  ratio to the weights (float{16 if half else 32})"] = peak / (gigabytes * 1000)
    return figures
