"""Makes constants that no layer holds the weights of layers."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import Constant, Return
from ...ir.rewrite import adopt
from ...ir.ssa import Module, Op, Value
from ...passes.manager import Instrumentation, Pass
from .dialect import layers
from .lower.weights import is_weight
from .steps import is_written, weights_of


@dataclass(frozen=True)
class HoldConstantsKeras(Pass):
    """Add layers for constants that are neither weights of a layer nor written into the code.

    Such a layer, `Weight`, is called with an operand of the constant's first user, because a layer
    is part of a model only if its input is computed by the model. If there is none, the model is
    refused.

    Example:
        cmlc m.mlmodel --emit=ir --stage=lowered --target=keras --print-after=hold-constants-keras
    """

    name = "hold-constants-keras"
    is_required = True

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        loose = list(_loose(module))
        hooks = [_hook(op) for op, _ in loose]
        problems = [_refusal(op) for (op, _), hook in zip(loose, hooks, strict=True) if not hook]
        if problems:
            raise CompileError(problems)
        held: dict[Value, Value] = {}
        for (op, index), hook in zip(loose, hooks, strict=True):
            assert hook is not None
            op.set_operand(index, _holder(op, op.operands[index], hook, held))
        return bool(loose)


def _loose(module: Module) -> Iterator[tuple[Op, int]]:
    """Each op with such a constant operand, and the operand's index."""
    for op in module.walk():
        weights = set(weights_of(op))
        for index, value in enumerate(op.operands):
            if not isinstance(value.op, Constant) or value in weights:
                continue
            # A model's results must be computed, so even small constants are held there.
            if isinstance(op, Return) or not is_written(value.op):
                yield op, index


def _hook(op: Op) -> Value | None:
    """The input of the layer that holds a constant of the op; None if there is none."""
    if isinstance(op, Return):
        assert op.parent is not None
        return next(iter(op.parent.arguments), None)
    return next((value for value in op.operands if not is_weight(value)), None)


def _refusal(op: Op) -> Diagnostic:
    message = "Keras code computes nothing of constants alone"
    if isinstance(op, Return):
        message = "a Keras model has at least one input"
    return Diagnostic(message, "unsupported", location=op.location, subject=op.name)


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
            trainable=value.op.value.is_weight,
            result_types=kind,
        )
        adopt([layer.result], op.parent, op, op.location)
        held[value] = layer.result
    return held[value]
