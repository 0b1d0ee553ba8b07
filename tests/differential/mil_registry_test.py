"""Rules of ML Programs against coremltools' registry: parameters, defaults, types and values."""

import json

import cmlc
import numpy as np
import pytest
from cmlc.compiler.frontends.mil import OPERATIONS
from cmlc.ir.dialects.builtin import Constant
from cmlc.tools.docs.constructed import constructed
from cmlc.tools.docs.generate import ROOT
from cmlc.tools.docs.operationdoc import ABSENT, PARAMETERS
from support.mil import index_samples as mil_index_samples
from support.mil import samples as mil_samples
from support.mil import window_samples as mil_window_samples
from support.mil.programs import results

pytestmark = pytest.mark.slow

SAMPLES = (*mil_samples.SAMPLES, *mil_window_samples.SAMPLES, *mil_index_samples.SAMPLES)
# Operations whose parameters aren't those of a sample, and what tests them.
ELSEWHERE = {
    **ABSENT,
    "const": "walk_test.py",
    "classify": "classify_test.py",
    "cond": "control_test.py",
    "while_loop": "control_test.py",
    **dict.fromkeys(
        (
            *("make_list", "list_length", "list_read", "list_write"),
            *("list_gather", "list_scatter"),
        ),
        "lists_test.py",
    ),
    **dict.fromkeys(
        (
            *("constexpr_blockwise_shift_scale", "constexpr_sparse_blockwise_shift_scale"),
            *("constexpr_lut_to_dense", "constexpr_lut_to_sparse", "constexpr_sparse_to_dense"),
        ),
        "quant_test.py",  # their types are narrower than a byte
    ),
    "read_state": "states_test.py",
}


@pytest.fixture(scope="module")
def registry():
    """coremltools' registry; importing it takes seconds, of those who run these tests alone."""
    pytest.importorskip("coremltools.converters.mil.mil")
    from support.mil import registry as mil_registry

    return mil_registry


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_values_and_defaults(registry, sample):
    for opset in range(sample.since, sample.until + 1):
        model, arrays = registry.model(sample, opset)
        found = results(model, *arrays.values())
        bare = registry.without_defaults(model, sample.kind, sample.constants | sample.inputs)
        if not sample.kind.startswith("random_"):
            again = results(bare, *arrays.values())
            for name, array in found.items():
                np.testing.assert_array_equal(array, again[name], err_msg=f"{name}, iOS {opset}")
        expected = registry.evaluated(sample, opset)
        for array, other in zip(found.values(), expected or found.values(), strict=True):
            np.testing.assert_allclose(
                array, other.reshape(array.shape), 1e-5, 1e-6, err_msg=f"iOS {opset}"
            )


def test_the_reference_of_ops_names_what_operations_make(registry):
    """What reading the rules' source finds is what importing samples makes, or more."""
    unnamed = []
    for sample in SAMPLES:
        can = frozenset().union(*map(constructed, OPERATIONS[sample.kind].values()))
        module = cmlc.load(registry.model(sample, sample.until)[0])
        made = [op for op in module.walk() if str(op.location).startswith("operations[")]
        unnamed += [f"{sample.kind}: {op.name}" for op in made if type(op) not in can | {Constant}]
    assert not unnamed


# float16 is rounded once by the interpreter, after each step by TensorFlow.
@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-5), (True, 1e-2)], ids=["f32", "f16"])
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_tensorflow(registry, sample, half, tolerance):
    if sample.kind.startswith("random_"):
        pytest.skip("the numbers differ")
    chosen = sample.halved() if half else sample
    try:
        model, arrays = registry.model(chosen, sample.until)
    except ValueError:
        assert half
        pytest.skip("coremltools has no such operation of float16")
    compiled = cmlc.compile(model, precision="keep")
    expected = compiled.interpret(arrays)
    for name, found in compiled.predict(arrays).items():
        np.testing.assert_allclose(
            np.asarray(found, np.float64), expected[name], tolerance, tolerance, err_msg=name
        )


def test_samples_have_every_parameter_of_every_opset(registry):
    missing = []
    for kind in registry.kinds():
        for opset in registry.OPSETS:
            wanted = registry.parameters(kind, opset)
            if kind in ELSEWHERE or wanted is None:
                continue
            found = set()
            for sample in SAMPLES:
                if sample.kind == kind and sample.since <= opset <= sample.until:
                    found |= registry.given(registry.model(sample, opset)[0], kind)
            missing += [f"{kind}.{name} of iOS {opset}" for name in set(wanted) - found]
    assert not missing


def test_every_operation_of_the_registry_has_a_rule_from_its_first_opset_on(registry):
    special = {*ABSENT, "const", "read_state"}
    for kind in set(registry.kinds()) - special:
        first = next(opset for opset in registry.OPSETS if registry.parameters(kind, opset))
        assert min(OPERATIONS[kind]) <= first, kind
    assert set(OPERATIONS) <= {*registry.kinds(), "write_state", "coreml_update_state"}


def test_table_of_parameters_is_the_registry(registry):
    stored = json.loads((ROOT / PARAMETERS).read_text())
    assert stored == {
        kind: {
            str(opset): sorted(found)
            for opset in registry.OPSETS
            if (found := registry.parameters(kind, opset)) is not None
        }
        for kind in registry.kinds()
    }
