"""Makes wide values a little wider where a matrix product would write to colliding addresses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..ir.attributes import Layout
from ..ir.dialects.builtin import Const, Constant, array_of, constant
from ..ir.dialects.core import conv, linear, pool, reduce
from ..ir.dialects.core.shape import SliceByIndex
from ..ir.dims import Dim, product
from ..ir.hooks import hook_of
from ..ir.rewrite import adopt, replace
from ..ir.ssa import Block, Function, Module, Op, Value
from ..ir.types import Array, DType
from ..ir.weights.resources import LazyResource
from .manager import Instrumentation, Pass

Layer: TypeAlias = conv.Conv | linear.Linear


@dataclass(frozen=True)
class PadWidths(Pass):
    """Pad widths of a multiple of 2 KiB between layers, 512 or 3072 channels, by 64 bytes.

    Rows whose distance is a multiple of the size of a cache's way share its sets: a product that
    writes columns of such rows evicts what it needs next, and takes up to twice the time. Layers
    get outputs of zero weights, which the layers that read them multiply by zeros. Where only
    infinities or NaN come out of a layer, more results may be NaN.

    Values are padded only if all that they meet on the way from layers to layers works channel by
    channel: functions of numbers, sums and products, pooling, reductions of other dimensions.

    Example:
        cmlc-opt m.cmir --passes='pad-widths'
    """

    name = "pad-widths"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        for function in module.functions.values():
            changed |= _in_function(function)
        return changed


def _in_function(function: Function) -> bool:
    chosen: dict[Value, Array] = {}
    seen: set[Value] = set()
    for op in function.block:
        if isinstance(op, Layer) and op.result not in seen and _collides(op.result):
            web = _web(op.result, function.block)
            seen |= web.keys() if web else {op.result}
            numbers = _numbers(function.block, web) if web else None
            chosen |= numbers or {}
    if chosen:
        _rebuild(function.block, chosen)
    return bool(chosen)


def _collides(value: Value) -> bool:
    """Whether there are several rows, a multiple of 2 KiB apart."""
    *lead, width = value.type.shape
    if value.type.dtype is not DType.F32 or not isinstance(width, int):
        return False
    return width > 0 and width * value.type.dtype.bytes % _COLLIDING == 0 and product(lead) != 1


def _web(start: Value, block: Block) -> dict[Value, None] | None:
    """All values that are as wide as `start` if it is; None if one has to keep its width."""
    web: dict[Value, None] = {start: None}
    width, todo = start.type.shape[-1], [start]
    while todo:
        value = todo.pop()
        found = _neighbours(value, width, block)
        if found is None:
            return None
        todo += [near for near in found if near not in web]
        web |= dict.fromkeys(found)
    return web


def _neighbours(value: Value, width: Dim, block: Block) -> list[Value] | None:
    """The values that must be as wide as `value`, where its producer and users meet them."""
    producer = value.op
    if producer is None or producer.parent is not block:
        return None
    found: list[Value] | None = []
    if not isinstance(producer, Layer):
        found = _wide_operands(producer, width)
    elif not _can_change(producer):
        return None
    for user in value.users:
        if found is None or user.parent is not block:
            return None
        if isinstance(user, Layer) and user.x is value and _can_change(user):
            continue
        if _wide_operands(user, width) is not None:
            found.append(user.results[0])
        elif not isinstance(producer, reduce.Reduction):  # whose results are small, so they are cut
            return None
    return found


def _can_change(layer: Layer) -> bool:
    """Whether the weights may get other shapes: constants that nothing else has."""
    if isinstance(layer, conv.Conv) and (
        layer.groups != 1 or layer.layout is not Layout.CHANNELS_LAST
    ):
        return False
    weight = layer.weight.op
    if not isinstance(weight, Constant) or weight.value.compressed:
        return False
    return layer.weight.use_count == 1 and (layer.bias is None or isinstance(layer.bias, Const))


def _wide_operands(op: Op, width: Dim) -> list[Value] | None:
    """What an op that works channel by channel reads of this width; None for others."""
    if isinstance(op, pool.Pool):
        return [op.x] if op.layout is Layout.CHANNELS_LAST else None
    if isinstance(op, reduce.Reduction):
        return None if op.x.type.rank - 1 in op.over() else [op.x]
    if not op.is_elementwise or len(op.results) != 1 or op.results[0].type.shape[-1:] != (width,):
        return None
    wide: list[Value] = []
    for value in op.operands:
        if isinstance(value, Const):
            if not _is_one_number(value) and (value.type.shape[-1] != width or value.use_count > 1):
                return None
        elif value.type.shape[-1:] == (width,):
            wide.append(value)
        else:
            return None
    return wide


def _is_one_number(value: Value) -> bool:
    return product(value.type.shape) == 1


def _numbers(block: Block, web: Collection[Value]) -> dict[Value, Array] | None:
    """What stands in the padding of each value; None if a zero weight doesn't remove it."""
    numbers: dict[Value, Array] = {}
    for op in block:
        if op.is_terminator or len(op.results) != 1 or op.results[0] not in web:
            continue
        number = _ZERO if isinstance(op, Layer) else _number(op, numbers)
        if number is None or not np.isfinite(number).all():
            return None
        numbers[op.results[0]] = number
    return numbers


