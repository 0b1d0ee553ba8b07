"""Every core op on random operands: TensorFlow agrees with the interpreter."""

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.ir.types import DType
from support.modules.generation import INSTANCES, defined_inputs, instances, module_of
from support.running.tensorflow_run import compare, lowered

pytestmark = pytest.mark.slow
# What TensorFlow's CPU kernels lack; the message is TensorFlow's own, when the graph first runs.
NO_KERNEL = "No OpKernel was registered"
# Lowerings that refuse some attributes, with the fragment of the diagnostic.
POOLS = ("nn.max_pool", "nn.avg_pool", "nn.l2_pool")
REFUSED = {
    "nn.conv_transpose": "TensorFlow can't dilate weights that are computed",
    **dict.fromkeys(POOLS, "TensorFlow has no pooling of f64 in 3 dimensions"),
}


def named(op):
    return op.name


def is_refused(module, op):
    """Whether the lowering declines, in the words that it is known to use."""
    try:
        lowered(module)
    except CompileError as error:
        if REFUSED.get(op.name, "?") in str(error):
            return True
        raise
    return False


def runs(module, op):
    """Whether TensorFlow has the kernels; for f32 it must."""
    try:
        compare(module, defined_inputs(module, op))
    except Exception as error:
        rare = module.main.arguments[0].type.dtype is not DType.F32
        if NO_KERNEL in str(error) and rare:
            return False
        raise
    return True


@pytest.mark.parametrize("op", CORE_OPS, ids=named)
def test_agrees_with_the_interpreter(op):
    modules = [module_of(instance) for seed in (5, 6) for instance in instances(op, seed)]
    agreed = sum(runs(module, op) for module in modules if not is_refused(module, op))
    assert agreed >= INSTANCES, f"only {agreed} instances ran"
