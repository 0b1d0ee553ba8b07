"""Scales and offsets of images, and sums that Keras misreads."""

import numpy as np

from ....ir.dialects.builtin import array_of
from ....ir.ssa import Function, Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from ..lower.weights import is_weight

_MOST_CHANNELS = 8


@pattern(ops.Add, ops.Multiply)
def rescaling(op: ops.Add | ops.Multiply) -> Rewrite:
    """image * scale + offset → Rescaling(scale, offset), per channel or for all."""
    image, scale, offset = _affine(op)
    if image is None or not _is_image(image):
        return None
    if not op.result.type.dtype.is_float:
        return no("it has whole numbers, and the layer would give others")
    user = next(iter(op.result.users), None)
    if isinstance(op, ops.Multiply) and isinstance(user, ops.Add) and is_weight(user.x2):
        return None  # that one includes this one
    scales, offsets = (_per_channel(value, op.result.type.rank) for value in (scale, offset))
    if scales is None or offsets is None:
        return no("the numbers vary along other dimensions than channels")
    if op.result.type != image.type:
        return no("the numbers widen the image")
    if max(len(scales), len(offsets)) > _MOST_CHANNELS:
        return no("so many numbers are weights")
    given = {"offset": offsets} if offsets else {}
    scale = scales or (1.0,)
    return layers.Rescaling(image, scale=scale, result_types=op.result.type, **given).result


def _is_image(value: Value) -> bool:
    """Whether it is an image of the model's interface, perhaps with its colours turned around.

    What scales an array may be learned, and a layer of numbers would not be trained.
    """
    value = value.op.x if isinstance(value.op, ops.Flip) else value
    region = value.block.parent if value.block is not None else None
    function = region.parent if region is not None else None
    return isinstance(function, Function) and function.inputs[value.index].kind == "image"


def _affine(op: ops.Add | ops.Multiply) -> tuple[Value | None, Value | None, Value | None]:
    """(x, scale, offset) of x * scale + offset; None for what there isn't."""
    match op:
        case ops.Add(Value(op=ops.Multiply(x, scale)), offset):
            return x, scale, offset
        case ops.Add(x, offset):
            return x, None, offset
        case ops.Multiply(x, scale):
            return x, scale, None
        case _:
            return None, None, None


def _per_channel(value: Value | None, rank: int) -> tuple[float, ...] | None:
    """One number, or one for each channel; () for what isn't there."""
    if value is None:
        return ()
    array = array_of(value)
    if array is None or array.shape[:-1] != (1,) * (array.ndim - 1) or array.ndim > rank:
        return None
    numbers = tuple(float(str(number)) for number in array.ravel().astype(np.float32))
    return numbers[:1] if len(set(numbers)) == 1 else numbers


@pattern(ops.Add)
def misread_as_bias(op: ops.Add) -> Rewrite:
    """x + y → y + x, or x - (-y), where Keras would add y along another dimension.

    Keras 3.15 on TensorFlow takes y for a bias of the last (or second) dimension if it has one
    extent above 1 that is as large, wherever that is.
    """
    x, y, out = op.x1, op.x2, op.result.type
    if not _is_misread(x, y):
        return None
    if not _is_misread(y, x):
        return ops.Add(y, x, result_types=out).result
    negative = ops.Negative(y, result_types=y.type).result
    return ops.Subtract(x, negative, result_types=out).result


def _is_misread(x: Value, y: Value) -> bool:
    shape, large = x.type.shape, [i for i, dim in enumerate(y.type.shape) if dim != 1]
    if len(large) != 1 or len(shape) < 2:
        return False
    (axis,) = large
    extent, behind = y.type.shape[axis], y.type.rank - axis
    if extent not in (shape[1], shape[-1]):
        return False
    meant = 1 if extent == shape[-1] else len(shape) - 1
    return behind != meant


PATTERNS = (
    rescaling,
    misread_as_bias,
)
