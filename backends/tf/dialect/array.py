"""Shapes, slices, indexing and control flow."""

from typing import Literal

from ....ir.declare import attr, operand, region
from ....ir.ssa import Region, Value
from ....ir.types import DType, Tensor
from .base import TfOp


class Reshape(TfOp, call="tf.reshape"):
    """Reshapes to a fixed shape; -1 follows from the others."""

    tensor: Value = operand()
    shape: tuple[int, ...] = attr()


class ReshapeDynamic(TfOp, call="tf.reshape", variant="dynamic"):
    """Reshapes to a computed shape."""

    tensor: Value = operand()
    shape: Value = operand()


class Identity(TfOp, call="tf.identity"):
    """The same tensor."""

    input: Value = operand()


class Transpose(TfOp, call="tf.transpose"):
    """Reorders dimensions."""

    a: Value = operand()
    perm: tuple[int, ...] = attr()


class ExpandDims(TfOp, call="tf.expand_dims"):
    """Inserts one dimension of 1."""

    input: Value = operand()
    axis: int = attr()


class Squeeze(TfOp, call="tf.squeeze"):
    """Removes dimensions of 1."""

    input: Value = operand()
    axis: tuple[int, ...] = attr()


class Concat(TfOp, call="tf.concat"):
    """Joins along a dimension."""

    values: tuple[Value, ...] = operand()
    axis: int = attr()


class Stack(TfOp, call="tf.stack"):
    """Joins along a new dimension."""

    values: tuple[Value, ...] = operand()
    axis: int = attr(default=0)


class Split(TfOp, call="tf.split"):
    """Cuts into pieces."""

    value: Value = operand()
    num_or_size_splits: tuple[int, ...] = attr()
    axis: int = attr()


class StridedSlice(TfOp, call="tf.strided_slice"):
    """x[begin:end:strides] in every dimension; set mask bits ignore an index."""

    input_: Value = operand()
    begin: tuple[int, ...] = attr()
    end: tuple[int, ...] = attr()
    strides: tuple[int, ...] = attr()
    begin_mask: int = attr(default=0)
    end_mask: int = attr(default=0)
    shrink_axis_mask: int = attr(default=0)


class StridedSliceDynamic(TfOp, call="tf.strided_slice", variant="dynamic"):
    """Slices between computed indices."""

    input_: Value = operand()
    begin: Value = operand()
    end: Value = operand()
    strides: tuple[int, ...] = attr()
    begin_mask: int = attr(default=0)
    end_mask: int = attr(default=0)


class PadV2(TfOp, call="tf.raw_ops.PadV2"):
    """Pads with one number.

    Not `tf.pad`: TensorFlow's graph optimizer (2.21) leaves this one alone.
    """

    input: Value = operand()
    constant_values: Value = operand()
    paddings: tuple[tuple[int, ...], ...] = attr()


class PadV2Dynamic(TfOp, call="tf.raw_ops.PadV2", variant="dynamic"):
    """Pads by computed numbers."""

    input: Value = operand()
    constant_values: Value = operand()
    paddings: Value = operand()


class Pad(TfOp, call="tf.pad"):
    """Pads by mirroring the data."""

    tensor: Value = operand()
    paddings: tuple[tuple[int, ...], ...] = attr()
    mode: str = attr(default="REFLECT")


class Tile(TfOp, call="tf.tile"):
    """Repeats."""

    input: Value = operand()
    multiples: tuple[int, ...] = attr()


class TileDynamic(TfOp, call="tf.tile", variant="dynamic"):
    """Repeats a computed number of times."""

    input: Value = operand()
    multiples: Value = operand()


class Reverse(TfOp, call="tf.reverse"):
    """Reverses some dimensions."""

    tensor: Value = operand()
    axis: tuple[int, ...] = attr()


class BroadcastTo(TfOp, call="tf.broadcast_to"):
    """Repeats to a shape."""

    input: Value = operand()
    shape: tuple[int, ...] = attr()


class BroadcastToDynamic(TfOp, call="tf.broadcast_to", variant="dynamic"):
    """Repeats to a computed shape."""

    input: Value = operand()
    shape: Value = operand()


class Range(TfOp, call="tf.range"):
    """Whole numbers from start up to limit, which is excluded."""

    start: Value = operand()
    limit: Value = operand()


class Shape(TfOp, call="tf.shape"):
    """The shape as a tensor."""

    input: Value = operand()
    out_type: DType = attr(default=DType.I32)


class AssertShape(TfOp, call="kernels.assert_shape"):
    """The same tensor, if its shape is between one of several (least, greatest) pairs."""

    x: Value = operand()
    allowed: tuple[tuple[int, ...], ...] = attr()
    subject: str = attr()
    expectation: str = attr()


class OnesLike(TfOp, call="tf.ones_like"):
    """Ones in the shape of a tensor."""

    input: Value = operand()


class Gather(TfOp, call="tf.gather"):
    """Slices at computed indices."""

    params: Value = operand()
    indices: Value = operand()
    axis: int = attr()


class GatherNd(TfOp, call="tf.gather_nd"):
    """Slices at multi-indices."""

    params: Value = operand()
    indices: Value = operand()


class AlongAxis(TfOp, call="kernels.along_axis"):
    """Multi-indices for indices along one dimension."""

    indices: Value = operand()
    axis: int = attr()


