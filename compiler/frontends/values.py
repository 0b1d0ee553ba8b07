"""Conversions, and what is known of values, that rules of all frontends need."""

from collections.abc import Mapping

from ...ir.dialects.builtin import splat_of
from ...ir.dialects.core.elementwise import Cast
from ...ir.dialects.core.fill import BroadcastLike, DynamicBroadcastTo
from ...ir.dialects.core.shape import (
    BroadcastTo,
    ExpandDims,
    Reshape,
    SliceByIndex,
    Squeeze,
    Transpose,
)
from ...ir.ssa import Block, Value
from ...ir.types import DType


def cast(value: Value, dtype: DType) -> Value:
    """The value with another dtype; itself if it has it already."""
    return value if value.type.dtype is dtype else Cast(value, dtype).result


def is_zero(value: Value) -> bool:
    """Whether a value is known to be zero everywhere, whatever its shape."""
    match value.op:
        case BroadcastTo(x) | DynamicBroadcastTo(x) | BroadcastLike(x):
            return is_zero(x)
        case ExpandDims(x) | Squeeze(x) | Reshape(x) | Transpose(x) | Cast(x) | SliceByIndex(x):
            return is_zero(x)
        case _:
            return splat_of(value) == 0


def integers(value: Value) -> Value:
    """Indices and sizes of any dtype as i32."""
    return cast(value, DType.I32)


def name_values(block: Block, names: Mapping[str, Value | None]) -> None:
    """Note what the model means by names: values of a function's block.

    Where a name is assigned again, it means what it stands for in the end.
    """
    for name, value in names.items():
        if value is not None and block in (value.block, value.op and value.op.parent):
            value.names = (*value.names, name)
