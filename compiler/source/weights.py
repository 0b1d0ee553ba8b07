"""WeightParams of a NeuralNetwork → lazily decoded constants.

Whatever the encoding, the network computes in float32, so that is what a resource holds. Sizes are
checked when the resource is made; the numbers are decoded when they are asked for, and again
after `release`: the message keeps them.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, NoReturn

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.resources import LazyResource, Resource
from ...ir.types import Array, DType, Tensor
from . import wire
from .bits import unpack

_FIELDS = ("floatValue", "float16Value", "rawValue", "int8RawValue")
_SCHEMES = {"linearQuantization": "linear", "lookupTableQuantization": "lut"}
_REMEDY = "the file is damaged, or the tool that wrote it is at fault: export the model again"
# Lookups turn their 8-bit indices into 64-bit ones; in parts, that stays small.
_PART = 1 << 18


def weight_resource(
    params: Any, shape: tuple[int, ...], name: str, *, output_axis: int = 0
) -> Resource:
    """The weights as float32 in the given shape.

    Args:
        params: a WeightParams message.
        shape: the row-major shape that the layer's attributes imply.
        name: the layer and its weight, `conv1.weight`: for messages, and the resource's name.
        output_axis: the axis with one quantization scale per element.

    Raises:
        CompileError: the message is inconsistent, or doesn't fit the shape.
    """
    _check(params, shape, name, output_axis)

    def load() -> Array:
        return _decode(params, shape, output_axis)

    return LazyResource(Tensor(DType.F32, shape), load, name)


def vector(params: Any, count: int, name: str) -> Resource:
    """The weights as a float32 vector."""
    return weight_resource(params, (count,), name)


def is_empty(params: Any) -> bool:
    """Whether no values are stored, in any encoding."""
    return not _stored(params)


def weight_count(params: Any) -> int:
    """How many elements are stored, in all encodings together.

    Bit-packed values end on a byte: up to 7 of those counted can be padding.
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
            _malformed(name, f"has no values; shape {list(shape)} takes {wanted}")
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
        _malformed(name, f"has {found} values; shape {list(shape)} takes {wanted}")


def _check_packed(params: Any, shape: tuple[int, ...], name: str) -> None:
    bits, found = params.quantization.numberOfBits, len(params.rawValue)
    needed = -(-prod(shape) * bits // 8)
    if found != needed:
        _malformed(
            name,
            f"has {weight_count(params)} values ({found} bytes of {bits}-bit values); "
            f"shape {list(shape)} takes {prod(shape)} ({needed} bytes)",
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
            yield f"has a lookup table of {length} values; {bits} bits take {1 << bits}"
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


def _decode(params: Any, shape: tuple[int, ...], output_axis: int) -> Array:
    match _stored(params):
        case ["floatValue"]:
            return _packed_floats(params).reshape(shape)
        case ["float16Value"]:
            halves = np.frombuffer(params.float16Value, "<f2")
            return halves.astype(np.float32).reshape(shape)
        case ["rawValue"]:
            bits = params.quantization.numberOfBits
            data = np.frombuffer(params.rawValue, np.uint8)
            codes = unpack(data, bits, prod(shape), lowest_first=False)
            return _look_up(_tables(params.quantization), codes.reshape(shape), output_axis)
        case ["int8RawValue"]:
            scale = np.float32(params.quantization.linearQuantization.scale[0])
            return np.frombuffer(params.int8RawValue, np.int8).reshape(shape) * scale
        case _:
            return np.zeros(shape, np.float32)


def _packed_floats(params: Any) -> Array:
    """`floatValue` without a Python number per element.

    Serialized, it is a tag, a length, and the numbers as they are in memory.
    """
    data = params.SerializeToString()
    number = params.DESCRIPTOR.fields_by_name["floatValue"].number
    field = next(field for field in wire.fields(data) if field.number == number)
    floats = np.frombuffer(data, "<f4", (field.end - field.payload) // 4, field.payload)
    # Tag and length are of any size; kernels want aligned data. The serialized bytes go away.
    return floats.astype(np.float32, copy=not floats.flags.aligned)


def _tables(quantization: Any) -> Array:
    """What every code means: one row for all channels, or one per channel.

    Linear values are computed in double precision and rounded once.
    """
    if quantization.WhichOneof("QuantizationType") == "lookupTableQuantization":
        values = quantization.lookupTableQuantization.floatValue
        return np.array(values, np.float32)[np.newaxis]
    linear = quantization.linearQuantization
    scale = np.array(linear.scale, np.float64)[:, np.newaxis]
    bias = np.array(linear.bias or [0.0], np.float64)[:, np.newaxis]
    codes = np.arange(1 << quantization.numberOfBits)
    return (codes * scale + bias).astype(np.float32)


def _look_up(tables: Array, codes: Array, output_axis: int) -> Array:
    result = np.empty(codes.shape, np.float32)
    if len(tables) == 1:
        flat, source = result.reshape(-1), codes.reshape(-1)
        for start in range(0, flat.size, _PART):
            part = slice(start, start + _PART)
            flat[part] = tables[0][source[part]]
        return result
    into, source = np.moveaxis(result, output_axis, 0), np.moveaxis(codes, output_axis, 0)
    for channel, table in enumerate(tables):
        into[channel] = table[source[channel]]
    return result