class OneHot(TfOp, call="tf.one_hot"):
    """Numbers at computed indices of a new dimension."""

    indices: Value = operand()
    on_value: Value = operand()
    off_value: Value = operand()
    depth: int = attr()
    axis: int = attr()


class ReverseSequence(TfOp, call="tf.reverse_sequence"):
    """Reverses a part of each sequence."""

    input: Value = operand()
    seq_lengths: Value = operand()
    seq_axis: int = attr()
    batch_axis: int = attr()


class WherePositions(TfOp, call="tf.where", variant="positions"):
    """The multi-indices of elements that are not 0, in i64."""

    condition: Value = operand()


class _Scatter(TfOp):
    tensor: Value = operand()
    indices: Value = operand()
    updates: Value = operand()


class TensorScatterNdUpdate(_Scatter, call="tf.tensor_scatter_nd_update"):
    """Replaces slices at multi-indices."""


class TensorScatterNdAdd(_Scatter, call="tf.tensor_scatter_nd_add"):
    """Adds to slices at multi-indices."""


class TensorScatterNdSub(_Scatter, call="tf.tensor_scatter_nd_sub"):
    """Subtracts from slices at multi-indices."""


class TensorScatterNdMax(_Scatter, call="tf.tensor_scatter_nd_max"):
    """The larger of slices at multi-indices."""


class TensorScatterNdMin(_Scatter, call="tf.tensor_scatter_nd_min"):
    """The smaller of slices at multi-indices."""


class ScatterNdMul(_Scatter, call="kernels.scatter_nd_mul"):
    """Multiplies slices at multi-indices."""


class ScatterNdDiv(_Scatter, call="kernels.scatter_nd_div"):
    """Divides slices at multi-indices."""


class ScatterNdLast(_Scatter, call="kernels.scatter_nd_last"):
    """Replaces slices at multi-indices by the last of their updates, in any runtime."""


class ScatterNdCombined(_Scatter, call="kernels.scatter_nd_combined"):
    """Combines slices at multi-indices with all of their updates at once."""

    combine: Literal["max", "min"] = attr()


class Argsort(TfOp, call="tf.argsort"):
    """The indices that sort."""

    values: Value = operand()
    axis: int = attr()
    direction: str = attr()
    stable: bool = attr(default=True)


class TopK(TfOp, call="kernels.top_k"):
    """The largest or smallest elements, and their indices."""

    input: Value = operand()
    k: int = attr()
    axis: int = attr()
    ascending: bool = attr()


class TopKDynamic(TfOp, call="kernels.top_k", variant="dynamic"):
    """The largest or smallest elements, as many as a tensor says."""

    input: Value = operand()
    k: Value = operand()
    axis: int = attr()
    ascending: bool = attr()


class Cumsum(TfOp, call="tf.cumsum"):
    """Running sums."""

    x: Value = operand()
    axis: int = attr()
    exclusive: bool = attr()
    reverse: bool = attr()


class CumsumDynamic(TfOp, call="tf.cumsum", variant="dynamic"):
    """Running sums along an axis given by a tensor."""

    x: Value = operand()
    axis: Value = operand()
    exclusive: bool = attr()
    reverse: bool = attr()


class Cond(TfOp, call="tf.cond"):
    """Runs one of two functions."""

    pred: Value = operand()
    true_fn: Region = region()
    false_fn: Region = region()


class Asserted(TfOp, call="kernels.asserted"):
    """The same tensors, if the condition holds; else the run stops with the message."""

    condition: Value = operand()
    values: tuple[Value, ...] = operand()
    message: str = attr()


class WhileLoop(TfOp, call="kernels.while_loop"):
    """A loop over values; `shape_invariants` has -1 for dimensions that change between steps."""

    loop_vars: tuple[Value, ...] = operand()
    cond: Region = region()
    body: Region = region()
    shape_invariants: tuple[tuple[int, ...], ...] = attr()


class CustomCall(TfOp, call="kernels.custom_call"):
    """A registered function; see the core op `custom.call`."""

    inputs: tuple[Value, ...] = operand()
    definition: str = attr()
    parameters: tuple[tuple[bool | int | float | str, ...], ...] = attr()
    weights: int = attr()
    results_are: tuple[Tensor, ...] = attr()


OPS = (
    *(Reshape, ReshapeDynamic, Identity, Transpose, ExpandDims, Squeeze, Concat, Stack, Split),
    *(StridedSlice, StridedSliceDynamic, PadV2, PadV2Dynamic, Pad, Tile, TileDynamic, Reverse),
    *(BroadcastTo, BroadcastToDynamic, Range, Shape, AssertShape, OnesLike),
    *(Gather, GatherNd, AlongAxis, OneHot, ReverseSequence, WherePositions),
    *(TensorScatterNdUpdate, TensorScatterNdAdd, TensorScatterNdSub),
    *(TensorScatterNdMax, TensorScatterNdMin, ScatterNdMul, ScatterNdDiv),
    *(ScatterNdLast, ScatterNdCombined),
    *(Argsort, TopK, TopKDynamic, Cumsum, CumsumDynamic, Cond, Asserted, WhileLoop),
    CustomCall,
)
__all__ = [op.__name__ for op in OPS]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
