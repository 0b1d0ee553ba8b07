"""Weights in the compressed form that a model stores: the meaning of their parts, in numpy.

An encoding is a value: its parts are resources, which may be encoded themselves (a table with half
precision entries, packed indices), and its other fields say how they are combined. `decode` is the
only definition; targets that decode at run time compute the same bits.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, fields
from math import prod

import numpy as np

from ..diagnostics import CompileError, Diagnostic
from ..location import UNKNOWN, Location
from ..types import Array, DType, Tensor
from .bits import signed, unpack
from .resources import Origin, Resource, ViewResource

# Look-ups turn 8-bit indices into 64-bit ones; doing it in parts keeps them small.
_PART = 1 << 18


class EncodingError(ValueError):
    """Parts that don't fit each other; the message continues a sentence that names the weight."""


class Encoding:
    """How a dense array is made from parts."""

    @property
    def type(self) -> Tensor:
        """The type of the decoded array."""
        raise NotImplementedError

    def parts(self) -> Iterator[tuple[str, Resource]]:
        """The parts with their names."""
        for item in fields(self):  # type: ignore[arg-type]  all encodings are dataclasses
            value = getattr(self, item.name)
            if isinstance(value, Resource):
                yield item.name, value
            elif item.name == "joined":
                yield from ((str(i), part) for i, part in enumerate(value))

    def origin(self) -> Origin | None:
        """Of the decoded array: the parts' origins, put together in this way."""
        known: list[Hashable] = []
        for item in fields(self):  # type: ignore[arg-type]  as above
            value = getattr(self, item.name)
            if isinstance(value, Resource):
                known.append(value.origin)
            elif item.name == "joined":
                known += [part.origin for part in value]
            else:
                known.append(value)
        any_weight = any(isinstance(item, Origin) for item in known)
        return Origin((type(self).__name__, *known)) if any_weight else None

    def check(self) -> None:
        """Check the contents of the parts.

        Raises:
            EncodingError: they don't fit each other.
        """

    def decode(self) -> Array:
        """The dense array, of exactly `type`."""
        raise NotImplementedError


class EncodedResource(Resource):
    """Data that are decoded when they are read, and again after a release.

    Attributes:
        encoding: how they are encoded.
        location: what decodes them in the model, for messages.
    """

    __slots__ = ("encoding", "location")

    def __init__(self, encoding: Encoding, name: str = "", location: Location = UNKNOWN) -> None:
        super().__init__(encoding.type, name, encoding.origin())
        self.encoding = encoding
        self.location = location

    @property
    def compressed(self) -> bool:
        return True

    @property
    def stored_bytes(self) -> int:
        return sum(part.stored_bytes for _, part in self.encoding.parts())

    def check(self) -> None:
        """Check the contents of the parts, including encoded parts.

        Raises:
            CompileError: they don't fit each other.
        """
        for _, part in self.encoding.parts():
            if isinstance(part, EncodedResource):
                part.check()
        try:
            self.encoding.check()
        except EncodingError as error:
            message = f"the weight '{self.name}' {error}"
            problem = Diagnostic(message, "malformed", self.location, subject=self.name)
            raise CompileError(problem) from None

    def _load(self) -> Array:
        self.check()
        array = self.encoding.decode()
        self._let_go()
        return array

    def _let_go(self) -> None:
        for _, part in self.encoding.parts():
            part.release()

    def release(self) -> None:
        self._array = None
        self._let_go()


@dataclass(frozen=True)
class Unpacked(Encoding):
    """Integers of 1 to 7 bits without gaps, as bytes: two's complement or unsigned.

    Attributes:
        packed: u8 [n].
        bits: the size of one integer.
        shape: the shape of the unpacked integers.
        signed: the result is i8, else u8.
        lowest_first: see `bits.unpack`.
    """

    packed: Resource
    bits: int
    shape: tuple[int, ...]
    signed: bool = False
    lowest_first: bool = True

    @property
    def type(self) -> Tensor:
        return Tensor(DType.I8 if self.signed else DType.U8, self.shape)

    def decode(self) -> Array:
        stored, count = self.packed.array(), prod(self.shape)
        codes = unpack(stored, self.bits, count, lowest_first=self.lowest_first)
        return (signed(codes, self.bits) if self.signed else codes).reshape(self.shape)


