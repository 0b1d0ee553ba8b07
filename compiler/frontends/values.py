"""Conversions that rules of all frontends need."""

from ...ir.dialects.core.elementwise import Cast
from ...ir.ssa import Value
from ...ir.types import DType


def cast(value: Value, dtype: DType) -> Value:
    """The value with another dtype; itself if it has it already."""
    return value if value.type.dtype is dtype else Cast(value, dtype).result


def integers(value: Value) -> Value:
    """Indices and sizes of any dtype as i32."""
    return cast(value, DType.I32)
