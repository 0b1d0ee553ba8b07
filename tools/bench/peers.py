"""Networks of PyTorch: what cmlc makes of them next to other runtimes, one run of each in turn.

The other libraries may be in another environment, because some don't load beside TensorFlow. Each
runtime has a process of its own, and one thread; times are of the CPU.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from . import peer_process
from .peer_process import RUNTIMES

_SCRIPT = peer_process.__file__
_NEEDED = ("torch", "torchvision", "coremltools", "onnx")
# What cmlc's files run on.
_OURS = {"tensorflow": "savedmodel", "litert": "tflite"}
_WARM_UP = 3


def figures(python: str, networks: Sequence[str], runs: int) -> dict[str, Any]:
    """CPU milliseconds of each runtime, and ratios of the SavedModel's to them.

    Args:
        python: the Python of the environment that has the other libraries.
        networks: which of `NETWORKS`.
        runs: how often each runs.
    """
    if missing := _missing(python):
        return {"peers: not compared, because these are not installed": ", ".join(missing)}
    found: dict[str, Any] = {}
    for name in networks:
        with tempfile.TemporaryDirectory() as folder:
            _run([python, _SCRIPT, "build", name, folder])
            _compile(Path(folder))
            times = _times(python, Path(folder), runs)
        ours = times.pop("tensorflow")
        found[f"{name}: SavedModel, ms of CPU time"] = 1000 * ours
        for runtime, seconds in times.items():
            form = "TFLite file in LiteRT" if runtime == "litert" else runtime
            found[f"  {form}, ms ({name})"] = 1000 * seconds
            found[f"    ratio of the SavedModel to {runtime} ({name})"] = ours / seconds
    return found


def _missing(python: str) -> list[str]:
    code = (
        "import importlib.util, sys\n"
        "print(*(n for n in sys.argv[1:] if not importlib.util.find_spec(n)))"
    )
    return _run([python, "-c", code, *_NEEDED]).split()


def _compile(folder: Path) -> None:
    command = [sys.executable, "-m", "cmlc.tools.cmlc", str(folder / "network.mlpackage")]
    for runtime, form in _OURS.items():
        _run([*command, f"--emit={form}", "-o", str(folder / RUNTIMES[runtime])])


def _times(python: str, folder: Path, runs: int) -> dict[str, float]:
    """Median seconds of each runtime that is there, by name."""
    places = {
        runtime: interpreter
        for interpreter in (python, sys.executable)
        for runtime in json.loads(_run([interpreter, _SCRIPT, "probe"]))
        if (runtime == "tensorflow") == (interpreter == sys.executable) or runtime == "litert"
    }
    processes = {name: Process(place, name, folder) for name, place in places.items()}
    times: dict[str, list[float]] = {name: [] for name in processes}
    try:
        for turn in range(runs + _WARM_UP):
            for name, process in processes.items():
                seconds = process.seconds()
                if turn >= _WARM_UP:
                    times[name].append(seconds)
    finally:
        for process in processes.values():
            process.end()
    return {name: statistics.median(found) for name, found in times.items()}


class Process:
    """A runtime's process, which runs the network when it is asked."""

    def __init__(self, python: str, runtime: str, folder: Path) -> None:
        log = folder / f"{runtime}.log"
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [python, _SCRIPT, "run", runtime, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._given = cast(IO[str], self._process.stdin)
        self._answers = cast(IO[str], self._process.stdout)
        while "ready" not in (line := self._answers.readline()):
            if not line:
                problem = log.read_text()[-2000:]
                raise RuntimeError(f"{runtime} doesn't run {RUNTIMES[runtime]}:\n{problem}")

    def seconds(self) -> float:
        """CPU time of one run."""
        self._given.write("run\n")
        self._given.flush()
        return float(self._answers.readline())

    def end(self) -> None:
        self._given.close()
        self._process.wait()


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout
