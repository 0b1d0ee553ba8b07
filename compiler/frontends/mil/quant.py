"""Quantized activations, and constants that are stored compressed.

`ir/weights/encodings.py` defines the meaning of compressed constants; this file maps operations to
their parts. Their operands are attributes of the operation up to iOS 17, and inputs since then.
"""

import numpy as np

from ....ir.dialects.builtin import Constant, constant
from ....ir.dialects.core import elementwise, shape, unary
from ....ir.ssa import Value
from ....ir.types import DType
from ....ir.weights.encodings import (
    Affine,
    Cast,
    EncodedResource,
    Encoding,
    Palette,
    Repeated,
    Selected,
    Sparse,
    Unpacked,
    reshaped,
)
from ....ir.weights.resources import Resource
from ..rules import Result
from ..values import cast
from .constants import DTYPE_NAMES
from .context import MilContext, MilRules

rules = MilRules("quant")

_RANGES = {DType.I8: (-128.0, 127.0), DType.U8: (0.0, 255.0)}


# -- activations ---------------------------------------------------------------------------------


@rules("quantize", since=17)
def quantize(cx: MilContext) -> Result:
    """clip(round(input / scale) + zero_point), halves to even."""
    x, name = cx.value("input"), cx.text("output_dtype")
    dtype = DTYPE_NAMES.get(name)
    if dtype not in _RANGES:
        raise cx.unsupported(f"quantizes to the type '{name}'")
    scale, zero_point = _affine(cx, x)
    found = elementwise.RealDiv(x, cast(scale, x.type.dtype)).result
    found = unary.Round(found).result
    if zero_point is not None:
        cx.require(zero_point.type.dtype is dtype, f"has a zero_point of type {zero_point.type}")
        found = elementwise.Add(found, cast(zero_point, x.type.dtype)).result
    low, high = _RANGES[dtype]
    return cast(elementwise.Clip(found, low, high).result, dtype)


@rules("dequantize", since=17)
def dequantize(cx: MilContext) -> Result:
    """scale * (input - zero_point)."""
    x = cx.value("input")
    scale, zero_point = _affine(cx, x)
    found = cast(x, scale.type.dtype)
    if zero_point is not None:
        found = elementwise.Sub(found, cast(zero_point, scale.type.dtype)).result
    return elementwise.Mul(found, scale).result


def _affine(cx: MilContext, x: Value) -> tuple[Value, Value | None]:
    """Scale and zero point, shaped to broadcast with x."""
    rank, axis = x.type.rank, cx.integer("axis") if cx.has("axis") else None
    cx.require(
        axis is None or -rank <= axis < rank, f"has the axis {axis}, which {x.type} doesn't have"
    )

    def shaped(value: Value) -> Value:
        if value.type.rank == 0:
            return value
        cx.require(value.type.rank == 1 and axis is not None, "has a vector without an axis")
        sizes = [1] * rank
        sizes[axis or 0] = value.type.static_shape[0]
        extent = x.type.shape[axis or 0]
        fits = not isinstance(extent, int) or extent == sizes[axis or 0]
        cx.require(fits, f"has {sizes[axis or 0]} scales for a dimension of {extent}")
        return shape.Reshape(value, tuple(sizes)).result

    zero_point = cx.optional("zero_point")
    return shaped(cx.value("scale")), None if zero_point is None else shaped(zero_point)


# -- compressed constants ------------------------------------------------------------------------


@rules("constexpr_cast", since=16)
def constexpr_cast(cx: MilContext) -> Result:
    """A float16 constant as float32."""
    source, name = _stored(cx, "source_val"), cx.text("output_dtype")
    if name != "fp32":
        raise cx.unsupported(f"converts to '{name}', expected fp32")
    if source.type.dtype is DType.F32:  # the dtype that all float16 is computed in
        return constant(source, cx.location.name)
    return _encoded(cx, Cast(source, DType.F32))


@rules("constexpr_affine_dequantize", since=16)
def affine_dequantize(cx: MilContext) -> Result:
    """scale * (quantized_data - zero_point), per slice along an axis if they are vectors."""
    data, scale, zero_point = (
        _stored(cx, name) for name in ("quantized_data", "scale", "zero_point")
    )
    rank, axis = data.type.rank, cx.integer("axis")
    cx.require(-rank <= axis < rank, f"has the axis {axis}, which {data.type} doesn't have")
    extent = data.type.static_shape[axis]
    for part in (scale, zero_point):
        fits = part.type.rank == 0 or part.type.shape == (extent,)
        cx.require(fits, f"has {part.type} to dequantize {extent} slices")

    def along(part: Resource) -> Resource:
        sizes = [1] * rank
        if part.type.rank:
            sizes[axis] = extent
        return reshaped(part, tuple(sizes))

    return _encoded(cx, Affine(data, along(scale), along(zero_point)))


