"""Every core op on random operands: TensorFlow agrees with the interpreter."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.ir.interpret import random_inputs
from generation import INSTANCES, instances, module_of
from tensorflow_run import compare, lowered

pytestmark = pytest.mark.slow
# What TensorFlow's CPU kernels lack; the message is TensorFlow's own, when the graph first runs.
NO_KERNEL = "No OpKernel was registered"
# Lowerings that refuse some attributes, with the fragment of the diagnostic.
REFUSED = {"nn.conv_transpose": "TensorFlow has no dilation here"}


def named(op):
    return op.name


def inputs_of(module, op):
    """Random inputs; integer divisors are not 0, which is undefined."""
    inputs = random_inputs(module.main, 0)
    if op.name in ("tensor.floor_div", "tensor.mod"):
        inputs = {k: a if a.dtype.kind == "f" else np.maximum(a, 1) for k, a in inputs.items()}
    return inputs


@pytest.mark.parametrize("op", CORE_OPS, ids=named)
def test_agrees_with_the_interpreter(op):
    agreed = 0
    for seed in (5, 6):
        for instance in instances(op, seed):
            module = module_of(instance)
            try:
                lowered(module)
            except CompileError as error:
                assert op.name in REFUSED, error
                assert REFUSED[op.name] in str(error)
                continue
            try:
                compare(module, inputs_of(module, op))
            except Exception as error:
                if NO_KERNEL not in str(error):
                    raise
                assert module.main.arguments[0].type.dtype.value != "f32", error
            else:
                agreed += 1
    assert agreed >= INSTANCES, f"only {agreed} instances ran"
