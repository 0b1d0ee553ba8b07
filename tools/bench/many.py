"""Measures `cmlc-run` on many inputs next to loops in batches, as people write them by hand."""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...compiler.runtime import compile as compile_model
from ...compiler.source.spec import messages

PICTURES, ROWS, COLUMNS = 320, 100_000, 10
_ROUNDS = 3  # of both, one after the other

_HEAD = """
import csv, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from itertools import islice
import numpy as np
import tensorflow as tf
from PIL import Image
run = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
source, target = sys.argv[2:4]
def batches(items, size):
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch
"""

_PICTURES = """
paths = [os.path.join(source, name) for name in sorted(os.listdir(source))]
started = time.perf_counter()
with open(target, "w", newline="") as file:
    writer = csv.writer(file)
    for batch in batches(paths, 32):
        pixels = [np.asarray(Image.open(path).convert("RGB").resize((224, 224))) for path in batch]
        (found,) = run(image=tf.constant(np.stack(pixels))).values()
        rows = found.numpy().reshape(len(batch), -1).tolist()
        writer.writerows([path, *row] for path, row in zip(batch, rows))
print(time.perf_counter() - started)
"""

_ROWS_BY_HAND = """
started = time.perf_counter()
with open(source, newline="") as given, open(target, "w", newline="") as file:
    reader, writer = csv.reader(given), csv.writer(file)
    names = next(reader)
    for batch in batches(reader, 1024):
        columns = np.array(batch, dtype=np.float64).T
        found = run(**{name: tf.constant(column) for name, column in zip(names, columns)})
        writer.writerows(zip(*(each.numpy().tolist() for each in found.values())))
print(time.perf_counter() - started)
"""


def figures() -> dict[str, Any]:
    """Entries a second of the command and by hand, and their ratio."""
    from . import mobilenet

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "network.mlmodel").write_bytes(mobilenet.model().SerializeToString())
        _write_pictures(folder / "photos")
        (folder / "linear.mlmodel").write_bytes(linear().SerializeToString())
        _write_rows(folder / "table.csv")
        found |= _side_by_side(folder, "network", "photos", PICTURES, _PICTURES, "pictures")
        found |= _side_by_side(folder, "linear", "table.csv", ROWS, _ROWS_BY_HAND, "rows")
    return found


def _side_by_side(
    folder: Path, model: str, source: str, count: int, code: str, what: str
) -> dict[str, Any]:
    saved = compile_model(folder / f"{model}.mlmodel").write(folder / model)
    command = ["-m", "cmlc.tools.cmlc_run", str(folder / f"{model}.mlmodel"), "--json"]
    command += [f"--input={folder / source}", "-o", str(folder / "ours.csv")]
    hand = ["-c", _HEAD + code, str(saved), str(folder / source), str(folder / "hand.csv")]
    ours, theirs = list[float](), list[float]()
    for _ in range(_ROUNDS):
        theirs.append(float(_printed(hand)))
        ours.append(json.loads(_printed(command))["seconds"])
    a, b = (count / min(seconds) for seconds in (ours, theirs))
    return {
        f"cmlc-run, {what} a second": a,
        f"  a loop in batches by hand, {what} a second": b,
        f"    ratio of cmlc-run to that ({what})": a / b,
    }


def _printed(arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _write_pictures(folder: Path) -> None:
    """Pictures as large as cameras' previews, as smooth as theirs."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(PICTURES):
        small = Image.fromarray(generator.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        small.resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{number:05}.jpg")


def _write_rows(path: Path) -> None:
    numbers = np.random.default_rng(0).standard_normal((ROWS, COLUMNS)).round(4)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(f"x{column}" for column in range(COLUMNS))
        writer.writerows(numbers.tolist())


def linear() -> Any:
    """A pipeline of numbers: their sum with weights."""
    spec = messages("Model_pb2").Model(specificationVersion=1)
    names = [f"x{column}" for column in range(COLUMNS)]
    joined, last = (spec.pipelineRegressor.pipeline.models.add() for _ in range(2))
    for part, inputs, outputs in (
        (spec, names, {"y": "doubleType"}),
        (joined, names, {"all": "multiArrayType"}),
        (last, ["all"], {"y": "doubleType"}),
    ):
        part.specificationVersion = 1
        for name in inputs:
            _describe(part.description.input.add(name=name), name == "all")
        for name, kind in outputs.items():
            _describe(part.description.output.add(name=name), kind == "multiArrayType")
    for part in (spec, last):
        part.description.predictedFeatureName = "y"
    for name in names:
        joined.featureVectorizer.inputList.add(inputColumn=name, inputDimensions=1)
    last.glmRegressor.weights.add(value=np.linspace(-1, 1, COLUMNS))
    last.glmRegressor.offset.append(0.5)
    return spec


def _describe(feature: Any, is_array: bool) -> None:
    if not is_array:
        feature.type.doubleType.SetInParent()
        return
    feature.type.multiArrayType.shape.append(COLUMNS)
    feature.type.multiArrayType.dataType = 65600  # double
