"""Computes in single precision what a model computes in doubles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.builtin import Constant, array_of, constant
from ..ir.dialects.core.trees import TreeEnsemble
from ..ir.rewrite import clone
from ..ir.ssa import Block, Function, Module, Op, Region, Value
from ..ir.types import Array, DType, Tensor
from ..ir.verify import Legal
from ..ir.weights.resources import Resource, as_resource
from .manager import Instrumentation, Pass


@dataclass(frozen=True)
class ComputeInSingles(Pass):
    """Make every f64 an f32, if the model computes in doubles (its `precision` is "float64").

    For targets that have no doubles. Numbers are rounded once, when they are read. Thresholds of
    trees are rounded up or down, as the comparison needs it: numbers that are float32 take the same
    branch as before. A number that float32 doesn't have is refused. The module's `precision` is
    "float32" then.
    """

    name = "compute-in-singles"

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        if module.attributes.get("precision") != "float64":
            return False
        for name, function in module.functions.items():
            module.functions[name] = _narrowed(function)
        module.attributes["precision"] = "float32"
        return True


def _type(kind: Tensor) -> Tensor:
    return kind.with_dtype(DType.F32) if kind.dtype is DType.F64 else kind


def _narrowed(function: Function) -> Function:
    types = [_type(value.type) for value in function.arguments]
    twin = Function(function.name, types, (value.name for value in function.arguments))
    twin.result_names = function.result_names
    twin.inputs, twin.outputs = function.inputs, function.outputs
    twin.classifier, twin.public = function.classifier, function.public
    values = dict(zip(function.arguments, twin.arguments, strict=True))
    for old, new in values.items():
        new.names = old.names
    _fill(function.block, twin.block, values)
    return twin


def _fill(source: Block, target: Block, values: dict[Value, Value]) -> None:
    def region(body: Region) -> Region:
        arguments = body.block.arguments
        names = (value.name for value in arguments)
        inner = Region(Block((_type(value.type) for value in arguments), names))
        visible = {**values, **dict(zip(arguments, inner.block.arguments, strict=True))}
        _fill(body.block, inner.block, visible)
        return inner

    for op in source:
        twin = _twin(op, values, region)
        if isinstance(op, TreeEnsemble):
            _round_thresholds(op, twin, target)
        target.insert(twin)
        values.update(zip(op.results, twin.results, strict=True))


def _twin(op: Op, values: Mapping[Value, Value], region: Any) -> Op:
    """The op in single precision, detached."""
    found = {name: _attribute(op, value) for name, value in op.attributes.items()}
    if op.spec.type_field:
        types = op.given_types
        single = tuple(map(_type, types)) if isinstance(types, tuple) else types and _type(types)
        found[op.spec.type_field] = single
    given = op.fields()
    changes = {name: value for name, value in found.items() if value is not given[name]}
    return clone(op, values, region, changes=changes)


def _attribute(op: Op, value: Any) -> Any:
    if value is DType.F64:
        return DType.F32
    if isinstance(op, Constant) and isinstance(value, Resource):
        return _single(op, value) if value.type.dtype is DType.F64 else value
    return value


def _single(op: Op, data: Resource) -> Resource:
    return as_resource(_rounded(op, data.array()), data.name, data.derived("float32"))


def _rounded(op: Op, array: Array) -> Array:
    """The nearest numbers of float32.

    Raises:
        CompileError: a number is too large.
    """
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if np.any(np.isinf(found) & np.isfinite(array)):
        largest = array[np.isinf(found) & np.isfinite(array)].flat[0]
        message = f"the number {largest:g} is too large for float32"
        remedy = "write a SavedModel, which computes in doubles"
        raise CompileError(Diagnostic(message, "unsupported", op.location, remedy=remedy))
    return found


def _round_thresholds(op: TreeEnsemble, twin: Op, block: Block) -> None:
    """Give the twin thresholds that split numbers of float32 as those of doubles do."""
    exact, modes = array_of(op.thresholds), array_of(op.modes)
    if exact is None or modes is None or not isinstance(op.thresholds.op, Constant):
        raise CompileError(
            Diagnostic("thresholds are computed, not constants", "unsupported", op.location)
        )
    data = op.thresholds.op.value
    found = constant(split_alike(exact, modes), data.name, data.derived("float32"))
    assert found.op is not None
    found.op.location = op.location
    block.insert(found.op)
    position = next(i for i, value in enumerate(op.operands) if value is op.thresholds)
    twin.set_operand(position, found)


def split_alike(thresholds: Array, modes: Array) -> Array:
    """Thresholds of float32 that compare with numbers of float32 as these of float64 do.

    Args:
        thresholds: f64.
        modes: the comparison of each, as in `tree.ensemble`.

    Returns:
        f32: for <= and > the next one below, for < and >= the next one above; NaN, which equals
        nothing, for == and != with what float32 doesn't have.
    """
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    wide = near.astype(np.float64)
    infinite = np.float32(np.inf)
    below = np.where(wide > thresholds, np.nextafter(near, -infinite), near)
    above = np.where(wide < thresholds, np.nextafter(near, infinite), near)
    same = np.where(wide == thresholds, near, np.float32(np.nan))
    return np.select([np.isin(modes, (0, 3)), np.isin(modes, (1, 2))], [below, above], same).astype(
        np.float32
    )
