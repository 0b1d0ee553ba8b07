"""Makes images channels-last at a function's interface, where Core ML has channels first."""

from dataclasses import dataclass

from ..ir.dialects.builtin import Return
from ..ir.dialects.core.shape import Transpose
from ..ir.interface import Description
from ..ir.rewrite import adopt
from ..ir.ssa import Function, Module, Op, Value
from ..ir.verify import Legal
from .manager import Instrumentation, Pass


@dataclass(frozen=True)
class InterfaceLayout(Pass):
    """Change array arguments and results [..., C, H, W] of functions to [..., H, W, C].

    Which arrays are images is not guessed from their rank: an argument of rank 4 is one if the
    frontend says so (`axes = "CHW"`, for [C, H, W] too), or if it reaches an op with a `layout` as
    data through ops that keep its shape; a result likewise, from the other side.
    """

    name = "io-layout"

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        for function in module.public_functions.values():
            changed |= _arguments(function)
            changed |= _results(function)
        return changed


def _arguments(function: Function) -> bool:
    changed = False
    for position, value in enumerate(function.arguments):
        known = function.inputs[position]
        if not _eligible(value, known) or not (known.axes == "CHW" or _reaches_spatial(value)):
            continue
        users = value.uses
        rank = value.type.rank
        value.type = value.type.with_shape(value.type.shape[axis] for axis in _to_last(rank))
        back = Transpose(value, _to_first(rank))
        adopt([back.result], function.block, function.block.first)
        for user, index in users:
            user.set_operand(index, back.result)
        function.inputs[position] = known.channels_last()
        changed = True
    return changed


def _results(function: Function) -> bool:
    end = function.block.terminator
    if not isinstance(end, Return):
        return False
    changed = False
    for index, known in enumerate(function.outputs):
        value = end.operands[index]
        if not _eligible(value, known) or not (known.axes == "CHW" or _comes_from_spatial(value)):
            continue
        moved = Transpose(value, _to_last(value.type.rank)).result
        adopt([moved], function.block, end)
        end.set_operand(index, moved)
        function.outputs[index] = known.channels_last()
        changed = True
    return changed


def _eligible(value: Value, known: Description) -> bool:
    return known.is_array and value.type.rank in (3, 4) and known.layout != "nhwc"


def _to_last(rank: int) -> tuple[int, ...]:
    return (*range(rank - 3), rank - 2, rank - 1, rank - 3)


def _to_first(rank: int) -> tuple[int, ...]:
    return (*range(rank - 3), rank - 1, rank - 3, rank - 2)


def _reaches_spatial(value: Value) -> bool:
    work, seen = [value], set[Value]()
    while work:
        current = work.pop()
        for user, index in current.uses:
            if index == 0 and "layout" in user.attributes and current.type.rank == 4:
                return True
            if _keeps_dims(user):
                work += [result for result in user.results if result not in seen]
                seen.update(user.results)
    return False


def _comes_from_spatial(value: Value) -> bool:
    work: list[Op | None] = [value.op]
    seen: set[Op] = set()
    while work:
        op = work.pop()
        if op is None or op in seen:
            continue
        seen.add(op)
        if "layout" in op.attributes:
            return True
        if _keeps_dims(op):
            work.extend(operand.op for operand in op.operands)
    return False


def _keeps_dims(op: Op) -> bool:
    """Whether the result's dimensions mean what the operands' do."""
    if op.is_elementwise:
        return True
    rank = op.operands[0].type.rank if op.operands else -1
    return bool(op.permuted_operands) and all(v.type.rank == rank for v in op.results)