@rules("constexpr_lut_to_dense", since=16)
def packed_lut_to_dense(cx: MilContext) -> Result:
    """Entries of a table, chosen by packed indices, the least significant bits first."""
    indices, lut, sizes = _stored(cx, "indices"), _stored(cx, "lut"), cx.integers("shape")
    entries, count = int(np.prod(lut.type.static_shape)), int(np.prod(sizes))
    bits = entries.bit_length() - 1
    cx.require(
        lut.type.rank == 1 and entries in (2, 4, 16, 64, 256), f"has a table of type {lut.type}"
    )
    packed = indices.type.shape == ((bits * count + 7) // 8,)
    cx.require(packed, f"has indices {indices.type} of {bits} bits for {count} values")
    table = reshaped(lut, (*(1,) * len(sizes), entries, 1))
    return _encoded(cx, Palette(_unpacked(cx, indices, bits, sizes), table))


@rules("constexpr_sparse_to_dense", since=16)
def packed_sparse_to_dense(cx: MilContext) -> Result:
    """Values where the bits of a mask are set, the least significant first; zeros elsewhere."""
    data, mask, sizes = _stored(cx, "nonzero_data"), _stored(cx, "mask"), cx.integers("shape")
    count = int(np.prod(sizes))
    cx.require(mask.type.shape == ((count + 7) // 8,), f"has a mask {mask.type} of {count} bits")
    return _encoded(cx, Sparse(data, _unpacked(cx, mask, 1, sizes)))


@rules("constexpr_sparse_to_dense", since=18)
def sparse_to_dense(cx: MilContext) -> Result:
    """Values where the mask is 1; zeros elsewhere."""
    return _encoded(cx, Sparse(_stored(cx, "nonzero_data"), _stored(cx, "mask")))


@rules("constexpr_blockwise_shift_scale", since=18)
def blockwise_shift_scale(cx: MilContext) -> Result:
    """scale * (data - offset), per block."""
    data = _stored(cx, "data")
    return _encoded(cx, Affine(data, *_block_parts(cx, data.type.static_shape)))


@rules("constexpr_sparse_blockwise_shift_scale", since=18)
def sparse_blockwise_shift_scale(cx: MilContext) -> Result:
    """scale * (data - offset), per block of the dense values, for those where the mask is 1."""
    mask, data = _stored(cx, "data_mask"), _stored(cx, "nonzero_data")
    parts = _block_parts(cx, mask.type.static_shape)
    dense = _resource(cx, Affine(_resource(cx, Sparse(data, mask)), *parts))
    return cx.value("data_mask"), _encoded(cx, Selected(dense, mask, data.size))


@rules("constexpr_lut_to_dense", since=18)
def lut_to_dense(cx: MilContext) -> Result:
    """Entries of tables, one table per block; an entry that is a vector extends along an axis."""
    indices, lut = _stored(cx, "indices"), _stored(cx, "lut")
    axis = _vector_axis(cx, indices.type.static_shape, lut)
    return _encoded(cx, Palette(indices, lut, axis))


@rules("constexpr_lut_to_sparse", since=18)
def lut_to_sparse(cx: MilContext) -> Result:
    """As `constexpr_lut_to_dense` where a mask is 1; the mask grows with the entries."""
    mask, indices = _stored(cx, "indices_mask"), _stored(cx, "indices_nonzero_data")
    lut = _stored(cx, "lut")
    axis = _vector_axis(cx, mask.type.static_shape, lut)
    length = lut.type.static_shape[-1]
    wide = mask if length == 1 else _resource(cx, Repeated(mask, axis, length))
    dense = _resource(cx, Palette(_resource(cx, Sparse(indices, mask)), lut, axis))
    values = Selected(dense, wide, indices.size * length)
    return constant(wide, wide.name), _encoded(cx, values)


def _stored(cx: MilContext, name: str) -> Resource:
    """The data of a parameter, without reading them."""
    value = cx.value(name)
    if not isinstance(value.op, Constant):
        raise cx.unsupported(f"computes '{name}', which must be a constant here")
    return value.op.value


def _encoded(cx: MilContext, encoding: Encoding) -> Value:
    return constant(_resource(cx, encoding), cx.location.name)


def _resource(cx: MilContext, encoding: Encoding) -> Resource:
    return EncodedResource(encoding, cx.location.name, cx.location)


def _unpacked(cx: MilContext, packed: Resource, bits: int, sizes: tuple[int, ...]) -> Resource:
    return reshaped(packed, sizes) if bits == 8 else _resource(cx, Unpacked(packed, bits, sizes))


def _block_parts(cx: MilContext, sizes: tuple[int, ...]) -> tuple[Resource, ...]:
    """Scale and, if there is one, offset, which divide the dense values into blocks."""
    names = ("scale", "offset") if cx.has("offset") else ("scale",)
    parts = tuple(_stored(cx, name) for name in names)
    for part in parts:
        fits = part.type.shape == parts[0].type.shape and _divides(part.type.static_shape, sizes)
        cx.require(fits, f"has {part.type} for blocks of {list(sizes)}")
    return parts


def _divides(counts: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    pairs = zip(counts, sizes, strict=False)
    return len(counts) == len(sizes) and all(n > 0 and size % n == 0 for n, size in pairs)


def _vector_axis(cx: MilContext, sizes: tuple[int, ...], lut: Resource) -> int:
    """The axis of vector entries of the tables; any axis if entries are scalars."""
    blocks, rank = lut.type.static_shape[:-2], len(sizes)
    fits = lut.type.rank == rank + 2 and rank > 0 and _divides(blocks, sizes)
    cx.require(fits, f"has tables of type {lut.type} for indices {list(sizes)}")
    length = lut.type.static_shape[-1]
    axis = cx.integer("vector_axis", 0 if length == 1 else None)
    cx.require(-rank <= axis < rank, f"has the axis {axis}, which {list(sizes)} doesn't have")
    return axis % rank
