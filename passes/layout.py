"""Gives spatial ops one layout, with transposes around them that `sink-transposes` removes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..ir.attributes import Layout
from ..ir.dialects.core.shape import Transpose
from ..ir.rewrite import replace, replace_op
from ..ir.ssa import Module, Op, Value
from ..ir.verify import Legal
from .manager import Instrumentation, Pass

LayoutName = Literal["channels_first", "channels_last"]


@dataclass(frozen=True)
class AssignLayout(Pass):
    """Give every spatial op the requested layout.

    The pass names no op: an op has a layout if it has a `layout` attribute. The attribute describes
    its first operand and its result, and the operands in `filters` follow.

    Options:
        to: channels_last (TensorFlow's) or channels_first (Core ML's).
    """

    name = "layout"

    to: LayoutName = "channels_last"

    @property
    def ensures(self) -> Legal:
        return Legal(spatial_layout=self.to)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        wanted = Layout(self.to)
        ops = [op for op in module.walk() if op.attributes.get("layout", wanted) is not wanted]
        for op in ops:
            _relayout(op, wanted)
        return bool(ops)


def to_last(rank: int) -> tuple[int, ...]:
    """[N, C, *spatial] → [N, *spatial, C]."""
    return (0, *range(2, rank), 1)


def to_first(rank: int) -> tuple[int, ...]:
    """[N, *spatial, C] → [N, C, *spatial]."""
    return (0, rank - 1, *range(1, rank - 1))


def filter_to_last(rank: int) -> tuple[int, ...]:
    """[O, I, *kernel] → [*kernel, I, O]."""
    return (*range(2, rank), 1, 0)


def filter_to_first(rank: int) -> tuple[int, ...]:
    """[*kernel, I, O] → [O, I, *kernel]."""
    return (rank - 1, rank - 2, *range(rank - 2))


def _relayout(op: Op, wanted: Layout) -> None:
    last = wanted is Layout.CHANNELS_LAST
    data, filters = (to_last, filter_to_last) if last else (to_first, filter_to_first)
    back = to_first if last else to_last
    changes: dict[str, object] = {"layout": wanted}
    first = op.spec.operands[0].name
    changes[first] = _transposed(op.operands[0], data)
    for name in op.filters:
        changes[name] = _transposed(op.operand_group(name), filters)
    new = replace(op, **changes)
    replace_op(op, [Transpose(new.result, back(new.result.type.rank)).result], by="layout")


def _transposed(value: Value, perm: Callable[[int], tuple[int, ...]]) -> Value:
    return Transpose(value, perm(value.type.rank)).result