@dataclass(frozen=True)
class UpperHalf(Encoding):
    """The upper 16 bits of float32 (bfloat16); the others are 0."""

    bits: Resource

    @property
    def type(self) -> Tensor:
        return self.bits.type.with_dtype(DType.F32)

    def decode(self) -> Array:
        return (self.bits.array().astype(np.uint32) << 16).view(np.float32)


@dataclass(frozen=True)
class Cast(Encoding):
    """Numbers converted to a type that holds them exactly: float16 as float32."""

    stored: Resource
    dtype: DType

    @property
    def type(self) -> Tensor:
        return self.stored.type.with_dtype(self.dtype)

    def decode(self) -> Array:
        return self.stored.array().astype(self.dtype.numpy)


@dataclass(frozen=True)
class Affine(Encoding):
    """scale * (data - offset) in float32, in the type of scale.

    Attributes:
        data: integers, or their values in any type.
        scale: floats of data's rank, whose dimensions divide data's: one for each block.
        offset: likewise; zeros if missing.
    """

    data: Resource
    scale: Resource
    offset: Resource | None = None

    @property
    def type(self) -> Tensor:
        return self.data.type.with_dtype(self.scale.type.dtype)

    def decode(self) -> Array:
        sizes = self.type.static_shape
        found = self.data.array().astype(np.float32)
        if self.offset is not None:
            found = found - _blown_up(self.offset.array().astype(np.float32), sizes)
        found = found * _blown_up(self.scale.array().astype(np.float32), sizes)
        return found.astype(self.type.dtype.numpy)


@dataclass(frozen=True)
class Linear(Encoding):
    """scale * data + bias in float64, rounded to float32 once (quantized NeuralNetworks).

    Attributes:
        data: u8.
        scale: f32 that broadcasts to data.
        bias: likewise.
    """

    data: Resource
    scale: Resource
    bias: Resource

    @property
    def type(self) -> Tensor:
        return self.data.type.with_dtype(DType.F32)

    def decode(self) -> Array:
        # Converted a buffer at a time: float64 takes eight times the memory of the data.
        parts = [part.array() for part in (self.data, self.scale, self.bias)]
        result = np.empty(self.type.static_shape, np.float32)
        wide, flags = np.dtype(np.float64), ["external_loop", "buffered", "zerosize_ok"]
        modes = [["readonly"]] * 3 + [["writeonly"]]
        with np.nditer([*parts, result], flags, modes, [wide] * 4, casting="same_kind") as rows:  # type: ignore[arg-type,call-overload]
            for data, scale, bias, out in rows:
                out[...] = data * scale + bias
        return result


@dataclass(frozen=True)
class Palette(Encoding):
    """Entries of tables, one table for each block; entries that are vectors extend along an axis.

    Attributes:
        indices: u8.
        lut: [*blocks, entries, length]; the blocks divide the shape of indices.
        axis: the axis whose size is multiplied by length.
    """

    indices: Resource
    lut: Resource
    axis: int = 0

    @property
    def type(self) -> Tensor:
        length = self.lut.type.static_shape[-1]
        return Tensor(self.lut.type.dtype, lengthened(self.indices.type, length, self.axis))

    def check(self) -> None:
        indices, entries = self.indices, self.lut.type.static_shape[-2]
        if entries < 1 << code_bits(indices) and indices.array().max(initial=0) >= entries:
            raise EncodingError(f"has indices beyond its {entries} entries")

    def decode(self) -> Array:
        indices, lut = self.indices.array(), self.lut.array()
        length = lut.shape[-1]
        if lut.size == lut.shape[-2]:
            return _taken(lut.reshape(-1), indices)
        places = np.indices(indices.shape, sparse=True)
        blocks = [
            place // (size // count)
            for place, size, count in zip(places, indices.shape, lut.shape, strict=False)
        ]
        found = np.moveaxis(lut[(*blocks, indices)], -1, self.axis + 1)
        return found.reshape(lengthened(self.indices.type, length, self.axis))


