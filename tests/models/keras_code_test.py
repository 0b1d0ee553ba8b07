"""Keras code of whole networks: it is what people write, and computes what the model does."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.interpret import run
from cmlc.tools import cmlc
from support.networks import keras as keras_networks
from support.running.saved_models import assert_close, inputs_of

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("run_keras.py")
NAMES = ["digits", *keras_networks.NETWORKS, *keras_networks.PROGRAMS]
# What has a tensor of weights that is not a standard layer's: positions that are added.
CUSTOM = {"transformer_encoder"}
ON_JAX = ["digits", "lstm_classifier", "transformer_encoder"]
MOST_LINES = {"mobilenet_v2": 150, "resnet50": 150}
RULES = "E,F,W,I,N,UP,B,C4,SIM,RUF,PT,D,PERF"
CONVENTION = 'lint.pydocstyle.convention="google"'


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with everything that `run_keras.py` reads, and (module, inputs) by name."""
    folder = tmp_path_factory.mktemp("keras")
    modules = {}
    for name, (path, options) in keras_networks.write_all(folder).items():
        assert cmlc.main([str(path), "--emit=keras-code", "-o", str(folder / name), *options]) == 0
        target = str(folder / f"{name}.keras")
        if name not in CUSTOM:
            assert cmlc.main([str(path), "--emit=keras", "-o", target, *options]) == 0
        batch = "dynamic" if options else "auto"
        stages = Stages(path, Options(target="keras", batch=batch))
        imported, optimized = stages.imported, stages.optimized
        inputs = inputs_of(imported)
        as_float = {
            k: a.astype(np.float32) if a.dtype == np.uint8 else a for k, a in inputs.items()
        }
        np.savez(folder / f"{name}.inputs.npz", **as_float)
        modules[name] = imported, inputs, optimized.main.result_names
    return folder, modules


@pytest.fixture(scope="module")
def ran(written):
    """The same folder, after a fresh process ran everything."""
    run_fresh(written[0], NAMES, "tensorflow")
    return written


def run_fresh(folder, names, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *names],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def assert_agrees(written, name, what):
    """What the fresh process computed is what the interpreter makes of the model as imported."""
    folder, modules = written
    module, inputs, results = modules[name]
    expected = run(module, inputs, module.main.name)
    with np.load(folder / f"{name}.{what}.npz") as outputs:
        assert len(outputs.files) == len(results)
        for result, key in zip(results, outputs.files, strict=True):
            assert key in ("", result)
            assert_close(expected[result], outputs[key], f"{name}: {result}")


@pytest.mark.parametrize("name", NAMES)
def test_the_code_agrees_with_the_interpreter(ran, name):
    assert_agrees(ran, name, "code")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CUSTOM])
def test_the_file_loads_without_custom_objects(ran, name):
    assert_agrees(ran, name, "file")


def test_the_code_runs_on_jax(written):
    pytest.importorskip("jax")
    folder, _ = written
    for name in ON_JAX:
        for what in ("code", "file"):
            (folder / f"{name}.{what}.npz").unlink(missing_ok=True)
    run_fresh(folder, ON_JAX, "jax")
    for name in ON_JAX:
        assert_agrees(written, name, "code")


@pytest.mark.parametrize("name", NAMES)
def test_the_code_is_clean(written, name):
    path = written[0] / name / "model.py"
    ruff = [sys.executable, "-m", "ruff"]
    isolated = ["--isolated", "--no-cache", str(path)]
    check = [*ruff, "check", f"--select={RULES}", "--config", CONVENTION, *isolated]
    for command in (check, [*ruff, "format", "--diff", *isolated]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_code_is_short_and_says_nothing_twice(written, name):
    text = (written[0] / name / "model.py").read_text()
    assert text.count("\n") <= MOST_LINES.get(name, 100)
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    bodies = Counter(ast.dump(ast.Module(_without_names(node), [])) for node in functions)
    assert max(bodies.values()) == 1
    called = Counter(re.findall(r"\b(\w+)\(", text))
    for function in functions:
        assert ast.get_docstring(function)
        assert all(a.annotation for a in (*function.args.args, *function.args.kwonlyargs))
        assert function.returns is not None
        # Defined and called twice or in a loop, or it would be no repetition; three are called by
        # hand.
        used = called[function.name] + called_in_loops(text)[function.name]
        assert used > 2 or function.name in ("build", "load", "main"), function.name


def called_in_loops(text):
    loops = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.For)]
    return Counter(re.findall(r"\b(\w+)\(", "\n".join(map(ast.unparse, loops))))


