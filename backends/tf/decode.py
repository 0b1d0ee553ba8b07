"""Weights decoded by the graph: `ir/weights/encodings.py` in TensorFlow's calls, bit for bit."""

import functools
from collections.abc import Callable, Mapping
from math import gcd, prod
from typing import Any, TypeAlias

import numpy as np

from ...ir.weights import encodings
from ...ir.weights.encodings import Encoding
from ...ir.weights.resources import Resource
from .kernels.shape import checked
from .names import tf_dtype

# The tensor of a part.
Read: TypeAlias = Callable[[Resource], Any]


def decode(encoding: Encoding, read: Read) -> Any:
    """The dense tensor, of exactly the encoding's type.

    Args:
        encoding: what to decode.
        read: the tensor of a part.
    """
    return DECODERS[type(encoding)](encoding, read)


# Bytes of a word → (bits of its parts, the number of different parts).
_PARTS = {1: (8, 256), 3: (12, 4096)}
_WORTH = 4  # elements per row of a table with several


def unpacked(item: encodings.Unpacked, read: Read) -> Any:
    """Look up words in a table, or split them by shifts."""
    import tensorflow as tf

    def finished(codes: Any) -> Any:
        codes = tf.cast(codes, tf.uint8)
        if not item.signed:
            return codes
        codes = tf.bitcast(tf.bitwise.left_shift(codes, np.uint8(8 - item.bits)), tf.int8)
        return tf.bitwise.right_shift(codes, np.int8(8 - item.bits))

    if _has_rows(item):
        return _rows(item, finished, read)
    words = _words(item, read)
    places = _places(item, 8 * _width(item.bits)).astype(words.dtype.as_numpy_dtype)
    codes = tf.bitwise.right_shift(words[:, None], places)
    codes &= codes.dtype.as_numpy_dtype((1 << item.bits) - 1)
    return tf.reshape(tf.reshape(finished(codes), (-1,))[: prod(item.shape)], item.shape)


def _has_rows(item: encodings.Unpacked) -> bool:
    """Whether a table of several codes at a time is smaller than the data looked up in it."""
    _, count = _PARTS.get(_width(item.bits), (0, 0))
    return count > 0 and prod(item.shape) >= _WORTH * count


def _rows(item: encodings.Unpacked, meaning: Callable[[Any], Any], read: Read) -> Any:
    """The values of codes, several at a time: a gather takes as long for four numbers as for one.

    The table has a row for each possible byte (for codes of 3 and 6 bits, for each 12 bits).
    """
    import tensorflow as tf

    words = _words(item, read)
    bits, count = _PARTS[_width(item.bits)]
    if bits > 8:
        parts = [words & np.uint32(count - 1), tf.bitwise.right_shift(words, np.uint32(bits))]
        words = tf.reshape(tf.stack(parts if item.lowest_first else parts[::-1], 1), (-1,))
    places = _places(item, bits).astype(np.int32)
    codes = tf.bitwise.right_shift(tf.range(count)[:, None], places) & ((1 << item.bits) - 1)
    found = tf.reshape(tf.gather(meaning(codes), tf.cast(words, tf.int32)), (-1,))
    return tf.reshape(found[: prod(item.shape)], item.shape)


def _width(bits: int) -> int:
    """The least number of bytes that hold a whole number of codes."""
    return bits // gcd(bits, 8)


def _words(item: encodings.Unpacked, read: Read) -> Any:
    """Codes that share bytes as one number: u8, u32 or u64 [n]."""
    import tensorflow as tf

    width = _width(item.bits)
    word = {1: np.uint8, 3: np.uint32}.get(width, np.uint64)
    packed = read(item.packed)
    if missing := -item.packed.size % width:
        packed = tf.pad(packed, [(0, missing)])
    columns = tf.cast(tf.reshape(packed, (-1, width)), word)
    order = range(width) if item.lowest_first else reversed(range(width))
    shifted = (
        tf.bitwise.left_shift(columns[:, at], word(8 * i)) if i else columns[:, at]
        for i, at in enumerate(order)
    )
    return functools.reduce(tf.bitwise.bitwise_or, shifted)


def _places(item: encodings.Unpacked, size: int) -> Any:
    """The bit positions of the codes in a word of so many bits, in order."""
    places = np.arange(0, size, item.bits)
    return places if item.lowest_first else places[::-1]


def upper_half(item: encodings.UpperHalf, read: Read) -> Any:
    """Bitcast to bfloat16, which TensorFlow has."""
    import tensorflow as tf

    return tf.cast(tf.bitcast(read(item.bits), tf.bfloat16), tf.float32)


def cast(item: encodings.Cast, read: Read) -> Any:
    """One call."""
    import tensorflow as tf

    return tf.cast(read(item.stored), tf_dtype(item.dtype))


