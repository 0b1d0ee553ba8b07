"""Values and types of MIL programs: what their messages hold, as arrays and IR types."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dims import Dim
from ....ir.types import Array, DType, Tensor

# DataType of the specification → the IR's; narrower integers are kept in bytes.
DTYPES = {
    1: DType.BOOL,
    2: DType.STR,
    10: DType.F16,
    11: DType.F32,
    12: DType.F64,
    13: DType.F32,  # bfloat16, every value of which is one of float32
    21: DType.I8,
    22: DType.I16,
    23: DType.I32,
    24: DType.I64,
    25: DType.I8,  # int4
    31: DType.U8,
    32: DType.U16,
    33: DType.U32,
    34: DType.U64,
    **dict.fromkeys((35, 36, 37, 38, 39), DType.U8),  # uint4, 2, 1, 6, 3
}
# MIL's names of types, as `cast` has them.
DTYPE_NAMES = {
    "bool": DType.BOOL,
    "fp16": DType.F16,
    "fp32": DType.F32,
    "fp64": DType.F64,
    "int8": DType.I8,
    "int16": DType.I16,
    "int32": DType.I32,
    "int64": DType.I64,
    "uint8": DType.U8,
    "uint16": DType.U16,
    "uint32": DType.U32,
    "string": DType.STR,
}
_PACKED = {
    **{DType.F16: "<f2", DType.I8: "i1", DType.U8: "u1", DType.I16: "<i2", DType.U16: "<u2"},
    **{DType.I32: "<i4", DType.U32: "<u4"},
}


def tensor_type(message: Any, dim: Callable[[int], Dim]) -> Tensor:
    """The IR type of a ValueType that is a tensor; `dim` gives the extents that it leaves open.

    Raises:
        CompileError: it is no tensor, or of unknown elements.
    """
    kind = message.WhichOneof("type")
    if kind == "stateType":
        return tensor_type(message.stateType.wrappedType, dim)
    if kind != "tensorType":
        fail(f"is a {kind or 'value without a type'}, not a tensor", "unsupported")
    tensor = message.tensorType
    if tensor.dataType not in DTYPES:
        fail(f"has elements of the unknown type {tensor.dataType}", "unsupported")
    return Tensor(DTYPES[tensor.dataType], tuple(_dims(tensor, dim)))


def _dims(tensor: Any, dim: Callable[[int], Dim]) -> list[Dim]:
    found: list[Dim] = []
    for axis, item in enumerate(tensor.dimensions):
        if item.WhichOneof("dimension") == "constant":
            found.append(int(item.constant.size))
        elif item.unknown.variadic:
            fail("has a variable number of dimensions", "unsupported")
        else:
            found.append(dim(axis))
    if len(found) != tensor.rank:
        fail(f"has {len(found)} dimensions, but says {tensor.rank}")
    return found


def is_blob(value: Any) -> bool:
    """Whether the value is in a weight file."""
    return value.WhichOneof("value") == "blobFileValue"


def immediate_array(value: Any) -> Array:
    """The array of a Value that holds a tensor itself; strings are objects.

    Raises:
        CompileError: it holds something else, or not as much as its type says.
    """
    if value.WhichOneof("value") != "immediateValue":
        fail("has no value")
    if value.immediateValue.WhichOneof("value") != "tensor":
        kind = value.immediateValue.WhichOneof("value")
        fail(f"is a {kind}, not a tensor", "unsupported")
    kind = tensor_type(value.type, lambda _: fail("is a constant of an open extent"))
    held = value.immediateValue.tensor
    field = held.WhichOneof("value")
    stored: Any = getattr(held, field).values if field else ()
    if field == "bytes":
        if kind.dtype not in _PACKED:
            fail(f"holds bytes for elements of {kind.dtype.value}")
        if len(stored) % np.dtype(_PACKED[kind.dtype]).itemsize:
            fail(f"holds {len(stored)} bytes for elements of {kind.dtype.value}")
        array = np.frombuffer(stored, _PACKED[kind.dtype])
    else:
        array = np.array(list(stored), object if field == "strings" else None)
        if field is None or not array.size:
            array = np.zeros(0, kind.dtype.numpy)
    shape = kind.static_shape
    if array.size != int(np.prod(shape)):
        fail(f"holds {array.size} values for {kind}")
    return array.astype(kind.dtype.numpy).reshape(shape)


def fail(message: str, kind: Any = "malformed") -> NoReturn:
    """Refuse a value; who reads it says which."""
    raise CompileError(Diagnostic(message, kind))
