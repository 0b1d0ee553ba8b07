"""The generator's published numbers, and the distributions."""

import numpy as np
import pytest
from cmlc.ir.reference import random

COUNT = 200_000


# Of the authors' Random123: (counter, key, words), "philox 4x32 10" of its known answers.
@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000" * 4, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff" * 4, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            "243f6a8885a308d313198a2e03707344",
            0x299F31D0A4093822,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers(counter, key, words):
    counters = np.frombuffer(bytes.fromhex(counter), ">u4").astype(np.uint32)[np.newaxis]
    assert [f"{word:08x}" for word in random.philox(counters, key)[0]] == words.split()


def test_streams():
    """A stream doesn't depend on how much of it is taken; others are others."""
    words = random.bits(5, 1000)
    np.testing.assert_array_equal(random.bits(5, 7), words[:7])
    assert len(random.bits(5, 0)) == 0
    assert not np.array_equal(random.bits(6, 1000), words)
    assert not np.array_equal(random.bits(5 + 2**32, 1000), words)


def test_keys():
    assert [random.key_of(seed) for seed in (0, 3, -2, 2**63 - 1)] == [0, 3, 2**64 - 2, 2**63 - 1]
    assert random.key_of(random.FRESH) != random.key_of(random.FRESH)


@pytest.mark.parametrize("draw", [random.uniform, random.uniform_double])
def test_uniform(draw):
    drawn = draw(1, (COUNT,))
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts = np.histogram(drawn, 20, (0, 1))[0]
    np.testing.assert_allclose(counts / COUNT, 1 / 20, atol=0.002)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


def test_normal():
    drawn = random.normal(2, (COUNT,)).astype(np.float64)
    moments = [np.mean(drawn**power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.04)
    assert abs(np.mean(drawn < -1.6448536) - 0.05) < 0.003
    assert random.normal(2, (3, 5)).shape == (3, 5)


def test_categorical():
    weights = np.array([[0.1, 0.2, 0.0, 0.7], [1e-3, 0.0, 0.999, 0.0]])
    with np.errstate(divide="ignore"):
        drawn = random.categorical(3, np.log(weights).astype(np.float32) + 5, COUNT)
    assert drawn.dtype == np.int32
    counts = np.stack([np.bincount(row, minlength=4) for row in drawn])
    np.testing.assert_allclose(counts / COUNT, weights, atol=0.005)
    assert not counts[weights == 0].any()
    assert random.categorical(3, np.zeros((0, 2), np.float32), 4).shape == (0, 4)
