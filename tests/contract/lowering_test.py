"""Every core op is lowered or refused with a reason, and every target op is a call that exists."""

import importlib
import inspect
import operator
import re
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.backends.calls import CallOp, resolve
from cmlc.backends.keras.definitions import DEFINITIONS
from cmlc.backends.keras.dialect.base import KerasLayer
from cmlc.backends.keras.dialect.ops import Getitem
from cmlc.backends.table import TARGETS, load_target
from cmlc.ir.declare import REQUIRED
from cmlc.ir.dialects.core import CORE_OPS
from support.laws import all_hold, hold

TARGET_NAMES = sorted(TARGETS)
CALLS = [
    (name, op)
    for name in TARGET_NAMES
    for op in load_target(name).ops.values()
    if issubclass(op, CallOp)
]

LAYERS = [op for _, op in CALLS if issubclass(op, KerasLayer) and op.call not in DEFINITIONS]


def named(item):
    return getattr(item, "name", str(item))


def is_lowered_or_refused(op, target):
    tables = load_target(target)
    lowered, refused = op in tables.lowering, op in tables.unsupported
    place = "tf/lower, which TFLite follows" if target == "tflite" else f"{target}/lower"
    assert lowered or refused, f"add a rule to backends/{place}, or a reason to UNSUPPORTED there"
    assert not (lowered and refused), "has a rule and a reason why there is none"
    if refused:
        assert tables.unsupported[op].reason.strip()


@pytest.mark.parametrize("op", CORE_OPS, ids=named)
def test_is_lowered_or_refused(op):
    all_hold({name: lambda name=name: is_lowered_or_refused(op, name) for name in TARGET_NAMES})


def test_rules_refuse_by_reasons():
    """An op's own `require` would name no remedy: see `backends/refusals.py`."""
    found = [
        str(path)
        for path in Path(cmlc.__file__).parent.glob("backends/**/*.py")
        if re.search(r"\bop\.require\(", path.read_text(encoding="utf-8"))
    ]
    assert not found, "use `require` or `require_fixed` of backends/refusals.py"


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_nothing_else_is_lowered(target):
    tables = load_target(target)
    assert set(tables.lowering) | set(tables.unsupported) <= set(CORE_OPS)


def says_what_it_is(target, op):
    assert op.__dict__.get("__doc__")
    assert op.name.startswith((f"{target}.", "kernels."))


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def is_called_what_the_library_calls_it(target, op):
    """A variant follows where several ops have one callee; other callees than the library's have
    the target's name before them.
    """
    is_library = op.call.partition(".")[0] in (target, "kernels")
    plain = op.call if is_library else f"{target}.{op.call}"
    variant = op.name.removeprefix(plain)
    assert variant == "" or re.fullmatch(r"_\w+", variant)
    assert op.__name__ == camel(op.name.rpartition(".")[2])
    several = sum(other.call == op.call for name, other in CALLS if name == target) > 1
    assert several or not variant, "no other op has this callee"


@pytest.mark.parametrize(("target", "op"), CALLS, ids=named)
def test_declaration_of_target_ops(target, op):
    hold((says_what_it_is, is_called_what_the_library_calls_it), target, op)


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
    if op is Getitem or op.call in DEFINITIONS:
        return  # a pair of brackets, and what the code defines
    called = resolve(getattr(op, "inner", "") or op.call, roots[target])
    signature = inspect.signature(called)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_POSITIONAL]
    accepted = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    fields = {f.name for f in (*op.spec.operands, *op.spec.attributes, *op.spec.regions)}
    if is_layer(op):
        # Operands are inputs and weights.
        fields = {f.name for f in op.spec.attributes} - {*op.called}
        taken = inspect.signature(called.call).parameters
        assert {*op.named, *op.called} <= taken.keys(), f"{op.call} is called without these"
    assert fields <= accepted, f"{op.call} has no keyword {fields - accepted}"
    needed = {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    assert needed <= fields, f"{op.call} needs {needed - fields}"


@pytest.mark.slow
@pytest.mark.parametrize("op", [op for _, op in CALLS if op.call in DEFINITIONS], ids=named)
def test_what_code_defines_takes_the_fields(roots, op):
    """And has the defaults that aren't written."""
    keras = roots["keras"]["keras"]
    scope = {"keras": keras, "layers": keras.layers, "ops": keras.ops, "np": np}
    exec(DEFINITIONS[op.call], scope)
    parameters = inspect.signature(scope[op.call]).parameters
    items = op.spec.attributes if is_layer(op) else (*op.spec.operands, *op.spec.attributes)
    for item in items:
        default = parameters[item.name].default
        theirs = REQUIRED if default is inspect.Parameter.empty else default
        assert is_same_default(item.default, theirs), item.name


def is_same_default(ours, theirs):
    """Layers take one number for all dimensions."""
    if isinstance(ours, tuple):
        return {*ours} == ({*theirs} if isinstance(theirs, tuple) else {theirs})
    return ours == theirs


@pytest.mark.slow
@pytest.mark.parametrize("op", LAYERS, ids=named)
def test_defaults_of_layers_are_keras_own(roots, op):
    """They aren't written into code."""
    layer = resolve(getattr(op, "inner", "") or op.call, roots["keras"])
    parameters = inspect.signature(layer).parameters
    if op.called:
        parameters = {**parameters, **inspect.signature(layer.call).parameters}
    for item in op.spec.attributes:
        if item.default is not REQUIRED:
            assert is_same_default(item.default, parameters[item.name].default), item.name
