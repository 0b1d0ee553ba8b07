"""Every encoding of weights against its definition and against coremltools' own routines."""

import numpy as np
import pytest
from cmlc.compiler.source.spec import messages
from cmlc.compiler.source.weight_params import (
    encoding,
    is_empty,
    vector,
    weight_count,
    weight_resource,
)
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.resources import LazyResource


def params(**values):
    return messages("NeuralNetwork_pb2").WeightParams(**values)


def pack(codes, bits):
    """One bit after the other, the most significant first."""
    stream = "".join(f"{code:0{bits}b}" for code in np.ravel(codes))
    stream += "0" * (-len(stream) % 8)
    return bytes(int(stream[i : i + 8], 2) for i in range(0, len(stream), 8))


def linear(codes, bits, scale, bias=()):
    result = params(rawValue=pack(codes, bits))
    result.quantization.numberOfBits = bits
    result.quantization.linearQuantization.scale.extend(scale)
    result.quantization.linearQuantization.bias.extend(bias)
    return result


def table(codes, bits, values):
    result = params(rawValue=pack(codes, bits))
    result.quantization.numberOfBits = bits
    result.quantization.lookupTableQuantization.floatValue.extend(values)
    return result


def int8(values, scale=(0.5,), bits=8, bias=()):
    result = params(int8RawValue=np.array(values, np.int8).tobytes())
    result.quantization.numberOfBits = bits
    result.quantization.linearQuantization.scale.extend(scale)
    result.quantization.linearQuantization.bias.extend(bias)
    return result


def random_codes(bits, *shape):
    return np.random.default_rng(bits).integers(0, 1 << bits, shape)


@pytest.mark.parametrize("count", [1, 31, 5000, 600_000])  # lengths of one to four bytes
def test_float32(count):
    values = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    message = params(floatValue=values, isUpdatable=True)
    resource = vector(message, count, "conv.bias")
    assert isinstance(resource, LazyResource)
    assert resource.type == Tensor(DType.F32, (count,))
    assert resource.name == "conv.bias"
    np.testing.assert_array_equal(resource.array(), values)
    assert resource.array().flags.aligned
    assert encoding(message) == "float32"
    assert weight_count(message) == count


def test_shapes_are_row_major():
    array = weight_resource(params(floatValue=range(6)), (2, 3), "w").array()
    np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])


def test_a_scalar():
    assert weight_resource(params(floatValue=[2.5]), (), "w").array() == 2.5


def test_float16():
    halves = np.array([1.5, -2, 65504, 6e-8], np.float16)
    message = params(float16Value=halves.tobytes())
    array = weight_resource(message, (2, 2), "w").array()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array.ravel(), halves.astype(np.float32))
    assert encoding(message) == "float16"
    assert weight_count(message) == 4


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("count", [1, 7, 8, 9, 40])
def test_packed_bits(bits, count):
    codes = random_codes(bits, count)
    message = linear(codes, bits, [1.0])
    np.testing.assert_array_equal(vector(message, count, "w").array(), codes)
    assert count <= weight_count(message) <= count + 7
    assert encoding(message) == f"linear{bits}"


def test_linear_without_bias():
    np.testing.assert_array_equal(vector(linear([0, 2, 3], 2, [0.5]), 3, "w").array(), [0, 1, 1.5])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_scale_per_channel(axis):
    codes = random_codes(5, 3, 4, 2)
    channels = codes.shape[axis]
    scale, bias = np.arange(1.0, channels + 1), np.arange(channels) * 10.0
    message = linear(codes, 5, scale, bias)
    array = weight_resource(message, codes.shape, "w", output_axis=axis).array()
    for channel in range(channels):
        expected = np.take(codes, channel, axis) * scale[channel] + bias[channel]
        np.testing.assert_array_equal(np.take(array, channel, axis), expected)


def test_one_scale_per_element_of_a_vector():
    array = vector(linear([1, 2, 3], 4, [1, 10, 100], [0, 0, 5]), 3, "w").array()
    np.testing.assert_array_equal(array, [1, 20, 305])


@pytest.mark.parametrize("bits", range(1, 9))
def test_lookup_tables(bits):
    values = np.random.default_rng(0).standard_normal(1 << bits).astype(np.float32)
    codes = random_codes(bits, 5, 3)
    message = table(codes, bits, values)
    np.testing.assert_array_equal(weight_resource(message, (5, 3), "w").array(), values[codes])
    assert encoding(message) == f"lut{bits}"


def test_lookups_in_parts():
    count = 3 * (1 << 17)
    codes = random_codes(8, count).astype(np.uint8)
    message = table([0], 8, range(256))
    message.rawValue = codes.tobytes()
    np.testing.assert_array_equal(vector(message, count, "w").array(), codes)


def test_int8():
    message = int8([[-128, 127], [0, -1]])
    array = weight_resource(message, (2, 2), "w").array()
    np.testing.assert_array_equal(array, [[-64, 63.5], [0, -0.5]])
    assert array.dtype == np.float32
    assert encoding(message) == "int8"
    assert weight_count(message) == 4


def test_empty():
    assert is_empty(params())
    assert is_empty(params(isUpdatable=True))
    assert not is_empty(params(floatValue=[0.0]))
    assert encoding(params()) == "empty"
    assert weight_count(params()) == 0
    assert weight_resource(params(), (0, 3), "w").array().shape == (0, 3)


