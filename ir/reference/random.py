"""Random numbers that are the same everywhere: Philox4x32-10 with TensorFlow's conversions.

The generator is that of J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): ten
rounds scramble a counter of 128 bits by a key of 64, so that any block of the stream is computed
alone. The conversions to floats are those of TensorFlow's stateless kernels (algorithm "philox",
counter from 0): uniform numbers agree with theirs bit for bit, normal ones to an ulp or two.
"""

import numpy as np

from .precision import Array

FRESH = -1  # the seed that means different numbers each time

_ROUNDS = 10
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_WORD = 0xFFFFFFFF
_SMALLEST = np.float32(1e-7)  # lower limit of the number whose logarithm is taken


def key_of(seed: int) -> int:
    """The 64-bit key for a seed: the seed itself, or a fresh random key for -1."""
    if seed == FRESH:
        return int(np.random.default_rng().integers(0, 2**64, dtype=np.uint64))
    return seed % 2**64


def philox(counters: Array, key: int) -> Array:
    """Four words (u32) for each counter of four words: the columns of both are the words."""
    a, b, c, d = counters.T
    for turn in range(_ROUNDS):
        first, second = (
            np.uint32((word + turn * step) & _WORD)
            for word, step in zip((key & _WORD, key >> 32), _WEYL, strict=True)
        )
        left, right = a.astype(np.uint64) * _MULTIPLIERS[0], c.astype(np.uint64) * _MULTIPLIERS[1]
        a, b = _high(right) ^ b ^ first, right.astype(np.uint32)
        c, d = _high(left) ^ d ^ second, left.astype(np.uint32)
    return np.stack([a, b, c, d], 1)


def bits(key: int, count: int) -> Array:
    """The first `count` words (u32) of a key's stream, by the counters 0, 1, …."""
    numbers = np.arange(-(-count // 4), dtype=np.uint64)
    counters = np.zeros((len(numbers), 4), np.uint32)
    counters[:, 0], counters[:, 1] = numbers.astype(np.uint32), _high(numbers)
    return philox(counters, key).reshape(-1)[:count]


def _high(words: Array) -> Array:
    return (words >> np.uint64(32)).astype(np.uint32)


def uniform(key: int, shape: tuple[int, ...]) -> Array:
    """Multiples of 2**-23 in [0, 1), as f32: each from the low bits of a word."""
    return _fractions(bits(key, _size(shape))).reshape(shape)


def _fractions(words: Array) -> Array:
    mantissas = words & np.uint32(0x7FFFFF) | np.uint32(0x3F800000)
    return mantissas.view(np.float32) - np.float32(1)


def uniform_double(key: int, shape: tuple[int, ...]) -> Array:
    """Multiples of 2**-52 in [0, 1), as f64: each from two words, the high one first."""
    words = bits(key, 2 * _size(shape)).astype(np.uint64)
    mantissas = (words[::2] & np.uint64(0xFFFFF)) << np.uint64(32) | words[1::2]
    return ((mantissas | np.uint64(0x3FF << 52)).view(np.float64) - 1.0).reshape(shape)


def normal(key: int, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers, as f32: two from two words, by the Box-Muller transform."""
    count = _size(shape)
    fractions = _fractions(bits(key, count + count % 2))
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(fractions[::2], _SMALLEST)))
    angle = (2 * np.pi * fractions[1::2].astype(np.float64)).astype(np.float32)
    pairs = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], 1)
    return pairs.reshape(-1)[:count].reshape(shape)


def _size(shape: tuple[int, ...]) -> int:
    if any(extent < 0 for extent in shape):
        raise ValueError(f"there is no tensor of shape {list(shape)}")
    return int(np.prod(shape, dtype=np.int64))


def categorical(key: int, logits: Array, count: int) -> Array:
    """`count` classes for each row of logits, drawn with replacement, as i32.

    A class is the first whose part of the running sum of exp(logits), in f64, lies above a uniform
    share of the total: one of weight 0 is never drawn.
    """
    wide = logits.astype(np.float64)
    sums = np.cumsum(np.exp(wide - np.max(wide, -1, keepdims=True)), -1)
    shares = uniform_double(key, (*logits.shape[:-1], count)) * sums[..., -1:]
    rows = zip(sums.reshape(-1, sums.shape[-1]), shares.reshape(-1, count), strict=True)
    found = [np.searchsorted(row, points, side="right") for row, points in rows]
    return np.asarray(found, np.int32).reshape(shares.shape)
