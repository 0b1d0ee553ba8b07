"""Checkpoints written straight from a model's files: right, in shards, and small in memory."""

import subprocess
import sys

import cmlc
import numpy as np
import pytest
from cmlc.backends.tf import checkpoint
from cmlc.backends.tf.dialect.math import Matmul
from cmlc.backends.tf.emit import TensorFlowModule
from cmlc.ir.dialects.builtin import Return, constant
from cmlc.ir.interface import Result
from cmlc.ir.rewrite import adopt
from cmlc.ir.ssa import Function, Module
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.resources import Origin, RandomResource
from cmlc.tools.bench.large_program import many_operations, many_weights
from support.networks.transformers import transformer

pytestmark = pytest.mark.slow

_MEGABYTES = 256
_SAVE = """
import sys
import cmlc, tensorflow
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
model = cmlc.compile(sys.argv[1])
tensorflow.constant(1.0)
before = peak()
model.write(sys.argv[2])
print(peak() - before)
"""


def run(folder, **inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    given = {name: tf.constant(array) for name, array in inputs.items()}
    return loaded, loaded.signatures["serving_default"](**given)


def test_one_file_for_a_small_model_whether_it_ran_before_or_not(tmp_path):
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(4, 16)
    model = cmlc.compile(many_operations(20))
    ((name, expected),) = model.interpret({"x": x}).items()
    model.write(tmp_path / "before")
    np.testing.assert_allclose(model.predict({"x": x})[name], expected, atol=1e-5)
    variable = next(iter(model.executable.variables.values()))
    model.write(tmp_path / "after")
    for folder in ("before", "after"):
        np.testing.assert_allclose(run(tmp_path / folder, x=x)[1][name], expected, atol=1e-5)
        files = sorted(path.name for path in (tmp_path / folder / "variables").iterdir())
        assert files == ["variables.data-00000-of-00001", "variables.index"]
    variable.assign(variable * 0)  # what was trained is what is saved
    model.write(tmp_path / "changed")
    loaded, _ = run(tmp_path / "changed", x=x)
    assert not loaded.weights[0].numpy().any()


def test_shards(tmp_path, monkeypatch):
    """Weights, states and what else a checkpoint has, from several files."""
    monkeypatch.setattr(checkpoint, "_SHARD", 1000)
    model = cmlc.compile(transformer("full"))
    x = np.random.default_rng(0).standard_normal((64, 16)).astype(np.float32)
    expected = model.interpret({"x": x})["y"]
    model.write(tmp_path / "model")
    assert len(list((tmp_path / "model" / "variables").glob("*.data-*"))) > 10
    loaded, got = run(tmp_path / "model", x=x)
    np.testing.assert_allclose(got["y"], expected, atol=1e-5 * np.abs(expected).max())
    assert not any(state.numpy().any() for state in loaded.states.values())


def test_variables_take_no_memory_before_they_are_filled():
    """A weight of 4 TB is traced like any other: nothing is ever as large as it."""
    import tensorflow as tf

    kind = Tensor(DType.F32, (1 << 20, 1 << 20))
    function = Function("main", [Tensor(DType.F32, (1, 1 << 20))], ["x"])
    weight = constant(RandomResource(kind, 0, "w", Origin("w")))
    made = Matmul(function.arguments[0], weight, result_types=Tensor(DType.F32, (1, 1 << 20)))
    adopt((made.result,), function.block)
    function.block.insert(Return((made.result,)))
    function.result_names, function.outputs = ["y"], [Result()]
    executable = TensorFlowModule(Module(functions=[function]))
    (variable,) = executable.root.trainable_variables
    assert (variable.shape, variable.dtype) == (kind.static_shape, tf.float32)
    (captured,) = executable.graph("main").captured_inputs
    assert captured is variable.handle


@pytest.mark.parametrize("half", [False, True])
def test_weights_are_never_in_memory_at_once(half, tmp_path):
    """What saving takes doesn't depend on how much there is: a few tensors at a time."""
    package = many_weights(tmp_path, _MEGABYTES << (19 if half else 20), half)
    done = subprocess.run(
        [sys.executable, "-c", _SAVE, str(package), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    size = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*"))
    assert size > _MEGABYTES << 20
    assert float(done.stdout) < _MEGABYTES
    x = np.ones((1, 2048), np.float32)
    _, ((got, *_),) = (None, list(run(tmp_path / "out", x=x)[1].values()))
    ((expected, *_),) = cmlc.compile(package).interpret({"x": x}).values()
    np.testing.assert_allclose(got, expected, atol=1e-3 * np.abs(expected).max())
