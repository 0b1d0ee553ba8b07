"""Every core op is lowered or refused with a reason, and every target op is a call that exists."""

import importlib
import inspect

import pytest
from cmlc.backends.calls import CallOp, resolve
from cmlc.backends.target import TARGETS, load_target
from cmlc.ir.dialects.core import CORE_OPS

TARGET_NAMES = sorted(TARGETS)
CALLS = [
    (name, op)
    for name in TARGET_NAMES
    for op in load_target(name).ops.values()
    if issubclass(op, CallOp)
]


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


@pytest.fixture(scope="module")
def roots():
    tensorflow = pytest.importorskip("tensorflow")
    kernels = importlib.import_module("cmlc.backends.tf.kernels")
    return {"tf": {"tf": tensorflow, "kernels": kernels}}


@pytest.mark.slow
@pytest.mark.parametrize(("target", "op"), CALLS, ids=named)
def test_target_ops_are_calls_that_exist(roots, target, op):
    signature = inspect.signature(resolve(op.call, roots[target]))
    parameters = signature.parameters.values()
    accepted = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    fields = {f.name for f in (*op.spec.operands, *op.spec.attributes, *op.spec.regions)}
    assert fields <= accepted, f"{op.call} has no keyword {fields - accepted}"
    needed = {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    assert needed <= fields, f"{op.call} needs {needed - fields}"
