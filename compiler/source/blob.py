"""Weight files of ML Programs (`weight.bin`, MILBlob version 2), mapped and read where needed.

A file is a header and blobs; each blob is a description of 64 bytes and its data. Constants of a
program say where the description is. Types in the IR, which has none narrower than a byte:

    fp16, fp32, int8, int16, int32, uint8, uint16, uint32    the same
    bf16, fp8 (E4M3FN, E5M2)                                 f32, exactly
    int4                                                     i8
    uint1, uint2, uint3, uint4, uint6                        u8

A resource remembers the type it is stored in (`BlobResource.kind`) and provides the stored bytes
(`packed`), or an encoding of them (`stored`), for users of the compressed form.
"""

import mmap
import os
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...ir.types import Array, DType, Tensor
from ...ir.weights.bits import e4m3_floats, e5m2_floats
from ...ir.weights.encodings import EncodedResource, Palette, Unpacked, UpperHalf
from ...ir.weights.resources import ArrayResource, LazyResource, Origin, Resource
from .spec import FETCH, GIT_LFS, POINTER

_HEADER = 64
_LARGE = 1 << 20  # bytes; for less, mapping pages again costs more than it frees
_DESCRIPTION = struct.Struct("<IIQQQ")  # sentinel, type, size, offset, padding; 32 bytes unused
_SENTINEL = 0xDEADBEEF
_VERSION = 2


class BlobKind(NamedTuple):
    """A type of elements.

    Attributes:
        name: its name in the text of programs.
        number: its number in the specification of programs (`DataType`).
        bits: the size of one element in the file.
        dtype: the type of elements in the IR.
    """

    name: str
    number: int
    bits: int
    dtype: DType


# By their numbers in weight files.
KINDS = {
    1: BlobKind("fp16", 10, 16, DType.F16),
    2: BlobKind("fp32", 11, 32, DType.F32),
    3: BlobKind("uint8", 31, 8, DType.U8),
    4: BlobKind("int8", 21, 8, DType.I8),
    5: BlobKind("bf16", 13, 16, DType.F32),
    6: BlobKind("int16", 22, 16, DType.I16),
    7: BlobKind("uint16", 32, 16, DType.U16),
    8: BlobKind("int4", 25, 4, DType.I8),
    9: BlobKind("uint1", 37, 1, DType.U8),
    10: BlobKind("uint2", 36, 2, DType.U8),
    11: BlobKind("uint4", 35, 4, DType.U8),
    12: BlobKind("uint3", 39, 3, DType.U8),
    13: BlobKind("uint6", 38, 6, DType.U8),
    14: BlobKind("int32", 23, 32, DType.I32),
    15: BlobKind("uint32", 33, 32, DType.U32),
    16: BlobKind("fp8e4m3fn", 40, 8, DType.F32),
    17: BlobKind("fp8e5m2", 41, 8, DType.F32),
}
_EIGHT_BIT_FLOATS = {"fp8e4m3fn": e4m3_floats, "fp8e5m2": e5m2_floats}


class BlobError(ValueError):
    """A problem of a weight file or a blob; the message continues a sentence that names the file.

    Attributes:
        unsupported: the file is fine, but can't be read.
    """

    def __init__(self, message: str, *, unsupported: bool = False) -> None:
        super().__init__(message)
        self.unsupported = unsupported


@dataclass(frozen=True)
class FileRange:
    """Where a weight file is: a file, or a part of one, such as of an archive.

    Attributes:
        size: in bytes; None for everything from `start`.
        owner: an object that keeps the file alive, such as a temporary folder.
    """

    path: Path
    start: int = 0
    size: int | None = None
    owner: object = None


@dataclass(frozen=True)
class Blob:
    """One blob as its description has it: type, place and size in bytes, unused bits at the end.

    The last is undefined for elements of whole bytes: old writers stored uninitialized memory.
    """

    kind: BlobKind
    offset: int
    size: int
    padding: int