@dataclass(frozen=True)
class Sparse(Encoding):
    """Values where a mask is not 0, in row-major order; zeros elsewhere.

    Attributes:
        values: [as many as the mask has ones].
        mask: u8.
    """

    values: Resource
    mask: Resource

    @property
    def type(self) -> Tensor:
        return self.mask.type.with_dtype(self.values.type.dtype)

    def check(self) -> None:
        ones, shape = np.count_nonzero(self.mask.array()), self.values.type.static_shape
        if shape != (ones,):
            raise EncodingError(f"has values {list(shape)} for {ones} ones of its mask")

    def decode(self) -> Array:
        dense = np.zeros(self.type.static_shape, self.type.dtype.numpy)
        dense[self.mask.array() != 0] = self.values.array()
        return dense


@dataclass(frozen=True)
class Selected(Encoding):
    """The values where a mask is not 0, in row-major order.

    Attributes:
        dense: an array of the mask's shape.
        mask: u8.
        count: the number of values.
    """

    dense: Resource
    mask: Resource
    count: int

    @property
    def type(self) -> Tensor:
        return self.dense.type.with_shape((self.count,))

    def check(self) -> None:
        ones = np.count_nonzero(self.mask.array())
        if ones != self.count:
            raise EncodingError(f"has {self.count} values for {ones} ones of its mask")

    def decode(self) -> Array:
        return self.dense.array()[self.mask.array() != 0]


@dataclass(frozen=True)
class Repeated(Encoding):
    """Every element `times` times in a row along an axis."""

    stored: Resource
    axis: int
    times: int

    @property
    def type(self) -> Tensor:
        kind = self.stored.type
        return kind.with_shape(lengthened(kind, self.times, self.axis))

    def decode(self) -> Array:
        return np.repeat(self.stored.array(), self.times, self.axis)


@dataclass(frozen=True)
class Joined(Encoding):
    """Parts concatenated along the first dimension."""

    joined: tuple[Resource, ...]

    @property
    def type(self) -> Tensor:
        first = self.joined[0].type
        rows = sum(part.type.static_shape[0] for part in self.joined)
        return first.with_shape((rows, *first.shape[1:]))

    def decode(self) -> Array:
        return np.concatenate([part.array() for part in self.joined])


def code_bits(resource: Resource) -> int:
    """How many bits the integers of a resource may have."""
    encoding = resource.encoding if isinstance(resource, EncodedResource) else None
    return encoding.bits if isinstance(encoding, Unpacked) else 8


def lengthened(kind: Tensor, times: int, axis: int) -> tuple[int, ...]:
    """The shape with the size of an axis multiplied."""
    sizes = enumerate(kind.static_shape)
    return tuple(size * (times if i == axis else 1) for i, size in sizes)


def reshaped(resource: Resource, shape: tuple[int, ...]) -> Resource:
    """A view of the same elements in the same order."""
    return ViewResource(resource, tuple(range(resource.type.rank)), shape)


def _blown_up(array: Array, sizes: tuple[int, ...]) -> Array:
    """Repeated, element by element, up to this shape."""
    for axis, size in enumerate(sizes):
        if 1 < array.shape[axis] < size:  # a single one broadcasts
            array = np.repeat(array, size // array.shape[axis], axis)
    return array


def _taken(table: Array, indices: Array) -> Array:
    result = np.empty(indices.shape, table.dtype)
    flat, source = result.reshape(-1), indices.reshape(-1)
    for start in range(0, flat.size, _PART):
        part = slice(start, start + _PART)
        flat[part] = table[source[part]]
    return result
