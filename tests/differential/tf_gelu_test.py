"""The exact GELU: by erf for TensorFlow, by the library's call for TFLite and half precision."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.compiler.driver import load_text
from support.running.tensorflow_run import compare

TEXT = """
func @f(%x: {kind}[20001]) -> ("y": {kind}[20001]) {{
  %y = nn.gelu(%x) : {kind}[20001]
  return %y
}}"""


def lowered(kind, target):
    module = load_text(TEXT.format(kind=kind))
    load_target(target).lower(module)
    return [op.name for op in module.main.block if not op.is_terminator]


def test_what_it_is_made_of():
    assert lowered("f32", "tf") == ["kernels.exact_gelu"]
    assert lowered("f16", "tf") == ["tf.nn.gelu"]
    assert lowered("f32", "tflite") == ["tf.nn.gelu"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["f32", "f16"])
def test_over_the_whole_range(kind):
    dtype = np.float32 if kind == "f32" else np.float16
    compare(load_text(TEXT.format(kind=kind)), {"x": np.linspace(-10, 10, 20001).astype(dtype)})


@pytest.mark.slow
def test_errors_are_those_of_single_precision():
    from cmlc.backends.tf.kernels.activation import exact_gelu
    from cmlc.ir.interpret import run

    x = np.linspace(-8, 8, 20001, dtype=np.float32)
    wanted = run(load_text(TEXT.format(kind="f64")), {"x": x.astype(np.float64)}, "f")["y"]
    assert (np.abs(exact_gelu(x).numpy() - wanted) <= 2.2e-7 * np.abs(x)).all()