class BlobFile:
    """A weight file. It is mapped here, once for all its blobs.

    Raises:
        BlobError: it is not a weight file, or it has another version.
        OSError: it can't be read.
    """

    def __init__(self, file: FileRange) -> None:
        self.file = file
        with file.path.open("rb") as stream:
            length = os.fstat(stream.fileno()).st_size
            self.size = length - file.start if file.size is None else file.size
            stream.seek(file.start)
            if stream.read(len(GIT_LFS)) == GIT_LFS:
                raise BlobError(f"is {POINTER}: {FETCH}")
            if self.size < _HEADER:
                raise BlobError(f"is not a weight file: it has only {self.size:,} bytes")
            if file.start + self.size > length:
                raise BlobError("is cut short")
            self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        count, version = struct.unpack_from("<II", self._data, file.start)
        if version != _VERSION:
            message = f"has version {version} where weight files have {_VERSION}"
            raise BlobError(message, unsupported=0 < version < 16)
        if not 0 < count <= self.size // _HEADER - 1:
            raise BlobError(f"says that it has {count:,} blobs, in {self.size:,} bytes")

    def blob(self, offset: int) -> Blob:
        """The blob that is described at `offset`.

        Raises:
            BlobError: there is none, it is outside the file, or its type is unknown.
        """
        if offset < _HEADER or offset + 64 > self.size:
            raise BlobError(f"has no blob at byte {offset:,}: it has {self.size:,} bytes")
        sentinel, code, size, start, padding = _DESCRIPTION.unpack_from(
            self._data, self.file.start + offset
        )
        if sentinel != _SENTINEL:
            raise BlobError(f"has no blob at byte {offset:,}")
        if code not in KINDS:
            raise BlobError(f"holds elements of the unknown type {code} at byte {offset:,}")
        if start < _HEADER or start + size > self.size:
            message = f"ends at byte {self.size:,}, before the blob described at {offset:,} does"
            raise BlobError(f"{message}: it takes bytes {start:,} to {start + size:,}")
        return Blob(KINDS[code], start, size, padding)

    def data(self, blob: Blob) -> Array:
        """The blob's bytes; mapped, not copied."""
        return np.frombuffer(self._data, np.uint8, blob.size, self.file.start + blob.offset)

    def forget(self, blob: Blob) -> None:
        """Release the memory that a large blob's bytes are mapped to; they can be read again."""
        if blob.size < _LARGE or not hasattr(mmap, "MADV_DONTNEED"):
            return
        start = self.file.start + blob.offset
        page = start - start % mmap.ALLOCATIONGRANULARITY
        self._data.madvise(mmap.MADV_DONTNEED, page, start - page + blob.size)

    def resource(
        self, offset: int, data_type: int, shape: tuple[int, ...], name: str
    ) -> "BlobResource":
        """The blob described at `offset` as a resource of the type in the table above.

        Args:
            offset: the offset of the blob's description.
            data_type: the type of the elements, a number of the specification's `DataType`.
            shape: the shape of the constant.
            name: the name of the resource.

        Raises:
            BlobError: the blob is missing, or has another type or size.
        """
        blob = self.blob(offset)
        if blob.kind.number != data_type:
            names = (kind.name for kind in KINDS.values() if kind.number == data_type)
            expected = next(names, "a type that weight files can't hold")
            raise BlobError(f"holds {blob.kind.name} at byte {offset:,}, expected {expected}")
        count, bits = prod(shape), blob.kind.bits
        if -(-count * bits // 8) != blob.size:
            message = f"holds {blob.size:,} bytes of {blob.kind.name} at byte {offset:,}"
            raise BlobError(f"{message}; shape {list(shape)} needs {-(-count * bits // 8):,}")
        if bits < 8 and blob.size * 8 - count * bits != blob.padding:
            message = f"holds {blob.kind.name} with {blob.padding} unused bits at byte {offset:,}"
            raise BlobError(f"{message}; shape {list(shape)} leaves {blob.size * 8 - count * bits}")
        return BlobResource(self, blob, shape, name)


class BlobResource(Resource):
    """A constant in a weight file, read when asked for.

    Attributes:
        kind: the type it is stored in.
    """

    __slots__ = ("_blob", "_file", "kind")

    def __init__(self, file: BlobFile, blob: Blob, shape: tuple[int, ...], name: str = "") -> None:
        # A range of a file is one weight, however many constants name it.
        origin = Origin((file, blob.offset, blob.kind.name, shape))
        super().__init__(Tensor(blob.kind.dtype, shape), name, origin)
        self.kind = blob.kind
        self._file = file
        self._blob = blob

    def packed(self) -> Array:
        """The bytes as they are stored: little-endian elements, or bits, the lowest first."""
        return self._file.data(self._blob)

    def stored(self) -> Resource:
        """The same data; an encoding of the stored bytes where the IR has no such elements."""
        shape, bits, data = self.type.static_shape, self.kind.bits, self._blob.size
        origin = self.derived("stored")
        if bits < 8:
            packed = LazyResource(Tensor(DType.U8, (data,)), self.packed, origin=origin)
            signed = self.type.dtype is DType.I8
            return EncodedResource(Unpacked(packed, bits, shape, signed), self.name)
        if self.kind.name == "bf16":
            halves = Tensor(DType.U16, shape)
            upper = LazyResource(
                halves, lambda: self.packed().view("<u2").reshape(shape), origin=origin
            )
            return EncodedResource(UpperHalf(upper), self.name)
        if self.kind.name in _EIGHT_BIT_FLOATS:
            codes = LazyResource(
                Tensor(DType.U8, shape), lambda: self.packed().reshape(shape), origin=origin
            )
            numbers = _EIGHT_BIT_FLOATS[self.kind.name]().reshape(*(1,) * len(shape), 256, 1)
            return EncodedResource(Palette(codes, ArrayResource(numbers)), self.name)
        return self

    def release(self) -> None:
        self._array = None
        self._file.forget(self._blob)

    def _load(self) -> Array:
        if (encoded := self.stored()) is not self:
            return encoded.array()
        dtype = self.type.dtype.numpy
        elements = self.packed().view(dtype.newbyteorder("<")).reshape(self.type.static_shape)
        # Kernels need aligned data; blobs are aligned in files, but not always in archives.
        return elements.astype(dtype, copy=not elements.flags.aligned)
