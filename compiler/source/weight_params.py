"""WeightParams of a NeuralNetwork → constants in the encoding that they are stored in.

A network computes in float32 with every encoding, so resources are float32. Sizes are checked when
the resource is made; the numbers are decoded when they are read, and again after `release`, because
the message keeps them.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, NoReturn

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.types import Array, DType, Tensor
from ...ir.weights.encodings import (
    Affine,
    Cast,
    EncodedResource,
    Encoding,
    Linear,
    Palette,
    Unpacked,
    reshaped,
)
from ...ir.weights.resources import ArrayResource, LazyResource, Origin, Resource, SplatResource
from . import wire

_FIELDS = ("floatValue", "float16Value", "rawValue", "int8RawValue")
_SCHEMES = {"linearQuantization": "linear", "lookupTableQuantization": "lut"}
_REMEDY = "the file is damaged, or the tool that wrote it is wrong: export the model again"


def weight_resource(
    params: Any,
    shape: tuple[int, ...],
    name: str,
    *,
    output_axis: int = 0,
    origin: Origin | None = None,
) -> Resource:
    """The weights as float32 in the given shape.

    Args:
        params: a WeightParams message.
        shape: the row-major shape that the layer's attributes imply.
        name: the layer and its weight, such as `conv1.weight`: the resource's name.
        output_axis: the axis with one quantization scale per element.
        origin: which weight it is; by default there is no other like it.

    Raises:
        CompileError: the message is inconsistent, or doesn't fit the shape.
    """
    _check(params, shape, name, output_axis)
    kind, origin = Tensor(DType.F32, shape), origin or Origin()
    match _stored(params):
        case ["floatValue"]:
            return LazyResource(kind, lambda: _packed_floats(params).reshape(shape), name, origin)
        case [field]:
            return EncodedResource(_encoded(params, field, shape, name, output_axis, origin), name)
        case _:
            return SplatResource(kind, 0.0, name, origin)


def vector(params: Any, count: int, name: str) -> Resource:
    """The weights as a float32 vector."""
    return weight_resource(params, (count,), name)


def is_empty(params: Any) -> bool:
    """Whether no values are stored, in any encoding."""
    return not _stored(params)


def weight_count(params: Any) -> int:
    """How many elements are stored, in all encodings together.

    Bit-packed values are padded to a byte, so up to 7 of those counted can be padding.
    """
    bits = params.quantization.numberOfBits or 8
    counts = {
        "floatValue": len(params.floatValue),
        "float16Value": len(params.float16Value) // 2,
        "rawValue": len(params.rawValue) * 8 // bits,
        "int8RawValue": len(params.int8RawValue),
    }
    return sum(counts.values())


def encoding(params: Any) -> str:
    """A short name: `float32`, `float16`, `linear8`, `lut4`, `int8`, `empty`; several with `+`."""
    bits = params.quantization.numberOfBits
    scheme = params.quantization.WhichOneof("QuantizationType")
    quantized = _SCHEMES.get(scheme, "raw")
    names = {
        "floatValue": "float32",
        "float16Value": "float16",
        "rawValue": f"{quantized}{bits}",
        "int8RawValue": "int8",
    }
    return "+".join(names[field] for field in _stored(params)) or "empty"


def _stored(params: Any) -> list[str]:
    return [field for field in _FIELDS if len(getattr(params, field)) > 0]


def _check(params: Any, shape: tuple[int, ...], name: str, output_axis: int) -> None:
    stored = _stored(params)
    if len(stored) > 1:
        _malformed(name, f"is stored twice, as {encoding(params)}")
    if any(dim < 0 for dim in shape):
        _malformed(name, f"has the impossible shape {list(shape)}")
    wanted = prod(shape)
    if not stored:
        if wanted:
            _malformed(name, f"has no values; shape {list(shape)} needs {wanted}")
        return
    if stored == ["float16Value"] and len(params.float16Value) % 2:
        _malformed(name, f"has {len(params.float16Value)} bytes of float16 values, an odd number")
    if stored[0] in ("rawValue", "int8RawValue"):
        channels = shape[output_axis] if shape else 1
        for problem in _quantization_problems(params, stored[0], channels):
            _malformed(name, problem)
    if stored == ["rawValue"]:
        _check_packed(params, shape, name)
    elif (found := weight_count(params)) != wanted:
        _malformed(name, f"has {found} values; shape {list(shape)} needs {wanted}")


def _check_packed(params: Any, shape: tuple[int, ...], name: str) -> None:
    bits, found = params.quantization.numberOfBits, len(params.rawValue)
    needed = -(-prod(shape) * bits // 8)
    if found != needed:
        _malformed(
            name,
            f"has {weight_count(params)} values ({found} bytes of {bits}-bit values); "
            f"shape {list(shape)} needs {prod(shape)} ({needed} bytes)",
        )


def _quantization_problems(params: Any, field: str, channels: int) -> Iterator[str]:
    quantization = params.quantization
    bits = quantization.numberOfBits
    scheme = quantization.WhichOneof("QuantizationType")
    if scheme is None:
        yield "is quantized but has neither scales nor a lookup table"
    elif field == "int8RawValue":
        linear = quantization.linearQuantization
        if scheme != "linearQuantization" or bits != 8:
            yield "has int8 values, whose quantization must be linear with 8 bits"
        elif len(linear.scale) != 1 or len(linear.bias) > 0:
            yield (
                "has int8 values, which take one scale and no bias; "
                f"found {len(linear.scale)} and {len(linear.bias)}"
            )
    elif not 1 <= bits <= 8:
        yield f"is quantized to {bits} bits; 1 to 8 are possible"
    elif scheme == "lookupTableQuantization":
        length = len(quantization.lookupTableQuantization.floatValue)
        if length != 1 << bits:
            yield f"has a lookup table of {length} values; {bits} bits need {1 << bits}"
    else:
        yield from _scale_problems(quantization.linearQuantization, channels)


def _scale_problems(linear: Any, channels: int) -> Iterator[str]:
    scales, biases = len(linear.scale), len(linear.bias)
    if scales not in (1, channels):
        yield f"has {scales} quantization scales; 1 or {channels} are possible"
    elif biases not in (0, scales):
        yield f"has {biases} quantization biases for {scales} scales; 0 or as many are possible"


def _malformed(name: str, what: str) -> NoReturn:
    message = f"the weight '{name}' {what}"
    raise CompileError(Diagnostic(message, "malformed", subject=name, remedy=_REMEDY))


def _encoded(
    params: Any, field: str, shape: tuple[int, ...], name: str, output_axis: int, origin: Origin
) -> Encoding:
    def stored(dtype: DType, count: int) -> Resource:
        little = dtype.numpy.newbyteorder("<")
        kind = Tensor(dtype, (count,))
        return LazyResource(
            kind, lambda: np.frombuffer(getattr(params, field), little), name, origin
        )

    count, quantization = prod(shape), params.quantization
    if field == "float16Value":
        return Cast(reshaped(stored(DType.F16, count), shape), DType.F32)
    table, linear = quantization.lookupTableQuantization, quantization.linearQuantization
    if field == "int8RawValue":
        data = reshaped(stored(DType.I8, count), shape)
        return Affine(data, _along(linear.scale, len(shape), output_axis))
    codes = _codes(stored(DType.U8, len(params.rawValue)), quantization.numberOfBits, shape)
    if quantization.WhichOneof("QuantizationType") == "lookupTableQuantization":
        entries = np.array(table.floatValue, np.float32)
        return Palette(codes, ArrayResource(entries.reshape(*[1] * len(shape), -1, 1)))
    scale, bias = linear.scale, linear.bias or [0.0]
    return Linear(codes, *(_along(row, len(shape), output_axis) for row in (scale, bias)))


def _codes(stored: Resource, bits: int, shape: tuple[int, ...]) -> Resource:
    if bits == 8:
        return reshaped(stored, shape)
    return EncodedResource(Unpacked(stored, bits, shape, lowest_first=False))


def _along(numbers: Any, rank: int, axis: int) -> Resource:
    """One number, or one per element of an axis, shaped to broadcast."""
    array = np.array(numbers, np.float32)
    sizes = [1] * rank
    if array.size > 1:
        sizes[axis] = array.size
    return ArrayResource(array.reshape(sizes))


def _packed_floats(params: Any) -> Array:
    """`floatValue` as an array, without a Python number per element.

    The serialized field is a tag, a length, and the numbers as they are in memory.
    """
    data = params.SerializeToString()
    number = params.DESCRIPTOR.fields_by_name["floatValue"].number
    field = next(field for field in wire.fields(data) if field.number == number)
    floats = np.frombuffer(data, "<f4", (field.end - field.payload) // 4, field.payload)
    # Tag and length have any size, but kernels need aligned data. The serialized bytes are dropped.
    return floats.astype(np.float32, copy=not floats.flags.aligned)
