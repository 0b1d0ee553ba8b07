"""Reductions over dimensions. `axes = []` reduces every dimension, as in MIL."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from ...attributes import Axes, Axis
from ...batch.kinds import along_axes, by_axes
from ...batch.rule import Given, Taken
from ...declare import attr, operand
from ...dims import Dim
from ...ssa import Op, Value
from ...types import FLOAT, NUMERIC, SIGNED, Array, DType, Type


class Reduction(Op):
    """Base: combines the elements along `axes`, which are kept as 1 with `keep_dims`."""

    permuted_operands = ("x",)
    kernel: ClassVar[Callable[..., Array]]

    x: Value = operand(NUMERIC)
    axes: Axes = attr(default=())
    keep_dims: bool = attr(default=False)

    def over(self) -> tuple[int, ...]:
        """The reduced dimensions, spelled out."""
        return self.axes or tuple(range(self.x.type.rank))

    def infer(self) -> Type:
        axes = self.over()
        shape: list[Dim] = []
        for axis, dim in enumerate(self.x.type.shape):
            if axis not in axes:
                shape.append(dim)
            elif self.keep_dims:
                shape.append(1)
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        # Half precision is summed in single precision: numpy's f16 accumulation loses whole digits.
        wide = x.astype(np.float32) if x.dtype == np.float16 else x
        result = type(self).kernel(wide, axis=self.over(), keepdims=self.keep_dims)
        return np.asarray(result).astype(x.dtype)

    def batch(self, given: Given) -> Taken:
        """Independent along every dimension that is not reduced."""
        return by_axes(self, given, axes={"axes": self.over()})


class FloatReduction(Reduction):
    """Base of reductions that are defined only for floating point."""

    x: Value = operand(FLOAT)


class ReduceSum(Reduction):
    """The sum; 0 for no elements."""

    name = "tensor.reduce_sum"
    kernel = np.sum


class ReduceProd(Reduction):
    """The product; 1 for no elements."""

    name = "tensor.reduce_prod"
    kernel = np.prod


class ReduceMean(FloatReduction):
    """The mean."""

    name = "tensor.reduce_mean"
    kernel = np.mean


class ReduceMax(Reduction):
    """The largest element."""

    name = "tensor.reduce_max"
    kernel = np.max


class ReduceMin(Reduction):
    """The smallest element."""

    name = "tensor.reduce_min"
    kernel = np.min


class ReduceL1Norm(Reduction):
    """The sum of absolute values."""

    x: Value = operand(FLOAT | SIGNED)

    name = "tensor.reduce_l1_norm"

    @staticmethod
    def kernel(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)


class ReduceL2Norm(FloatReduction):
    """The square root of the sum of squares."""

    name = "tensor.reduce_l2_norm"

    @staticmethod
    def kernel(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
        return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


class ReduceSumSquare(Reduction):
    """The sum of squares."""

    name = "tensor.reduce_sum_square"

    @staticmethod
    def kernel(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
        return np.sum(np.square(x), axis=axis, keepdims=keepdims)


class ReduceLogSum(FloatReduction):
    """The natural logarithm of the sum."""

    name = "tensor.reduce_log_sum"

    @staticmethod
    def kernel(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
        return np.log(np.sum(x, axis=axis, keepdims=keepdims))


class ReduceLogSumExp(FloatReduction):
    """log(sum(exp(x))), computed without overflow."""

    name = "tensor.reduce_log_sum_exp"

    @staticmethod
    def kernel(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
        largest: Array = np.max(x, axis=axis, keepdims=True)
        top: Array = np.where(np.isfinite(largest), largest, x.dtype.type(0))
        total: Array = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
        return total if keepdims else np.squeeze(total, axis)


class ArgReduction(Op):
    """Base: the position of an extreme element along one dimension; the first among equals."""

    permuted_operands = ("x",)
    batch = along_axes
    kernel: ClassVar[Callable[..., Array]]

    x: Value = operand(NUMERIC)
    axis: Axis = attr(default=-1)
    keep_dims: bool = attr(default=False)

    def infer(self) -> Type:
        shape = list(self.x.type.shape)
        shape[self.axis : self.axis + 1] = [1] if self.keep_dims else []
        return self.x.type.with_shape(shape).with_dtype(DType.I32)

    def evaluate(self, x: Array) -> Array:
        found = type(self).kernel(x, axis=self.axis, keepdims=self.keep_dims)
        return np.asarray(found).astype(np.int32)


class ReduceArgmax(ArgReduction):
    """The position of the largest element."""

    name = "tensor.reduce_argmax"
    kernel = np.argmax


class ReduceArgmin(ArgReduction):
    """The position of the smallest element."""

    name = "tensor.reduce_argmin"
    kernel = np.argmin


OPS = (
    *(ReduceSum, ReduceProd, ReduceMean, ReduceMax, ReduceMin, ReduceL1Norm, ReduceL2Norm),
    *(ReduceSumSquare, ReduceLogSum, ReduceLogSumExp, ReduceArgmax, ReduceArgmin),
)
