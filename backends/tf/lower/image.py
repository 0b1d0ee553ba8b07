"""Resampling: channels-last by contract."""

import numpy as np

from ....ir.attributes import Layout
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import image as core
from ....ir.dims import Dim, is_static, product
from ....ir.reference import resize as reference
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...lowering import Lowering
from .. import dialect as tf

lower = Lowering()

# MIL's names for TensorFlow's flags (align_corners, half_pixel_centers).
_NATIVE = {"default": (False, False), "unalign_corners": (False, True)}


@lower(core.UpsampleNearest)
def upsample_nearest(op: core.UpsampleNearest) -> Value:
    """Half-pixel centres: whole factors are exact then, whatever the rounding of 1 / factor."""
    assert op.layout is Layout.CHANNELS_LAST
    out = op.result.type
    sizes = out.shape[1:3]
    if is_static(sizes):
        size = constant(np.asarray(sizes, np.int32))
    else:
        shape = tf.Shape(op.x, result_types=Tensor(DType.I32, (4,))).result
        spatial = Tensor(DType.I32, (2,))
        extents = tf.StridedSlice(shape, (1,), (3,), (1,), result_types=spatial).result
        factors = constant(np.asarray(op.scale, np.int32))
        size = tf.Multiply(extents, factors, result_types=spatial).result
    return tf.ResizeNearestNeighbor(op.x, size, half_pixel_centers=True, result_types=out).result


@lower(core.Resize)
def resize(op: core.Resize) -> Value:
    """TensorFlow's kernel if it has the coordinates, else gathers and a weighted sum.

    Sampling points are known now, or computed at run time for symbolic dimensions.
    """
    assert op.layout is Layout.CHANNELS_LAST
    out = op.result.type
    if op.mode == "bilinear" and op.coordinates in _NATIVE and out.dtype is not DType.F64:
        align, half = _NATIVE[op.coordinates]
        size = constant(np.asarray(op.size, np.int32))
        # The kernel returns f32 for every input.
        single = out.with_dtype(DType.F32)
        value = tf.ResizeBilinear(op.x, size, align, half, result_types=single).result
        return value if out == single else tf.Cast(value, out.dtype, result_types=out).result
    value = op.x
    for axis, count in ((1, op.size[0]), (2, op.size[1])):
        value = _resample(value, axis, count, op)
    return value


def _resample(value: Value, axis: int, count: int, op: core.Resize) -> Value:
    """One dimension, at the reference's own sample positions."""
    shape = list(value.type.shape)
    extent, shape[axis] = shape[axis], count
    out = value.type.with_shape(shape)
    if not isinstance(extent, int):
        return tf.Resample(value, axis, count, op.mode, op.coordinates, result_types=out).result
    points = reference.grid(extent, count, op.coordinates)  # type: ignore[arg-type]
    if op.mode == "nearest":
        rounded = np.floor(points) if op.coordinates == "default" else np.floor(points + 0.5)
        positions = np.clip(rounded, 0, extent - 1).astype(np.int32)
        return tf.Gather(value, constant(positions), axis, result_types=out).result
    low = np.clip(np.floor(points), 0, extent - 1).astype(np.int32)
    high = np.minimum(low + 1, extent - 1).astype(np.int32)
    sizes = [1] * value.type.rank
    sizes[axis] = count
    share = (points - low).astype(value.type.dtype.numpy).reshape(sizes)
    parts = [
        tf.Multiply(
            tf.Gather(value, constant(positions), axis, result_types=out).result,
            constant(weight.astype(value.type.dtype.numpy), "share"),
            result_types=out,
        ).result
        for positions, weight in ((low, 1 - share), (high, share))
    ]
    return tf.Add(parts[0], parts[1], result_types=out).result


@lower(core.CropResize)
def crop_resize(op: core.CropResize) -> Value:
    """Boxes are known only at run time, so a composite computes the sampling points."""
    assert op.layout is Layout.CHANNELS_LAST
    fields = op.fields()
    del fields["layout"]
    return tf.CropResize(**fields, result_types=op.result.type).result


@lower(core.DepthToSpace)
def depth_to_space(op: core.DepthToSpace) -> Value:
    """TensorFlow's order of channels is DCR; for CRD they are reordered before."""
    assert op.layout is Layout.CHANNELS_LAST
    x, block = op.x, op.block_size
    if op.order == "CRD":
        x = _reordered(x, (op.result.type.shape[3], block * block))
    return tf.DepthToSpace(x, block, result_types=op.result.type).result


@lower(core.SpaceToDepth)
def space_to_depth(op: core.SpaceToDepth) -> Value:
    """TensorFlow's order of channels is DCR; for CRD they are reordered after."""
    assert op.layout is Layout.CHANNELS_LAST
    block, channels = op.block_size, op.x.type.shape[3]
    y = tf.SpaceToDepth(op.x, block, result_types=op.result.type).result
    return _reordered(y, (block * block, channels)) if op.order == "CRD" else y


def _reordered(x: Value, parts: tuple[Dim, Dim]) -> Value:
    """Channels numbered by (a, b) numbered by (b, a): a transpose, much faster than a gather."""
    a, b = parts
    assert isinstance(a, int)
    assert isinstance(b, int)
    kind = x.type
    pixels = product(kind.shape[:3])
    split = tf.Reshape(x, (-1, a, b), result_types=kind.with_shape((pixels, a, b))).result
    turned = kind.with_shape((pixels, b, a))
    split = tf.Transpose(split, (0, 2, 1), result_types=turned).result
    if is_static(kind.shape):
        return tf.Reshape(split, kind.static_shape, result_types=kind).result
    shape = tf.Shape(x, result_types=Tensor(DType.I32, (4,))).result
    return tf.ReshapeDynamic(split, shape, result_types=kind).result
