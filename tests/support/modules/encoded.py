"""Encoded weights of every kind, on random parts."""

import numpy as np
from cmlc.ir.types import DType
from cmlc.ir.weights.encodings import (
    Affine,
    Cast,
    EncodedResource,
    Joined,
    Linear,
    Palette,
    Repeated,
    Selected,
    Sparse,
    Unpacked,
    UpperHalf,
)
from cmlc.ir.weights.resources import ArrayResource

SHAPE = (12, 10, 3, 3)
COUNT = int(np.prod(SHAPE))


def pack(codes, bits, lowest_first=True):
    """By arithmetic on one large integer."""
    number = 0
    ordered = codes if lowest_first else codes[::-1]
    for place, code in enumerate(np.ravel(ordered).tolist()):
        number |= (code & ((1 << bits) - 1)) << (place * bits)
    size = -(-codes.size * bits // 8)
    if lowest_first:
        return np.frombuffer(number.to_bytes(size, "little"), np.uint8)
    return np.frombuffer((number << (size * 8 - codes.size * bits)).to_bytes(size), np.uint8)


def halves(random, *shape):
    """Half precision, as single."""
    array = random.standard_normal(shape).astype(np.float16)
    return EncodedResource(Cast(ArrayResource(array), DType.F32))


def codes(random, bits, shape=SHAPE, signed=False, lowest_first=True):
    """Packed integers and what they are."""
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    numbers = random.integers(low, high, shape)
    if bits == 8:
        return ArrayResource(numbers.astype("i1" if signed else "u1"))
    packed = ArrayResource(pack(numbers.ravel(), bits, lowest_first))
    return EncodedResource(Unpacked(packed, bits, shape, signed, lowest_first))


def affine(random, bits, *counts, signed=False, offset=True):
    shift = ArrayResource(random.integers(0, 4, counts).astype("i1")) if offset else None
    return Affine(codes(random, bits, signed=signed), halves(random, *counts), shift)


def palette(random, bits, *blocks, length=1, axis=0, lut=halves):
    return Palette(codes(random, bits), lut(random, *blocks, 1 << bits, length), axis)


def quantized_table(random, *shape):
    scale = ArrayResource(np.full((1,) * len(shape), 0.25, np.float32))
    return EncodedResource(Affine(codes(random, 8, shape, signed=True), scale))


def mask_of(random, shape=SHAPE):
    bits = (random.random(shape) < 0.3).astype(np.uint8)
    packed = ArrayResource(pack(bits.ravel(), 1))
    return EncodedResource(Unpacked(packed, 1, shape)), int(bits.sum())


def sparse(random):
    mask, ones = mask_of(random)
    return Sparse(halves(random, ones), mask)


def sparse_affine(random):
    mask, ones = mask_of(random)
    dense = EncodedResource(Sparse(codes(random, 4, (ones,), signed=True), mask))
    found = EncodedResource(Affine(dense, halves(random, 12, 1, 1, 1)))
    return Sparse(EncodedResource(Selected(found, mask, ones)), mask)


def sparse_palette(random, length=1):
    """The masks are equal, but not the same object: values are selected and put back."""
    mask, ones = mask_of(random)
    dense = EncodedResource(Sparse(codes(random, 4, (ones,)), mask))
    found = EncodedResource(Palette(dense, halves(random, 1, 1, 1, 1, 16, length), 1))
    wide = [EncodedResource(Repeated(mask, 1, length)) for _ in range(2)]
    return Sparse(EncodedResource(Selected(found, wide[0], ones * length)), wide[1])


def linear(random, bits, axis, bias=True):
    sizes = [SHAPE[axis] if i == axis else 1 for i in range(4)]
    scale, shift = (
        ArrayResource(random.standard_normal(sizes).astype(np.float32)) for _ in range(2)
    )
    zero = ArrayResource(np.zeros((1, 1, 1, 1), np.float32))
    return Linear(codes(random, bits, lowest_first=False), scale, shift if bias else zero)


BITS = (1, 2, 3, 4, 6, 8)  # of palettes
ENCODINGS = {
    "cast": lambda r: Cast(ArrayResource(r.standard_normal(SHAPE).astype(np.float16)), DType.F32),
    "bfloat16": lambda r: UpperHalf(ArrayResource(r.integers(0, 0x7F7F, SHAPE).astype(np.uint16))),
    "joined": lambda r: Joined((halves(r, *SHAPE), halves(r, *SHAPE))),
    "affine": lambda r: affine(r, 8, 1, 1, 1, 1),
    "affine by channels": lambda r: affine(r, 8, 12, 1, 1, 1),
    "affine without offsets": lambda r: affine(r, 8, 1, 10, 1, 1, signed=True, offset=False),
    "blocks of int4": lambda r: affine(r, 4, 12, 2, 1, 3, signed=True),
    "blocks in two dimensions": lambda r: affine(r, 4, 3, 5, 3, 1),
    **{
        f"palette of {b} bits": lambda r, b=b: palette(r, b, 1, 1, 1, 1) for b in (1, 2, 3, 4, 6, 8)
    },
    "palettes by groups": lambda r: palette(r, 4, 4, 1, 1, 1),
    "palettes by blocks": lambda r: palette(r, 2, 4, 2, 3, 1),
    "palette of vectors": lambda r: palette(r, 6, 1, 1, 1, 1, length=4, axis=0),
    "palettes of vectors": lambda r: palette(r, 4, 3, 1, 1, 1, length=2, axis=2),
    "palette of bytes": lambda r: palette(r, 4, 3, 1, 1, 1, lut=quantized_table),
    "sparse": sparse,
    "sparse affine": sparse_affine,
    "sparse palette": sparse_palette,
    "sparse palette of vectors": lambda r: sparse_palette(r, 2),
    **{f"linear of {b} bits": lambda r, b=b: linear(r, b, 0) for b in range(1, 9)},
    "linear along another axis": lambda r: linear(r, 5, 1),
    "linear without bias": lambda r: linear(r, 8, 0, bias=False),
}


def encoded(name, seed=0):
    """An encoded weight of the kind, called w."""
    return EncodedResource(ENCODINGS[name](np.random.default_rng(seed)), "w")
