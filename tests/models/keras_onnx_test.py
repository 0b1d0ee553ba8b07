"""Keras exports what generated code loads to ONNX.

With tf2onnx, onnx and onnxruntime installed, the files are run; they are not among the tools that
development needs, so other tests only see that nothing else is missing.
"""

import importlib.util
import runpy
import subprocess
import sys

import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.interpret import run
from cmlc.tools import cmlc
from support.networks import keras as keras_networks
from support.running.saved_models import assert_close, inputs_of

pytestmark = pytest.mark.slow
NEEDED = ("tf2onnx", "onnx", "onnxruntime")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
CONVERTED = ["digits", "lstm_classifier"]
GELU = "transformer_encoder"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(path, options) of each network, and the folder with their code."""
    folder = tmp_path_factory.mktemp("onnx")
    networks = keras_networks.write_all(folder)
    for name in (*CONVERTED, GELU):
        path, options = networks[name]
        assert cmlc.main([str(path), "--emit=keras-code", "-o", str(folder / name), *options]) == 0
    return networks, folder


def exported(folder, name):
    """(the Keras model, the file that it exports)."""
    model = runpy.run_path(str(folder / name / "model.py"))["load"]()
    file = str(folder / f"{name}.onnx")
    model.export(file, format="onnx", verbose=False)
    return model, file


needs_converter = pytest.mark.skipif(bool(MISSING), reason=f"pip install {' '.join(MISSING)}")


@needs_converter
@pytest.mark.parametrize("name", CONVERTED)
def test_the_file_agrees_with_the_interpreter(written, name):
    import onnxruntime

    networks, folder = written
    path, options = networks[name]
    model, file = exported(folder, name)
    stages = Stages(path, Options(target="keras", batch="dynamic" if options else "auto"))
    inputs = inputs_of(stages.imported)
    session = onnxruntime.InferenceSession(file)
    names = [value.name for value in stages.imported.main.arguments]
    given = {
        item.name: inputs[key].astype(tensor.dtype)
        for item, key, tensor in zip(session.get_inputs(), names, model.inputs, strict=True)
    }
    found = session.run(None, given)
    expected = run(stages.imported, inputs, stages.imported.main.name)
    results = [expected[key] for key in stages.optimized.main.result_names]
    for ours, theirs in zip(results, found, strict=True):
        assert_close(ours, theirs, name)


@needs_converter
def test_the_converter_has_no_exact_gelu(written):
    """If this fails, tf2onnx has learned it, and docs/keras.md should not warn of it any more."""
    import onnxruntime

    _, file = exported(written[1], GELU)
    with pytest.raises(Exception, match="Erfc"):
        onnxruntime.InferenceSession(file)


EXPORT = """
import runpy, sys
for name in ("tf2onnx", "onnx"):
    sys.modules[name] = None  # as if it weren't installed
model = runpy.run_path(sys.argv[1])["load"]()
try:
    model.export("model.onnx", format="onnx", verbose=False)
except ImportError as error:
    print(f"needs {error.name}")
"""


def test_only_packages_are_missing(written, tmp_path):
    """Without them, the export gets as far as loading them: the model was called."""
    code = str(written[1] / "digits" / "model.py")
    command = [sys.executable, "-c", EXPORT, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "needs" in done.stdout
    assert "onnx" in done.stdout
