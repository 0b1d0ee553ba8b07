"""Every core op is lowered or refused with a reason, and every target op is a call that exists."""

import importlib
import inspect
import operator

import pytest
from cmlc.backends.calls import CallOp, resolve
from cmlc.backends.keras.dialect.base import KerasLayer
from cmlc.backends.keras.dialect.ops import GetItem
from cmlc.backends.keras.dialect.weighted import Weight
from cmlc.backends.target import TARGETS, load_target
from cmlc.ir.declare import REQUIRED
from cmlc.ir.dialects.core import CORE_OPS

TARGET_NAMES = sorted(TARGETS)
CALLS = [
    (name, op)
    for name in TARGET_NAMES
    for op in load_target(name).ops.values()
    if issubclass(op, CallOp)
]

LAYERS = [op for _, op in CALLS if issubclass(op, KerasLayer) and op is not Weight]


def named(item):
    return getattr(item, "name", str(item))


@pytest.mark.parametrize("target", TARGET_NAMES)
@pytest.mark.parametrize("op", CORE_OPS, ids=named)
def test_is_lowered_or_refused(target, op):
    tables = load_target(target)
    lowered, refused = op in tables.lowering, op in tables.unsupported
    assert lowered or refused, f"add a rule to backends/{target}/lower, or a reason why not"
    assert not (lowered and refused), "has a rule and a reason why there is none"
    if refused:
        assert tables.unsupported[op].strip()


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_nothing_else_is_lowered(target):
    tables = load_target(target)
    assert set(tables.lowering) | set(tables.unsupported) <= set(CORE_OPS)


@pytest.mark.parametrize(("target", "op"), CALLS, ids=named)
def test_target_ops_say_what_they_are(target, op):
    assert op.__dict__.get("__doc__")
    assert op.name.startswith((f"{target}.", "kernels."))


def is_layer(op):
    return issubclass(op, KerasLayer)


@pytest.fixture(scope="module")
def roots():
    tensorflow = pytest.importorskip("tensorflow")
    kernels = importlib.import_module("cmlc.backends.tf.kernels")
    keras = pytest.importorskip("keras")
    return {
        "tf": {"tf": tensorflow, "kernels": kernels},
        "keras": {"keras": keras, "operator": operator},
    }


@pytest.mark.slow
@pytest.mark.parametrize(("target", "op"), CALLS, ids=named)
def test_target_ops_are_calls_that_exist(roots, target, op):
    if op in (GetItem, Weight):
        return  # a pair of brackets, and a class that the code defines
    called = resolve(getattr(op, "inner", "") or op.call, roots[target])
    signature = inspect.signature(called)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_POSITIONAL]
    accepted = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    fields = {f.name for f in (*op.spec.operands, *op.spec.attributes, *op.spec.regions)}
    if is_layer(op):
        fields = {f.name for f in op.spec.attributes}  # operands are inputs and weights
    assert fields <= accepted, f"{op.call} has no keyword {fields - accepted}"
    needed = {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    assert needed <= fields, f"{op.call} needs {needed - fields}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "op", [op for _, op in CALLS if issubclass(op, KerasLayer) and op is not Weight], ids=named
)
def test_defaults_of_layers_are_keras_own(roots, op):
    """They aren't written into code."""
    parameters = inspect.signature(
        resolve(getattr(op, "inner", "") or op.call, roots["keras"])
    ).parameters
    for item in op.spec.attributes:
        if item.default is REQUIRED:
            continue
        theirs, ours = parameters[item.name].default, item.default
        if isinstance(ours, tuple):  # one number for all dimensions
            ours, theirs = set(ours), set(theirs) if isinstance(theirs, tuple) else {theirs}
        assert ours == theirs, item.name
