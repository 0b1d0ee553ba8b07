"""The part of protobuf's wire format that this package needs.

The protobuf runtime only says that a bad file is bad. Walking over a message's own fields (their
contents are skipped) finds the first byte that makes no sense, and where packed numbers start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Buffer: TypeAlias = bytes | memoryview

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}


@dataclass(frozen=True)
class Field:
    """One field of a message: its number, its wire type, and its bytes.

    Attributes:
        start: where the tag begins.
        payload: where the value begins, after tag and length.
        end: the first byte after the value.
    """

    number: int
    wire_type: int
    start: int
    payload: int
    end: int


class WireError(ValueError):
    """Bytes that are not a field.

    Attributes:
        offset: where the bytes start.
        cut: the field, if only its end is missing.
    """

    def __init__(self, offset: int, cut: Field | None = None) -> None:
        super().__init__(f"no protobuf field at byte {offset}")
        self.offset = offset
        self.cut = cut


def varint(data: Buffer, position: int) -> tuple[int, int]:
    """The number at `position`, and the position after it.

    Raises:
        WireError: the data end inside it, or it has more than 64 bits.
    """
    value = 0
    for index, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise WireError(position)


def fields(data: Buffer) -> Iterator[Field]:
    """The fields of one message in file order.

    Raises:
        WireError: at the first byte that can't be part of a message.
    """
    position = 0
    while position < len(data):
        field = _field(data, position)
        if field.end > len(data):
            raise WireError(position, field)
        yield field
        position = field.end


def _field(data: Buffer, start: int) -> Field:
    try:
        tag, payload = varint(data, start)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise WireError(start)
        if wire_type == VARINT:
            end = varint(data, payload)[1]
        elif wire_type == BYTES:
            size, payload = varint(data, payload)
            end = payload + size
        elif wire_type in _FIXED_SIZES:
            end = payload + _FIXED_SIZES[wire_type]
        else:
            raise WireError(start)
    except WireError as error:
        raise WireError(start) from error
    return Field(number, wire_type, start, payload, end)
