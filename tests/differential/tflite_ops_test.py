"""Every core op in TFLite: the interpreter's numbers, or refused by the name of TensorFlow's op.

A family is converted at once, with a signature for each op.
"""

import warnings

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.backends.tflite.contents import Contents
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core import FAMILIES
from cmlc.ir.interface import Result
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module
from cmlc.ir.ssa import Module
from cmlc.ir.types import DType
from cmlc.passes.manager import parse_pipeline
from support.modules.generation import instances, module_of

pytestmark = pytest.mark.slow

TARGET = load_target("tflite")
# What TFLite has no builtin for, and the op of TensorFlow that it would take.
REFUSED = {
    **{f"tensor.{name}": name.capitalize() for name in ("tan", "asin", "acos", "atan")},
    **{f"tensor.{name}": name.capitalize() for name in ("sinh", "cosh", "asinh", "acosh")},
    "tensor.atanh": "Atanh",
    "tensor.random_normal": "StatelessRandomNormalV2",
    "tensor.random_categorical": "StatelessRandomUniformV2",
}
ELSEWHERE = {"custom.call"}  # its meaning is the user's
USUAL = {DType.F32, DType.I32, DType.BOOL}


def usual(cls):
    """A function of one instance of the op that TFLite's kernels are made for: see `is_usual`."""
    for floats in (True, False):
        for seed in range(12):
            for op in instances(cls, seed):
                module = module_of(op)
                if is_usual(op, module.main, floats):
                    return named(module, cls.name)
    return None


def is_usual(op, function, floats):
    """Not empty, at most four dimensions, floats if there are such, no factors in turn."""
    types = [value.type for value in (*function.arguments, *function.results)]
    dtypes = {kind.dtype for kind in types}
    in_turn = {"mul", "div"} & {str(getattr(op.attributes.get("mode"), "value", ""))}
    return (
        all(0 < kind.rank < 5 and 0 not in kind.shape for kind in types)
        and dtypes <= USUAL
        and (not floats or DType.F32 in dtypes)
        and op.attributes.get("axes", (0,)) != ()
        and not in_turn
    )


def named(module, name):
    """The module's function with names for it and its results."""
    function = module.main
    function.name = name.replace(".", "_")
    function.result_names = [f"r{i}" for i in range(len(function.results))]
    function.outputs = [Result() for _ in function.results]
    return function


def functions_of(family, *, refused=False):
    wanted = [op for op in family.OPS if op in TARGET.lowering and op.name not in ELSEWHERE]
    found = [(op.name, usual(op)) for op in wanted if (op.name in REFUSED) is refused]
    return {name: function for name, function in found if function}


def converted(functions):
    module = Module("ops", functions)
    copy = clone_module(module)
    parse_pipeline("layout{to=channels_last}").run(copy)
    TARGET.lower(copy)
    return module, TARGET.executable(copy).convert()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__.split(".")[-1])
def test_numbers_are_the_interpreters(family):
    functions = list(functions_of(family).values())
    if not functions:
        pytest.skip("all of its ops are refused, or have no usual types")
    module, file = converted(functions)
    content = Contents(file)
    assert content.foreign() == []
    for function in functions:
        given = random_inputs(function, 0)
        expected = run(module, given, function.name)
        signature = "serving_default" if function is module.main else function.name
        found = content.run(given, signature)
        for name, array in expected.items():
            what = f"{function.name}: {name}"
            assert (array.shape, array.dtype) == (found[name].shape, found[name].dtype), what
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # infinities are compared, too
                finite = np.abs(array[np.isfinite(array)].astype(float)).max(initial=1e-6)
            np.testing.assert_allclose(
                found[name].astype(float),
                array.astype(float),
                rtol=1e-4,
                atol=1e-4 * finite,
                err_msg=what,
            )


def test_what_has_no_builtin_is_refused_all_at_once():
    functions = {}
    for family in FAMILIES:
        functions |= functions_of(family, refused=True)
    assert len(functions) >= len(REFUSED) - 2  # random ones may have no usual instance
    with pytest.raises(CompileError) as caught:
        converted(list(functions.values()))
    subjects = {problem.subject for problem in caught.value.diagnostics}
    assert {REFUSED[name] for name in functions} <= subjects
    assert {problem.kind for problem in caught.value.diagnostics} == {"unsupported"}