def _without_names(function):
    """The statements of a function but for its docstring and strings."""
    body = function.body[1:]
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return body


PRINT = """
import sys
from cmlc.compiler.stages import Stages
from cmlc.compiler.options import Options
made = Stages(sys.argv[1], Options(target="keras")).executable
print(made.text, end="")
"""


def test_the_code_is_the_same_each_time(written):
    """With other hashes, too; and nothing of Keras is needed to write it."""
    folder, _ = written
    for name in ("mobilenet_v2", "unet"):
        command = [sys.executable, "-c", PRINT, str(folder / f"{name}.mlmodel")]
        hashes = {**os.environ, "PYTHONHASHSEED": "7"}
        text = subprocess.run(
            command, check=True, env=hashes, capture_output=True, text=True
        ).stdout
        assert text == (folder / name / "model.py").read_text()


def calls(written, name, function):
    """The arguments of each call of a function while a network is built, in order."""
    path = written[0] / name / "model.py"
    code = {"__file__": str(path), "__name__": "model"}
    exec(compile(path.read_text(), str(path), "exec"), code)
    original, found = code[function], []

    def recorded(*args, **kwargs):
        found.append((args[1:], kwargs))
        return original(*args, **kwargs)

    code[function] = recorded
    code["build"]()
    return found


def test_every_block_of_mobilenet_v2_is_there(written):
    text = (written[0] / "mobilenet_v2" / "model.py").read_text()
    assert re.search(r"def inverted_residual\(\n    x: KerasTensor, filters: int, exp", text)
    blocks = calls(written, "mobilenet_v2", "inverted_residual")
    stages = [args[0] for args, _ in blocks if args]
    assert sorted({*stages}) == [24, 32, 64, 96, 160, 320]
    assert sum(kwargs.get("strides") == 2 for _, kwargs in blocks) == 4
    # 16 blocks expand, and 10 of them are added to their input; the first block doesn't expand.
    assert len(calls(written, "mobilenet_v2", "residual_block")) == 10
    assert len(blocks) == 16


def test_every_block_of_resnet50_is_there(written):
    text = (written[0] / "resnet50" / "model.py").read_text()
    projections = calls(written, "resnet50", "projection_block")
    both = [*projections, *calls(written, "resnet50", "residual_block")]
    names = [kwargs["name"] for _, kwargs in both]
    counts = Counter(name[:5] for name in names)
    assert counts == {"conv2": 3, "conv3": 4, "conv4": 6, "conv5": 3}
    assert len(projections) == 4
    assert "def bottleneck(" in text


def test_the_unet_has_an_encoder_and_a_decoder(written):
    text = (written[0] / "unet" / "model.py").read_text()
    assert text.count("= double_conv(") == 4
    assert text.count("= decoder_block(") == 3
    assert "decoder_block(x, double_conv_3, 64, " in text
    assert "layers.Rescaling(1 / 127.5, offset=-1.0" in text


def test_the_encoder_has_attention_with_heads(written):
    text = (written[0] / "transformer_encoder" / "model.py").read_text()
    assert "layers.MultiHeadAttention(" in text
    assert re.search(r"num_heads=4,\s+key_dim=8", text)
    assert text.count("= transformer_block(") == 2
    assert 'activation="gelu"' in text


def test_layers_are_called_as_the_model_calls_them(written):
    expected = ["embedding", "lstm", "hidden", "classifier"]
    text = (written[0] / "lstm_classifier" / "model.py").read_text()
    assert re.findall(r'layers\.\w+\(.*name="(\w+)"', text) == expected
    assert (written[0] / "resnet50" / "labels.txt").read_text().startswith("class 0\nclass 1\n")
