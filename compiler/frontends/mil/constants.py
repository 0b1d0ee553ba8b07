"""Values and types of MIL programs, from messages to arrays and IR types."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dims import Dim
from ....ir.types import Array, DType, Tensor
from ....ir.weights.bits import e4m3_floats, e5m2_floats, signed, unpack

# DataType of the specification → the IR's; narrower integers are kept in bytes.
DTYPES = {
    1: DType.BOOL,
    2: DType.STR,
    10: DType.F16,
    11: DType.F32,
    12: DType.F64,
    13: DType.F32,  # bfloat16, whose values float32 holds exactly
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
    40: DType.F32,  # 8-bit floats, whose values float32 holds exactly: E4M3FN
    41: DType.F32,  # and E5M2
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
    DType.F16: "<f2",
    DType.I8: "i1",
    DType.U8: "u1",
    DType.I16: "<i2",
    DType.U16: "<u2",
    DType.I32: "<i4",
    DType.U32: "<u4",
}
# DataType of the specification → how elements without an IR type are stored and decoded.
_WIDENED: dict[int, tuple[str, Callable[[Array], Array]]] = {
    13: ("<u2", lambda halves: (halves.astype(np.uint32) << 16).view(np.float32)),
    40: ("u1", lambda codes: e4m3_floats()[codes]),
    41: ("u1", lambda codes: e5m2_floats()[codes]),
}
INT4 = 25
# DataType of the specification → bits of an element, for those of fewer than 8.
NARROW = {INT4: 4, 35: 4, 36: 2, 37: 1, 38: 6, 39: 3}


def tensor_type(message: Any, dim: Callable[[int], Dim]) -> Tensor:
    """The IR type of a ValueType that is a tensor; `dim` makes the dimensions that it leaves open.

    Raises:
        CompileError: it is not a tensor, or has an unknown element type.
    """
    kind = message.WhichOneof("type")
    if kind == "stateType":
        return tensor_type(message.stateType.wrappedType, dim)
    if kind != "tensorType":
        fail(f"is {f'a {kind}' if kind else 'without a type'}, not a tensor", "unsupported")
    return Tensor(element_type(message), tuple(_dims(message.tensorType, dim)))


def element_type(message: Any) -> DType:
    """The element type of a ValueType that is a tensor.

    Raises:
        CompileError: it is unknown.
    """
    kind = message.tensorType.dataType
    if kind not in DTYPES:
        fail(f"has elements of the unknown type {kind}", "unsupported")
    return DTYPES[kind]


def has_open_rank(message: Any) -> bool:
    """Whether a ValueType leaves open how many dimensions a tensor has."""
    dimensions = message.tensorType.dimensions
    return any(item.unknown.variadic for item in dimensions if item.HasField("unknown"))


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
        fail(f"has {len(found)} dimensions, but declares {tensor.rank}")
    return found


def open_extent(axis: int) -> Dim:
    """Refuse a dynamic dimension, which constants can't have."""
    fail(f"has the dynamic dimension {axis}")


def is_blob(value: Any) -> bool:
    """Whether the value is in a weight file."""
    return value.WhichOneof("value") == "blobFileValue"


def immediate_array(value: Any) -> Array:
    """The array of a Value that holds a tensor, or a list of scalars; strings are objects.

    Raises:
        CompileError: it holds something else, or a number of elements that its type contradicts.
    """
    if value.WhichOneof("value") != "immediateValue":
        fail("has no value")
    if value.immediateValue.WhichOneof("value") == "list":
        return _listed([immediate_array(item) for item in value.immediateValue.list.values])
    if value.immediateValue.WhichOneof("value") != "tensor":
        kind = value.immediateValue.WhichOneof("value")
        fail(f"is {f'a {kind}' if kind else 'nothing'}, not a tensor", "unsupported")
    kind = tensor_type(value.type, open_extent)
    held = value.immediateValue.tensor
    field = held.WhichOneof("value")
    stored: Any = getattr(held, field).values if field else ()
    if field == "bytes":
        array = _from_bytes(stored, value.type.tensorType.dataType, kind)
    else:
        array = np.array(list(stored), object if field == "strings" else None)
        if field is None or not array.size:
            array = np.zeros(0, kind.dtype.numpy)
    shape = kind.static_shape
    if array.size != math.prod(shape):
        fail(f"holds {array.size} values for {kind}")
    return array.astype(kind.dtype.numpy).reshape(shape)


def _from_bytes(stored: bytes, data_type: int, kind: Tensor) -> Array:
    if data_type in NARROW:
        return unpacked(stored, data_type, math.prod(kind.static_shape))
    layout, widen = _WIDENED.get(data_type, (_PACKED.get(kind.dtype), None))
    if layout is None:
        fail(f"holds bytes for elements of {kind.dtype.value}")
    if len(stored) % np.dtype(layout).itemsize:
        fail(f"holds {len(stored)} bytes for elements of {kind.dtype.value}")
    array = np.frombuffer(stored, layout)
    return array if widen is None else widen(array)


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Prefix diagnostics that are raised inside with the subject."""
    try:
        yield
    except CompileError as error:
        raise CompileError(
            replace(d, message=f"{subject} {d.message}") for d in error.diagnostics
        ) from None


def _listed(items: list[Array]) -> Array:
    if not items or any(item.shape or item.dtype != items[0].dtype for item in items):
        fail("is a list whose elements are not scalars of one type", "unsupported")
    return np.stack(items)


def unpacked(stored: bytes, data_type: int, count: int) -> Array:
    """Integers of fewer than 8 bits, packed without gaps, the least significant bits first.

    Raises:
        CompileError: the number of bytes is wrong.
    """
    bits = NARROW[data_type]
    if len(stored) != (bits * count + 7) // 8:
        fail(f"holds {len(stored)} bytes for {count} elements of {bits} bits")
    codes = unpack(np.frombuffer(stored, np.uint8), bits, count, lowest_first=True)
    return signed(codes, bits) if data_type == INT4 else codes


def fail(message: str, kind: Any = "malformed") -> NoReturn:
    """Refuse a value; the caller adds which one."""
    raise CompileError(Diagnostic(message, kind))