def test_released_numbers_are_read_again():
    message = params(floatValue=[1, 2])
    resource = vector(message, 2, "w")
    first, digest = resource.array(), resource.digest
    resource.release()
    assert resource.array() is not first
    np.testing.assert_array_equal(resource.array(), first)
    assert resource.digest == digest


def test_numbers_are_decoded_when_asked_for():
    message = params(floatValue=[1, 2])
    resource = vector(message, 2, "w")
    message.floatValue[0] = 7
    assert resource.array()[0] == 7


@pytest.mark.parametrize(
    ("message", "shape", "words"),
    [
        (params(), (2,), "has no values; shape [2] needs 2"),
        (params(floatValue=[1, 2, 3]), (2, 2), "has 3 values; shape [2, 2] needs 4"),
        (params(floatValue=[1]), (0,), "has 1 values; shape [0] needs 0"),
        (params(float16Value=b"abcd"), (3,), "has 2 values; shape [3] needs 3"),
        (params(float16Value=b"abc"), (1,), "3 bytes of float16 values, an odd number"),
        (params(floatValue=[1], float16Value=b"ab"), (1,), "stored twice, as float32+float16"),
        (params(floatValue=[1]), (-1,), "impossible shape [-1]"),
        (params(rawValue=b"ab"), (2,), "neither scales nor a lookup table"),
        (params(int8RawValue=b"ab"), (2,), "neither scales nor a lookup table"),
        (linear([1, 2], 8, [1]), (3,), "has 2 values (2 bytes of 8-bit values); shape [3] needs 3"),
        (linear([1, 2], 8, [1]), (1,), "needs 1 (1 bytes)"),
        (linear([1, 2, 3], 4, [1]), (5,), "needs 5 (3 bytes)"),
        (linear([1, 2], 8, []), (2,), "has 0 quantization scales; 1 or 2 are possible"),
        (linear([1, 2, 3], 8, [1, 2]), (3,), "has 2 quantization scales; 1 or 3 are possible"),
        (linear([1, 2], 8, [1, 2], [1]), (2,), "has 1 quantization biases for 2 scales"),
        (linear([1, 2], 8, [1], [1, 2]), (2,), "has 2 quantization biases for 1 scales"),
        (table([1, 0], 2, [1, 2, 3]), (2,), "lookup table of 3 values; 2 bits need 4"),
        (int8([1], bits=7), (1,), "must be linear with 8 bits"),
        (int8([1], scale=[]), (1,), "take one scale and no bias; found 0 and 0"),
        (int8([1, 2], scale=[1, 2]), (2,), "take one scale and no bias; found 2 and 0"),
        (int8([1], bias=[1]), (1,), "take one scale and no bias; found 1 and 1"),
        (int8([1]), (2,), "has 1 values; shape [2] needs 2"),
    ],
)
def test_what_doesnt_fit(message, shape, words):
    with pytest.raises(CompileError) as caught:
        weight_resource(message, shape, "conv.weight")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.kind == "malformed"
    assert diagnostic.subject == "conv.weight"
    assert diagnostic.message.startswith("the weight 'conv.weight' ")
    assert words in diagnostic.message


@pytest.mark.parametrize("bits", [0, 9])
def test_impossible_numbers_of_bits(bits):
    message = linear([1], 8, [1])
    message.quantization.numberOfBits = bits
    with pytest.raises(CompileError, match=f"quantized to {bits} bits"):
        vector(message, 1, "w")


def test_scales_are_those_of_the_output_axis():
    message = linear([[1, 2, 3], [4, 5, 6]], 8, [1, 2, 3])
    weight_resource(message, (2, 3), "w", output_axis=1)
    with pytest.raises(CompileError, match="3 quantization scales; 1 or 2"):
        weight_resource(message, (2, 3), "w")


SHAPE = (4, 3, 2, 2)


MODES = ("LINEAR_QUANTIZATION", "LOOKUP_TABLE_LINEAR", "CUSTOM_LOOKUP_TABLE")


def custom_table(bits, weights):
    generator = np.random.default_rng(bits)
    return generator.standard_normal(1 << bits), generator.integers(0, 1 << bits, weights.shape)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 7, 8])
def test_as_coremltools_quantizes_and_dequantizes(bits, mode, axis):
    """Importing coremltools takes seconds."""
    from coremltools import models
    from coremltools.models.neural_network import quantization_utils as theirs

    weights = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    message = params(floatValue=weights.ravel())
    value = getattr(models, f"_QUANTIZATION_MODE_{mode}")
    theirs._quantize_wp_field(message, bits, value, SHAPE, axis, lut_function=custom_table)
    assert encoding(message) == f"{'linear' if mode.startswith('LINEAR') else 'lut'}{bits}"
    ours = weight_resource(message, SHAPE, "w", output_axis=axis).array()
    if mode.startswith("LINEAR"):
        step = np.ptp(weights) / ((1 << bits) - 1)
        assert np.abs(ours - weights).max() < step / 2 + 1e-6
    theirs._dequantize_wp(message, SHAPE, axis)
    np.testing.assert_array_equal(ours.ravel(), np.array(message.floatValue, np.float32))


@pytest.mark.slow
def test_as_coremltools_stores_halves():
    from coremltools.models.neural_network import quantization_utils as theirs

    weights = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    message = params(floatValue=weights.ravel())
    theirs._quantize_wp_field(message, 16, "linear", SHAPE)
    ours = weight_resource(message, SHAPE, "w").array()
    np.testing.assert_array_equal(ours, weights.astype(np.float16))
