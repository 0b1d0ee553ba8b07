"""Unpacks integers of 1 to 8 bits, packed without gaps, into bytes; tables of 8-bit floats."""

import numpy as np

from ..types import Array

# Groups of eight numbers at a time: temporary arrays stay small whatever the size of the data.
_PART = 1 << 18


def unpack(data: Array, bits: int, count: int, *, lowest_first: bool) -> Array:
    """The first `count` numbers of `bits` bits each, as unsigned bytes.

    Args:
        data: bytes; at least as many as the numbers need.
        bits: 1 to 8.
        count: how many numbers.
        lowest_first: the first number is in the lowest bits of the first byte, and numbers that
            cross bytes continue in the lowest bits of the next byte (ML Programs). Otherwise the
            first number is in the highest bits, and so on (NeuralNetworks).
    """
    if bits == 8:
        return data[:count]
    codes = np.empty(count, np.uint8)
    for start in range(0, count, 8 * _PART):
        part = codes[start : start + 8 * _PART]
        taken = data[start // 8 * bits : (start // 8 + _PART) * bits]
        part[:] = _groups(taken, bits, part.size, lowest_first)
    return codes


def _groups(data: Array, bits: int, count: int, lowest_first: bool) -> Array:
    # Eight numbers take a whole number of bytes; one more byte lets each read its neighbour.
    groups = -(-count // 8)
    grouped = np.zeros((groups, bits + 1), np.uint16)
    padded = np.zeros(groups * bits, np.uint8)
    padded[: data.size] = data[: padded.size]
    grouped[:, :bits] = padded.reshape(groups, bits)
    codes = np.empty((groups, 8), np.uint8)
    for index in range(8):
        byte, bit = divmod(index * bits, 8)
        first, second = grouped[:, byte], grouped[:, byte + 1]
        if lowest_first:
            window = (first | second << 8) >> bit
        else:
            window = (first << 8 | second) >> (16 - bit - bits)
        codes[:, index] = window & ((1 << bits) - 1)
    return codes.reshape(-1)[:count]


def pack(codes: Array, bits: int) -> Array:
    """The inverse of `unpack`, with the first number in the lowest bits.

    Args:
        codes: [n] i8 or u8; their upper bits are dropped.
        bits: 1 to 8.
    """
    parts: list[Array] = []
    for start in range(0, codes.size, 8 * _PART):  # whole bytes, except for the last part
        part = codes[start : start + 8 * _PART].view(np.uint8)
        single = np.unpackbits(part[:, np.newaxis], axis=1, count=bits, bitorder="little")
        parts.append(np.packbits(single, bitorder="little"))
    return np.concatenate(parts) if parts else np.zeros(0, np.uint8)


def signed(codes: Array, bits: int) -> Array:
    """Unsigned numbers of `bits` bits interpreted as two's complement: 15 of 4 bits is -1."""
    shift = 8 - bits
    return (codes << shift).view(np.int8) >> shift


def e4m3_floats() -> Array:
    """The 256 floats with 4 exponent bits and 3 fraction bits, by their bits, as float32.

    There are no infinities, and only numbers with all seven bits set are NaN (E4M3FN).
    """
    codes = np.arange(128)
    exponent, fraction = codes >> 3, codes & 7
    numbers = np.ldexp(fraction + np.where(exponent > 0, 8.0, 0.0), np.maximum(exponent, 1) - 10)
    numbers[127] = np.nan
    return np.concatenate([numbers, -numbers]).astype(np.float32)


def e5m2_floats() -> Array:
    """The 256 floats with 5 exponent bits and 2 fraction bits, by their bits, as float32.

    They are the upper halves of float16.
    """
    return (np.arange(256) << 8).astype(np.uint16).view(np.float16).astype(np.float32)
