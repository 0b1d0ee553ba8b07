"""Random numbers of one algorithm, from a key."""

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from ....ir.types import DType
from .base import TfOp

PHILOX = 1


class FreshKey(TfOp, call="kernels.fresh_key"):
    """A key that differs each time the graph runs."""

    def effects(self) -> bool:
        return True


class _Stateless(TfOp):
    shape: Value = operand()
    key: Value = operand()
    counter: Value = operand()
    alg: int = attr(default=PHILOX)
    dtype: DType = attr(default=DType.F32)


class StatelessRandomUniformV2(_Stateless, call="tf.raw_ops.StatelessRandomUniformV2"):
    """Uniform numbers in [0, 1)."""


class StatelessRandomNormalV2(_Stateless, call="tf.raw_ops.StatelessRandomNormalV2"):
    """Standard normal numbers."""


class RandomCategorical(TfOp, call="kernels.random_categorical"):
    """Classes with probabilities proportional to the exponentials of logits."""

    logits: Value = operand()
    key: Value = operand()
    size: int = attr()


OPS = (FreshKey, StatelessRandomUniformV2, StatelessRandomNormalV2, RandomCategorical)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
