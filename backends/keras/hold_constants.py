"""Makes constants that no layer holds, or that several would hold, the weights of layers."""

import itertools
from collections import Counter
from collections.abc import Collection, Container, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import Constant, Return, constant
from ...ir.rewrite import adopt
from ...ir.ssa import Module, Op, Value
from ...ir.weights.resources import Resource, ViewResource
from ...passes.manager import Instrumentation, Pass
from ...passes.masks import is_mask
from .dialect import layers, ops
from .dialect.base import KerasLayer
from .lower.weights import is_weight
from .shared import is_unlearned, open_layers, weight_of, weights_of, written_of
from .steps import is_written
from .vocabulary import tell_apart


@dataclass(frozen=True)
class HoldConstantsKeras(Pass):
    """Add layers for constants that are neither weights of a layer nor written into the code.

    A weight that different layers share is one, too: dense layers, convolutions and embeddings
    become calls that read it from there. Other layers, and all layers whose weights and settings
    are the same, stay; those are called again.

    Such a layer, `Weight`, is called with an operand of the constant's user, because a layer is
    part of a model only if its input is computed by the model; if it has several users, or no
    training changes it, with the model's input, so that it belongs to none of them. If there is
    nothing to call it with, the model is refused.

    Vocabularies of lookups are none; long ones get names, for the file that has them.

    Example:
        cmlc m.mlmodel --emit=ir --stage=lowered --target=keras --print-after=hold-constants-keras
    """

    name = "hold-constants-keras"
    is_required = True

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        renamed = tell_apart(module)
        freed = open_layers(module)
        loose = list(_loose(module, freed))
        weights = [_data(op.operands[index]) for op, index in loose]
        uses = Counter(map(weight_of, weights))
        hooks = [
            _hook(
                op, alone=is_unlearned(weight) or (uses[weight_of(weight)] == 1 and _trains(weight))
            )
            for (op, _), weight in zip(loose, weights, strict=True)
        ]
        problems = [_refusal(op) for (op, _), hook in zip(loose, hooks, strict=True) if not hook]
        if problems:
            raise CompileError(problems)
        held, layouts = dict[Hashable, Value](), _layouts(loose)
        for (op, index), hook in zip(loose, hooks, strict=True):
            assert hook is not None
            op.set_operand(index, _held(op, op.operands[index], hook, held, layouts))
        return renamed or bool(loose)


def _loose(module: Module, freed: Container[Hashable]) -> Iterator[tuple[Op, int]]:
    """Each op with such a constant operand, and the operand's index.

    Args:
        module: whose constants.
        freed: weights that layers held before, so that they may be trained.
    """
    for op in module.walk():
        weights = {*weights_of(op), *written_of(op)}
        for index, value in enumerate(op.operands):
            if not isinstance(value.op, Constant) or value in weights:
                continue
            # A model's results must be computed, and layers take only what is, so even small
            # constants are held there.
            computed = isinstance(op, Return | KerasLayer)
            known = computed or weight_of(value.op.value) in freed
            if known or not is_written(value.op):
                yield op, index


def _trains(item: Resource) -> bool:
    """Whether training changes it."""
    return item.is_weight and not is_mask(item.array())


def _data(value: Value) -> Resource:
    assert isinstance(value.op, Constant)
    return value.op.value


def _layouts(loose: Iterable[tuple[Op, int]]) -> dict[Hashable, set[Hashable]]:
    """By weight, the layouts in which it is used."""
    found: dict[Hashable, set[Hashable]] = {}
    for item in (_data(op.operands[index]) for op, index in loose):
        found.setdefault(weight_of(item), set()).add(item.identity)
    return found


def _hook(op: Op, *, alone: bool) -> Value | None:
    """The input of the layer that holds a constant of the op; None if there is none.

    An op of constants alone takes one of its user's, if that is computed before.

    Args:
        op: the user.
        alone: whether nothing else uses the constant.
    """
    assert op.parent is not None
    if isinstance(op, Return) or not alone:
        return next(iter(op.parent.arguments), None)
    own = next((value for value in op.operands if not is_weight(value)), None)
    if own is not None or not op.results:
        return own
    found = (value for user in op.results[0].users for value in user.operands)
    return next((value for value in found if _is_before(value, op)), None)


def _is_before(value: Value, op: Op) -> bool:
    """Whether a value is computed before the op, in its block."""
    assert op.parent is not None
    if value.op is None:
        return value.block is op.parent
    before = itertools.takewhile(lambda item: item is not op, op.parent)
    return any(item is value.op for item in before) and not is_weight(value)


def _refusal(op: Op) -> Diagnostic:
    message = "Keras code computes nothing of constants alone"
    if isinstance(op, Return):
        message = "a Keras model has at least one input"
    return Diagnostic(message, "unsupported", location=op.location, subject=op.name)


def _held(
    op: Op,
    value: Value,
    hook: Value,
    held: dict[Hashable, Value],
    layouts: Mapping[Hashable, Collection[Hashable]],
) -> Value:
    """What the layer gives that holds a constant; it is called before `op`, with `hook`.

    A weight in several layouts is held once, as it is stored, and transposed by calls.
    """
    assert op.parent is not None
    item = _data(value)
    if item.identity in held:
        return held[item.identity]
    if isinstance(item, ViewResource) and len(layouts[weight_of(item)]) > 1:
        made = _viewed(_held(op, constant(item.base), hook, held, layouts), item)
    else:
        made = layers.Weight(
            hook,
            value,
            shape=item.type.static_shape,
            dtype=item.type.dtype.numpy.name,
            trainable=_trains(item),
            result_types=item.type,
        ).result
    adopt([made], op.parent, op, op.location)
    if not is_unlearned(item):
        held[item.identity] = made
    return made


def _viewed(base: Value, view: ViewResource) -> Value:
    """A view, computed from what it is a view of."""
    perm, moved = view.perm, base.type.with_shape(view.base.type.static_shape[i] for i in view.perm)
    if perm != tuple(range(len(perm))):
        base = ops.Transpose(base, perm, result_types=moved).result
    if view.type != moved:
        base = ops.Reshape(base, view.type.static_shape, result_types=view.type).result
    return base