def affine(item: encodings.Affine, read: Read) -> Any:
    """Blocks along one axis become a dimension, so that scales broadcast; others are repeated.

    TensorFlow can't broadcast alternating dimensions of more than five.
    """
    import tensorflow as tf

    sizes = item.type.static_shape
    found = tf.cast(read(item.data), tf.float32)
    for part, operation in ((item.offset, tf.subtract), (item.scale, tf.multiply)):
        if part is None:
            continue
        numbers, counts = tf.cast(read(part), tf.float32), list(part.type.static_shape)
        blocked = [i for i, (n, size) in enumerate(zip(counts, sizes, strict=True)) if 1 < n < size]
        for axis in blocked[:-1]:
            numbers = tf.repeat(numbers, sizes[axis] // counts[axis], axis)
            counts[axis] = sizes[axis]
        split = list(sizes)
        for axis in blocked[-1:]:
            split[axis : axis + 1] = [counts[axis], sizes[axis] // counts[axis]]
            counts.insert(axis + 1, 1)
        found = operation(tf.reshape(found, split), tf.reshape(numbers, counts))
    return tf.cast(tf.reshape(found, sizes), tf_dtype(item.type.dtype))


def linear(item: encodings.Linear, read: Read) -> Any:
    """Compute in float64 and round once."""
    import tensorflow as tf

    data, scale, bias = (
        tf.cast(read(part), tf.float64) for part in (item.data, item.scale, item.bias)
    )
    return tf.cast(data * scale + bias, tf.float32)


def palette(item: encodings.Palette, read: Read) -> Any:
    """One gather, from the concatenated tables of all blocks, or from rows of a single table."""
    import tensorflow as tf

    *blocks, entries, length = item.lut.type.static_shape
    lut, inner = read(item.lut), getattr(item.indices, "encoding", None)
    alone = item.lut.size == entries  # one table of numbers
    if alone and isinstance(inner, encodings.Unpacked) and _has_rows(inner):
        return _rows(inner, lambda codes: tf.gather(tf.reshape(lut, (-1,)), codes), read)
    indices = tf.cast(read(item.indices), tf.int32)
    sizes = item.indices.type.static_shape
    rest = prod(blocks)
    for axis, (extent, count) in enumerate(zip(sizes, blocks, strict=True)):
        rest //= count
        if count > 1:
            place = np.arange(extent, dtype=np.int32) // (extent // count) * (rest * entries)
            indices += place.reshape([-1 if i == axis else 1 for i in range(len(sizes))])
    if length == 1:
        return tf.gather(tf.reshape(lut, (-1,)), indices)
    found = tf.gather(tf.reshape(lut, (-1, length)), indices)
    order = list(range(len(sizes)))
    order.insert(item.axis + 1, len(sizes))
    return tf.reshape(tf.transpose(found, order), item.type.static_shape)


def sparse(item: encodings.Sparse, read: Read) -> Any:
    """Scatter values to the ones of the mask; values already selected by the mask are kept."""
    import tensorflow as tf

    chosen = read(item.mask) != 0
    dtype, shape = tf_dtype(item.type.dtype), item.type.static_shape
    inner = getattr(item.values, "encoding", None)
    if isinstance(inner, encodings.Selected) and inner.mask is item.mask:
        return tf.where(chosen, read(inner.dense), tf.zeros((), dtype))
    places = tf.where(tf.reshape(chosen, (-1,)))
    zeros = tf.zeros(item.mask.size, dtype)
    return tf.reshape(tf.tensor_scatter_nd_update(zeros, places, read(item.values)), shape)


def selected(item: encodings.Selected, read: Read) -> Any:
    """The values at the ones of the mask."""
    import tensorflow as tf

    found = tf.boolean_mask(read(item.dense), read(item.mask) != 0)
    return checked(found, (item.count,))


def repeated(item: encodings.Repeated, read: Read) -> Any:
    """One call."""
    import tensorflow as tf

    return tf.repeat(read(item.stored), item.times, item.axis)


def joined(item: encodings.Joined, read: Read) -> Any:
    """One call."""
    import tensorflow as tf

    return tf.concat([read(part) for part in item.joined], axis=0)


DECODERS: Mapping[type[Encoding], Callable[[Any, Read], Any]] = {
    encodings.Affine: affine,
    encodings.Cast: cast,
    encodings.Joined: joined,
    encodings.Linear: linear,
    encodings.Palette: palette,
    encodings.Repeated: repeated,
    encodings.Selected: selected,
    encodings.Sparse: sparse,
    encodings.Unpacked: unpacked,
    encodings.UpperHalf: upper_half,
}
