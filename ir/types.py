"""Types of values: `Tensor(dtype, shape)`, printed `f32[N,3,224,224]`."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .dims import Dim, Shape, bare_symbol, is_static

Array: TypeAlias = npt.NDArray[Any]


class DType(enum.Enum):
    """Element types; the value is the name used in text."""

    F16 = "f16"
    F32 = "f32"
    F64 = "f64"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    BOOL = "bool"
    STR = "str"

    @property
    def numpy(self) -> np.dtype[Any]:
        """The numpy dtype; strings are numpy objects."""
        return _NUMPY[self]

    @property
    def bytes(self) -> int:
        """Size of one element in bytes; 0 for strings, whose size varies."""
        return 0 if self is DType.STR else self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        return self.value[0] == "f"

    @property
    def is_integer(self) -> bool:
        return self.value[0] in "iu"

    @staticmethod
    def of(array: Array) -> "DType":
        """The element type of a numpy array.

        Raises:
            TypeError: the array's dtype has no counterpart.
        """
        if array.dtype.kind in "OUS":
            return DType.STR
        for dtype, numpy_dtype in _NUMPY.items():
            if numpy_dtype == array.dtype:
                return dtype
        raise TypeError(f"arrays of {array.dtype} have no element type in the IR")

    def __repr__(self) -> str:
        return self.value


_NUMPY: dict[DType, np.dtype[Any]] = {
    DType.F16: np.dtype(np.float16),
    DType.F32: np.dtype(np.float32),
    DType.F64: np.dtype(np.float64),
    DType.I8: np.dtype(np.int8),
    DType.I16: np.dtype(np.int16),
    DType.I32: np.dtype(np.int32),
    DType.I64: np.dtype(np.int64),
    DType.U8: np.dtype(np.uint8),
    DType.U16: np.dtype(np.uint16),
    DType.U32: np.dtype(np.uint32),
    DType.U64: np.dtype(np.uint64),
    DType.BOOL: np.dtype(np.bool_),
    DType.STR: np.dtype(object),
}

FLOAT = frozenset({DType.F16, DType.F32, DType.F64})
SIGNED = frozenset({DType.I8, DType.I16, DType.I32, DType.I64})
INTEGER = SIGNED | {DType.U8, DType.U16, DType.U32, DType.U64}
NUMERIC = FLOAT | INTEGER
INDEX = frozenset({DType.I32, DType.I64})
BOOL = frozenset({DType.BOOL})
ANY = frozenset(DType)


# What libraries index by 32 bits can have; larger extents are mistakes or damage.
LARGEST_EXTENT = 2**31 - 1


@dataclass(frozen=True)
class Tensor:
    """An array of `dtype` elements with dimensions `shape`; rank 0 is a scalar."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether all dimensions are numbers, not symbols."""
        return is_static(self.shape)

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape as numbers.

        Raises:
            ValueError: a dimension is symbolic.
        """
        sizes = tuple(dim for dim in self.shape if isinstance(dim, int))
        if len(sizes) != len(self.shape):
            raise ValueError(f"{self} has symbolic dimensions")
        return sizes

    def with_shape(self, shape: Iterable[Dim]) -> "Tensor":
        return Tensor(self.dtype, tuple(shape))

    def with_dtype(self, dtype: DType) -> "Tensor":
        return Tensor(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.value}[{','.join(map(str, self.shape))}]"


Type: TypeAlias = Tensor


def bound_symbols(declared: Iterable[Tensor], given: Iterable[Tensor]) -> dict[str, Dim]:
    """The value of each symbol that stands alone in a declared type, from the given type."""
    found: dict[str, Dim] = {}
    for wanted, got in zip(declared, given, strict=True):
        for dim, size in zip(wanted.shape, got.shape, strict=False):
            if (name := bare_symbol(dim)) is not None:
                found.setdefault(name, size)
    return found


def type_of(array: Array) -> Tensor:
    """The type of a concrete array."""
    return Tensor(DType.of(array), array.shape)
