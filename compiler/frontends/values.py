"""Conversions and names of values that rules of all frontends need."""

from collections.abc import Mapping

from ...ir.dialects.core.elementwise import Cast
from ...ir.ssa import Block, Value
from ...ir.types import DType


def cast(value: Value, dtype: DType) -> Value:
    """The value with another dtype; itself if it has it already."""
    return value if value.type.dtype is dtype else Cast(value, dtype).result


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
