"""Detectors with their suppression: the same boxes in a SavedModel, a TFLite file and in numpy."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cmlc.backends.tflite.contents import Contents
from cmlc.compiler.artefacts.measured import measure
from cmlc.compiler.binding import bind_inputs
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.interpret import run
from support.running.saved_models import assert_close
from support.tables.detectors import LABELS, detector, street

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "detect.py"
DETECTORS = {
    "ultralytics": lambda: detector("required"),
    "turi": lambda: detector("optional", per_class=True),
    "fixed": lambda: detector(rows=6, confidence=0.4),
}
# (intersection over union, confidence); the last one lets nothing through.
THRESHOLDS = [(0.3, 0.25), (0.05, 0.1), (0.9, 0.5), (0.3, 1.0)]


def scene(seed):
    """Squares of random colours at random places, and noise, so that no two scores are equal."""
    generator = np.random.default_rng(seed)
    places = generator.integers(0, 25, (5, 2)).tolist()
    squares = zip(generator.choice(LABELS, 5), *zip(*places, strict=True), strict=True)
    return street(*squares, noise=generator)


def inputs(name):
    for seed, (iou, confidence) in enumerate(THRESHOLDS):
        given = {"image": scene(seed)}
        if name != "fixed":
            given |= {"iouThreshold": iou, "confidenceThreshold": confidence}
        yield given
    if name == "turi":
        yield {"image": scene(7)}  # the thresholds of the model


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder with every detector in both forms, and what a fresh process made of inputs."""
    folder = tmp_path_factory.mktemp("detectors")
    for name, make in DETECTORS.items():
        stages = Stages(make(), Options(batch="static"))
        stages.executable.save(folder / name)
        lite = stages.for_target("tflite")
        (folder / f"{name}.tflite").write_bytes(lite.executable.convert())
        for number, given in enumerate(inputs(name)):
            arrays, _ = bind_inputs(stages.named.main, given)
            np.savez(folder / f"{name}.{number}.inputs.npz", **arrays)
            np.savez(folder / f"{name}.{number}.expected.npz", **run(stages.named, arrays))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("form", ["savedmodel", "tflite"])
@pytest.mark.parametrize("name", DETECTORS)
def test_boxes_are_those_of_the_interpreter(files, name, form):
    counts = []
    for number, _ in enumerate(inputs(name)):
        with np.load(files / f"{name}.{number}.expected.npz") as expected:
            with np.load(files / f"{name}.{number}.{form}.npz") as found:
                for key in ("coordinates", "confidence"):
                    assert found[key].shape == expected[key].shape
                    if expected[key].size:
                        assert_close(expected[key], found[key], f"{name} {number}: {key}")
            counts.append(int(expected["coordinates"].any(-1).sum()))
    assert len(set(counts)) > 1
    assert max(counts) > 2
    assert name == "fixed" or 0 in counts


@pytest.mark.parametrize("name", DETECTORS)
def test_tflite_has_builtin_operations_and_labels(files, name):
    file = (files / f"{name}.tflite").read_bytes()
    assert Contents(file).foreign() == []
    for what in (
        b"a row for each box: the confidence of each class",
        b"a row for each box: centre x, centre y, width, height; the image is 1 wide and high",
    ):
        assert file.count(what) == 1
    thresholds = 0 if name == "fixed" else 1
    assert file.count(b"the model's own choice is 0.3") == thresholds
    assert file.count(b"the model's own choice is 0.25") == thresholds
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.read("labels.txt").decode().split() == list(LABELS)


def test_an_output_of_no_rows_is_read(files):
    content = Contents((files / "turi.tflite").read_bytes())
    with np.load(files / "turi.3.inputs.npz") as given:
        arrays = {n: a.astype(np.float32) if a.ndim == 0 else a for n, a in given.items()}
    found = content.run(arrays)
    assert {name: array.shape for name, array in found.items()} == {
        "coordinates": (0, 4),
        "confidence": (0, 3),
    }
    module = Stages(detector("optional", per_class=True), Options(target="tflite")).optimized
    errors = measure(module, content.run, None)
    assert errors.problem == "the outputs have no elements on random numbers"


def test_boxes_that_random_numbers_have_are_measured():
    lite = Stages(detector("optional", confidence=0.0), Options(target="tflite", batch="static"))
    errors = measure(lite.optimized, lite.executable.run, None)
    assert errors.problem == ""
    assert set(errors.largest) == {"coordinates", "confidence"}
    assert max(errors.largest.values()) < 1e-5
