"""Calls that people write as one, and constants that layers hold: what is done after lowering."""

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Constant
from ....ir.rewrite import adopt
from ....ir.ssa import Function, Module, Op, Value
from ....ir.types import DType
from ....passes.patterns import GreedyDriver, Pattern
from ...calls import CallOp
from ..dialect import layers
from ..dialect.base import KerasLayer
from ..lower.weights import is_weight
from ..steps import is_written, weights_of
from . import affine, convolution, sequence, shape

PATTERNS: tuple[Pattern, ...] = (
    *(*convolution.PATTERNS, *affine.PATTERNS, *sequence.PATTERNS, *shape.PATTERNS),
)


def finish(module: Module) -> None:
    """Apply all patterns, then let layers hold the constants that are left; in place.

    Raises:
        CompileError: a Keras model can't be what the module is.
    """
    _check_interface(module)
    GreedyDriver(PATTERNS, None).run(module)
    held: dict[Value, Value] = {}
    for op in list(module.walk()):
        if isinstance(op, CallOp):
            _hold_constants(op, held)
    _hold_results(module.main, held)


def _check_interface(module: Module) -> None:
    problems = list[Diagnostic]()
    if len(module.functions) > 1:
        names = ", ".join(module.functions)
        message = f"a Keras model is one function, and this program has several: {names}"
        remedy = "choose one (--function)"
        problems.append(Diagnostic(message, "unsupported", remedy=remedy))
    for function in module.functions.values():
        rows = zip(function.arguments, function.inputs, strict=True)
        states = [value.name for value, known in rows if known.kind == "state"]
        if states:
            message = f"states live between calls, which a Keras model can't keep: {states}"
            remedy = "a SavedModel keeps them (--emit=savedmodel)"
            problems.append(Diagnostic(message, "unsupported", remedy=remedy))
    for op in module.walk():
        kinds = {value.type.dtype for value in (*op.operands, *op.results)}
        if isinstance(op, KerasLayer) and kinds & {DType.F16, DType.F64}:
            message = f"'{op.call}' computes in float32, and the model here doesn't"
            remedy = "compute everything in float32 (--precision=float32)"
            problems.append(Diagnostic(message, "unsupported", location=op.location, remedy=remedy))
    if problems:
        raise CompileError(problems)


def _hold_constants(op: CallOp, held: dict[Value, Value]) -> None:
    known = set(weights_of(op))
    hook = next((v for v in op.operands if not is_weight(v)), None)
    for index, value in enumerate(op.operands):
        if value in known or not isinstance(value.op, Constant) or is_written(value.op):
            continue
        op.require("", hook is not None, "Keras code computes nothing of constants alone")
        assert hook is not None
        op.set_operand(index, _holder(op, value, hook, held))


def _hold_results(function: Function, held: dict[Value, Value]) -> None:
    """A model gives no constants: layers do, called with its first input."""
    end = function.block.terminator
    assert end is not None
    for index, value in enumerate(end.operands):
        if isinstance(value.op, Constant):
            end.require("", bool(function.arguments), "a Keras model has at least one input")
            end.set_operand(index, _holder(end, value, function.arguments[0], held))


def _holder(op: Op, value: Value, hook: Value, held: dict[Value, Value]) -> Value:
    """What the layer gives that holds a constant; it is called before `op`, with `hook`."""
    assert isinstance(value.op, Constant)
    assert op.parent is not None
    if value not in held:
        kind = value.type
        layer = layers.Weight(
            hook,
            value,
            shape=kind.static_shape,
            dtype=kind.dtype.numpy.name,
            trainable=bool(value.op.value.name) and kind.dtype.is_float,
            result_types=kind,
        )
        adopt([layer.result], op.parent, op, op.location)
        held[value] = layer.result
    return held[value]
