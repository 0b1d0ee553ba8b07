"""Weights that several calls need: one layer that is called again, or tensors that calls share.

A layer of Keras owns its weights, so two layers never have one weight. Calls of the same kind, with
the same settings and weights, are calls of one layer. Other layers that share a weight are opened:
what they compute becomes calls of functions, which read the weight from a layer that only holds it.
What can't be opened keeps a copy, which the code and the summary tell (`copies`).
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from ...ir.dialects.builtin import Constant, splat_of
from ...ir.rewrite import replace_op
from ...ir.ssa import Module, Op, Value
from ...ir.weights.resources import Resource, root
from .dialect import layers, ops
from .dialect.base import KerasLayer


def weights_of(op: Op) -> tuple[Value, ...]:
    """The constants that a layer holds, in the order of its own `weights`."""
    if not isinstance(op, KerasLayer):
        return ()
    return tuple(value for name in op.weights for value in op.values_of(name))


def written_of(op: Op) -> tuple[Value, ...]:
    """The constants that are written where a layer is made."""
    if not isinstance(op, KerasLayer):
        return ()
    return tuple(value for name in op.written for value in op.values_of(name))


def layer_of(op: Op) -> Hashable:
    """Equal for calls of one layer: of one kind, with the same settings and weights.

    An op without weights that were trained is only equal to itself.
    """
    held = list(map(_data, weights_of(op)))
    if all(not item.is_weight or is_unlearned(item) for item in held):
        return op
    groups = tuple(len(op.values_of(item.name)) for item in op.spec.operands)
    settings = tuple(op.attributes.items())
    return (type(op), settings, groups, tuple(item.merge_key for item in held))


# Vectors are smaller.
_MOST_ELEMENTS = 65536


def is_somebodys(item: Resource) -> bool:
    """Whether it is a weight, and not a vector of one number.

    Converters store equal constants once. Biases of zeros and scales of ones, which layers begin
    with, are equal without being tied.
    """
    if not item.is_weight or item.size > _MOST_ELEMENTS:
        return item.is_weight
    array = item.array()
    return bool((array != array.flat[0]).any())


def weight_of(resource: Resource) -> Hashable:
    """Which weight it is, in whatever layout."""
    return root(resource).identity


def users_of_weights(calls: Iterable[Op]) -> dict[Hashable, dict[Hashable, list[Op]]]:
    """By weight, its users: the calls of one layer together, every other op by itself.

    What nobody has trained isn't shared: coremltools stores equal constants once, and all biases
    begin with zeros.
    """
    found: dict[Hashable, dict[Hashable, list[Op]]] = {}
    items: dict[Hashable, Resource] = {}
    for op in calls:
        data = [value.op.value for value in op.operands if isinstance(value.op, Constant)]
        for weight, item in {weight_of(item): item for item in data if item.is_weight}.items():
            items[weight] = item
            found.setdefault(weight, {}).setdefault(layer_of(op), []).append(op)
    return {
        weight: users
        for weight, users in found.items()
        if len(users) == 1 or not is_unlearned(items[weight])
    }


# Vectors are smaller, in whatever shape a layer holds them.
_MOST_ELEMENTS = 65536


def is_unlearned(item: Resource) -> bool:
    """Whether it is a weight like at the start of training: one number throughout."""
    if not item.is_weight or item.size > _MOST_ELEMENTS:
        return False
    array = item.array()
    return bool((array == array.ravel()[:1]).all())


def open_layers(module: Module) -> set[Hashable]:
    """Spell out layers that share weights with others; the weights that nothing holds any more."""
    opened: dict[Op, None] = {}
    for weight, users in users_of_weights(module.walk()).items():
        holding = [op for calls in users.values() for op in calls if _holds(op, weight)]
        if len(users) > 1 and all(map(_can_be_opened, holding)):
            opened |= dict.fromkeys(holding)
    freed = {weight_of(_data(value)) for op in opened for value in weights_of(op)}
    for op in opened:
        replace_op(op, [_OPENED[type(op)](op)], "hold-constants-keras")
    return freed


def copies(calls: Iterable[Op], names: Mapping[Op, str]) -> dict[str, list[str]]:
    """Weights that several layers hold a copy of: the weight's name → the layers' names.

    Args:
        calls: of the whole function.
        names: of layers, by their first call.
    """
    found: dict[str, list[str]] = {}
    for weight, users in users_of_weights(calls).items():
        firsts = [some[0] for some in users.values()]
        held = [
            (names[op], _data(value).name)
            for op in firsts
            for value in weights_of(op)
            if weight_of(_data(value)) == weight
        ]
        written = ["the code itself" for op in firsts if not _holds(op, weight)]
        if held and len(held) + len(written) > 1:
            found[held[0][1] or "a weight"] = [*(name for name, _ in held), *written]
    return found


def _data(value: Value) -> Resource:
    assert isinstance(value.op, Constant)
    return value.op.value


def _holds(op: Op, weight: Hashable) -> bool:
    return any(weight_of(_data(value)) == weight for value in weights_of(op))


def _can_be_opened(op: Op) -> bool:
    return type(op) in _OPENED


def _dense(op: layers.Dense) -> Value:
    """activation(inputs @ kernel + bias)."""
    return _finished(op, ops.Matmul(op.inputs, op.kernel, result_types=op.result.type).result)


def _conv(op: layers.Conv) -> Value:
    """activation(conv(inputs, kernel) + bias); the kernel's shape says how many groups."""
    found = ops.Conv(
        op.inputs,
        op.kernel,
        strides=op.strides,
        padding=op.padding,
        dilation_rate=op.dilation_rate,
        result_types=op.result.type,
    )
    return _finished(op, found.result)


def _finished(op: layers.Dense | layers.Conv, y: Value) -> Value:
    out = op.result.type
    if op.bias is not None and splat_of(op.bias) != 0:
        y = ops.Add(y, op.bias, result_types=out).result
    if op.activation is not None:
        y = layers.Activation(y, activation=op.activation, result_types=out).result
    return y


def _embedding(op: layers.Embedding) -> Value:
    """Rows of the table."""
    return ops.Take(op.embeddings, op.inputs, 0, result_types=op.result.type).result


# By layer, the same as calls that read the weights from elsewhere.
_OPENED: Mapping[type[Op], Callable[[Any], Value]] = {
    layers.Conv1D: _conv,
    layers.Conv2D: _conv,
    layers.Conv3D: _conv,
    layers.SparseConv2D: _conv,
    layers.Dense: _dense,
    layers.Embedding: _embedding,
}