def _number(op: Op, numbers: Mapping[Value, Array]) -> Array | None:
    """What the op computes of the padding."""
    given: list[Array] = []
    for value in op.operands:
        array = array_of(value) if _is_one_number(value) else None
        given.append(numbers.get(value, _ZERO) if array is None else array.reshape(1))
    evaluate = hook_of(op, "evaluate")
    if evaluate is None:
        return None
    with np.errstate(all="ignore"):
        if isinstance(op, pool.Pool):
            return given[0] if given[0] == 0 else None  # padding might be counted
        if isinstance(op, reduce.Reduction):
            # Of two, because the logarithm of a sum depends on how many there are.
            number = op.evaluate(np.broadcast_to(given[0], (2,) * op.x.type.rank)).reshape(-1)[:1]
            return number if given[0] == number == 0 else None
        return np.asarray(evaluate(*given)).reshape(1)


def _rebuild(block: Block, chosen: Collection[Value]) -> None:
    """Make every op again that has padded operands or results."""
    made: dict[Value, Value] = {}
    old: list[Op] = []
    for op in block:
        is_wide = any(value in chosen for value in op.results)
        if not is_wide and not any(value in made for value in op.operands):
            continue
        if isinstance(op, Layer) and _can_change(op):
            new: Op = _layer(op, made.get(op.x), is_wide)
        elif is_wide:
            width = op.results[0].type.shape[-1]
            wide = [_wide(value, width, made) for value in op.operands]
            new = replace(op, **op.grouped(wide))
        else:
            _cut_operands(op, made)
            continue
        adopt([new.results[0]], block, op, op.location)
        new.results[0].name = op.results[0].name
        if is_wide:
            made[op.results[0]] = new.results[0]
        else:
            op.results[0].replace_all_uses_with(new.results[0])
        old.append(op)
    for op in reversed(old):
        op.erase()


def _layer(op: Layer, x: Value | None, is_wide: bool) -> Layer:
    """The layer with zeros for what is added to its input and to its result."""
    inputs, outputs = (1, 0) if isinstance(op, linear.Linear) else (-2, -1)
    changes: dict[str, Value] = {} if x is None else {"x": x}
    axes = [*([inputs] if x is not None else []), *([outputs] if is_wide else [])]
    changes["weight"] = _with_zeros(op.weight, axes)
    if is_wide and op.bias is not None:
        changes["bias"] = _with_zeros(op.bias, [0])
    return replace(op, **changes)


def _wide(value: Value, width: Dim, made: Mapping[Value, Value]) -> Value:
    """An operand of an op that works channel by channel."""
    if value in made or not isinstance(value, Const) or _is_one_number(value):
        return made.get(value, value)
    return _with_zeros(value, [-1])


def _with_zeros(value: Value, axes: list[int]) -> Value:
    """A constant with zeros at the end of these dimensions."""
    assert isinstance(value.op, Constant)
    data = value.op.value
    after = [0] * value.type.rank
    for axis in axes:
        after[axis] = _ADDED
    sizes = [size + more for size, more in zip(value.type.static_shape, after, strict=True)]

    def load() -> Array:
        array = np.pad(data.array(), [(0, more) for more in after])
        data.release()
        return array

    origin = data.derived("padded", *after)
    return constant(
        LazyResource(value.type.with_shape(sizes), load, value.name, origin), value.name
    )


def _cut_operands(op: Op, made: Mapping[Value, Value]) -> None:
    """Give an op the results of reductions without their padding."""
    for index, value in enumerate(op.operands):
        if value not in made:
            continue
        ends = tuple(dim if isinstance(dim, int) else 0 for dim in value.type.shape)
        zeros, ones = (0,) * len(ends), (1,) * len(ends)
        part = SliceByIndex(made[value], zeros, ends, ones, ones, (*ones[:-1], 0)).result
        assert op.parent is not None
        adopt([part], op.parent, op, op.location)
        op.set_operand(index, part)


# Rows are so many bytes apart, or a multiple; so many numbers of four bytes are a line of a cache.
_COLLIDING, _ADDED = 2048, 16
_ZERO: Array = np.zeros(1, np.float32)
