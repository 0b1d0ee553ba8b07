"""Every core op on random operands: the Keras code agrees with the interpreter."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import Constant, constant
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.ir.rewrite import clone, replace
from cmlc.ir.ssa import Function, Module
from cmlc.ir.types import DType
from support.modules.generation import defined_inputs, instances, module_of
from support.running.keras_run import compare, keras_code

pytestmark = pytest.mark.slow
ENOUGH = 8  # instances of an op
# What Keras code computes with.
DTYPES = {DType.F32, DType.I32, DType.BOOL}
# Lowerings that refuse some attributes, with the fragment of the diagnostic.
REFUSED = {
    "nn.lstm": ("no LSTM with", "no activation", "one activation", "limited gates"),
    **{
        f"tensor.scatter{kind}": ("no scatter that divides",) for kind in ("", "_nd", "_along_axis")
    },
    "nn.gru": ("no activation", "limited gates"),
    "nn.rnn": ("no activation", "limited gates"),
    "tensor.dynamic_slice": ("computed positions with strides",),
    "tensor.slice_update": ("computed positions with strides",),
    "nn.prelu": ("no slopes along the batch",),
}
# Its operands are scalars, which no Keras model takes: see keras_directed_test.py.
SCALARS = ("tensor.range_1d",)
# Its tables are constants, which this test gives as inputs: see keras_trees_test.py.
TABLES = ("tree.ensemble",)
ELSEWHERE = (*SCALARS, *TABLES)
LOWERED = [
    op for op in CORE_OPS if op in load_target("keras").lowering and op.name not in ELSEWHERE
]


def named(op):
    return op.name


def suits(op):
    """Whether its operands and results are of the dtypes, and no scalars alone."""
    values = (*op.operands, *op.results)
    ranks = [value.type.rank for value in op.operands if value.op is None or is_position(value)]
    return all(v.type.dtype in DTYPES for v in values) and any(ranks)


def is_position(value):
    """Whether the test gives a constant as an input, too."""
    return isinstance(value.op, Constant) and value.type.dtype is DType.I32 and value.type.rank > 0


# Operands that layers hold.
WEIGHTS = (
    *("weight_x", "weight_h", "bias_h"),
    "weight",
    "bias",
    "alpha",
    "beta",
    "gamma",
    "mean",
    "variance",
)


def with_weights(op):
    """The op with constants for what layers hold."""
    random = np.random.default_rng(0)
    changes = {}
    for item in op.spec.operands[1:]:
        values = op.values_of(item.name)
        if item.name in WEIGHTS and values and values[0].op is None:
            array = random.uniform(0.2, 1, values[0].type.static_shape)
            changes[item.name] = constant(array.astype(np.float32), item.name)
    return replace(op, **changes) if changes else op


def with_positions_given(module):
    """(the module with arguments in place of constant positions, their arrays by name)."""
    given = {
        op.result: f"given_{i}"
        for i, op in enumerate(module.main.walk())
        if isinstance(op, Constant) and is_position(op.result)
    }
    values = [*module.main.arguments, *given]
    names = [*(value.name for value in module.main.arguments), *given.values()]
    function = Function("main", [value.type for value in values], names)
    mapping = dict(zip(values, function.arguments, strict=True))
    for op in module.main.walk():
        if given.keys() & set(op.results):
            continue
        copy = function.block.insert(clone(op, mapping))
        mapping |= dict(zip(op.results, copy.results, strict=True))
    arrays = {name: value.op.value.array() for value, name in given.items()}
    return Module(functions=[function]), arrays


def is_refused(module, op):
    """Whether the lowering declines, in the words that it is known to use."""
    try:
        keras_code(module)
    except CompileError as error:
        if any(words in str(error) for words in REFUSED.get(op.name, ())):
            return True
        raise
    return False


@pytest.mark.parametrize("op", LOWERED, ids=named)
def test_agrees_with_the_interpreter(op):
    ran = 0
    for seed in range(60):
        for instance in instances(op, seed):
            if ran == ENOUGH or not suits(instance):
                continue
            module = module_of(with_weights(instance))
            given, arrays = with_positions_given(module)
            if is_refused(given, op):
                continue
            compare(given, defined_inputs(given, op) | arrays)
            if arrays and module.main.arguments:
                compare(module, defined_inputs(module, op))
            ran += 1
    assert ran >= 3, f"only {ran} instances ran"
