"""Random tensors.

A seed of -1 means different numbers each time the op runs; any other seed means the same numbers
each time, in the interpreter and in every target. Core ML doesn't say how its own generator works:
a model can rely on the distribution, not on the numbers. The numbers are the stream of
`reference.random` with the seed as key; ops with one seed get one stream. Results are f32.
"""

import math

import numpy as np

from ...attributes import Dims
from ...batch.rule import Given, RefusalError, Taken
from ...declare import attr, operand
from ...dims import differs
from ...reference import random
from ...ssa import Op, Value
from ...types import FLOAT, INDEX, Array, DType, Tensor, Type

ANEW = "draws new numbers each time, once for the whole batch"


class RandomTensor(Op):
    """Base: independent numbers of a shape computed at run time, which `dims` declares."""

    shape: Value = operand(INDEX, rank=1)
    dims: Dims = attr()
    seed: int = attr(default=random.FRESH)

    def infer(self) -> Type:
        (count,) = self.shape.type.shape
        agree = not differs(count, len(self.dims))
        self.require("C1", agree, f"shape has {count} entries, dims {len(self.dims)}")
        return Tensor(DType.F32, self.dims)

    def effects(self) -> bool:
        return self.seed == random.FRESH

    def batch(self, given: Given) -> Taken:
        """A seed gives every entry the same numbers."""
        if self.seed == random.FRESH:
            raise RefusalError(ANEW)
        if given.anywhere():
            raise RefusalError("draws as many numbers as an entry says")
        return Taken((None,))


def _extents(shape: Array) -> tuple[int, ...]:
    return tuple(int(size) for size in shape)


class RandomUniform(RandomTensor):
    """Uniformly distributed numbers in [low, high); low itself if both are equal.

    A number is u * (high - low) + low in f32 for a u in [0, 1), or the largest number below high
    if that rounds up to high.

    (C1) shape has as many entries as dims.
    (C2) low is at most high, and their difference is a finite f32.

    Example:
        %y = tensor.random_uniform(%shape) {dims = [2, N], seed = 7} : f32[2,N]
    """

    name = "tensor.random_uniform"

    low: float = attr(default=0.0)
    high: float = attr(default=1.0)

    def infer(self) -> Type:
        with np.errstate(all="ignore"):
            low, high, _ = self.numbers()
            fits = low <= high and math.isfinite(high - low)
        self.require("C2", bool(fits), f"low is {self.low}, high {self.high}, expected low <= high")
        return super().infer()

    def numbers(self) -> tuple[np.float32, np.float32, np.float32]:
        """low, high, and the largest number that can be drawn."""
        low, high = np.float32(self.low), np.float32(self.high)
        return low, high, np.nextafter(high, low)

    def evaluate(self, shape: Array) -> Array:
        low, high, last = self.numbers()
        drawn = random.uniform(random.key_of(self.seed), _extents(shape))
        return np.minimum(drawn * (high - low) + low, last)


class RandomNormal(RandomTensor):
    """z * stddev + mean in f32, z from the standard normal distribution.

    (C1) shape has as many entries as dims.
    (C2) mean and stddev are finite, stddev is not negative.

    Example:
        %y = tensor.random_normal(%shape) {dims = [2, 3], mean = 1.0} : f32[2,3]
    """

    name = "tensor.random_normal"

    mean: float = attr(default=0.0)
    stddev: float = attr(default=1.0)

    def infer(self) -> Type:
        fits = math.isfinite(self.mean) and 0 <= self.stddev < math.inf
        self.require(
            "C2",
            fits,
            f"mean is {self.mean}, stddev {self.stddev}, expected finite numbers, stddev >= 0",
        )
        return super().infer()

    def evaluate(self, shape: Array) -> Array:
        drawn = random.normal(random.key_of(self.seed), _extents(shape))
        return drawn * np.float32(self.stddev) + np.float32(self.mean)


class RandomBernoulli(RandomTensor):
    """1 with probability prob, else 0: 1 if a uniform number in [0, 1) is less than prob.

    (C1) shape has as many entries as dims.
    (C2) prob is from 0 to 1.

    Example:
        %y = tensor.random_bernoulli(%shape) {dims = [4], prob = 0.25} : f32[4]
    """

    name = "tensor.random_bernoulli"

    prob: float = attr(default=0.5)

    def infer(self) -> Type:
        self.require("C2", 0 <= self.prob <= 1, f"prob is {self.prob}, expected 0 to 1")
        return super().infer()

    def evaluate(self, shape: Array) -> Array:
        drawn = random.uniform(random.key_of(self.seed), _extents(shape))
        return (drawn < np.float32(self.prob)).astype(np.float32)


class RandomCategorical(Op):
    """`size` classes for each row of x, drawn with replacement.

    x holds logits along its last dimension: class i is drawn with a probability proportional to
    exp(x[i]), and never if that is 0. Logits that are NaN, positive infinity, or all negative
    infinity have no meaning.

    (C1) x has a last dimension, of at least one class.
    (C2) size is at least 1.

    Example:
        %y = tensor.random_categorical(%x) {size = 5} : i32[2,5]
    """

    name = "tensor.random_categorical"

    x: Value = operand(FLOAT)
    size: int = attr(default=1)
    seed: int = attr(default=random.FRESH)

    def infer(self) -> Type:
        given = self.x.type
        self.require(
            "C1",
            given.rank > 0 and given.shape[-1] != 0,
            f"x is {given}, expected a last dimension of 1 or more",
        )
        self.require("C2", self.size >= 1, f"size is {self.size}, expected 1 or more")
        return Tensor(DType.I32, (*given.shape[:-1], self.size))

    def evaluate(self, x: Array) -> Array:
        return random.categorical(random.key_of(self.seed), x, self.size)

    def effects(self) -> bool:
        return self.seed == random.FRESH

    def batch(self, given: Given) -> Taken:
        """Refused: it draws one stream of numbers for the whole batch."""
        if self.seed == random.FRESH:
            raise RefusalError(ANEW)
        raise RefusalError("draws one stream of numbers for the whole batch")


OPS = (RandomUniform, RandomNormal, RandomBernoulli, RandomCategorical)
