"""Convolutions: padding types, groups, computed weights, whole output shapes."""

import numpy as np
import pytest
from cmlc.ir.reference import windows
from support.mil.programs import assert_refused, op, program, result

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 5, 6)).astype("f4")
W = RNG.normal(size=(6, 2, 3, 2)).astype("f4")
B = RNG.normal(size=6).astype("f4")


def expected(pads, dilations=(1, 1), strides=(1, 1)):
    options = {"strides": strides, "dilations": dilations, "pads": pads, "groups": 2}
    return windows.convolve(X, W, B, **options)


@pytest.mark.parametrize(
    ("given", "pads"),
    [
        ({"pad_type": "valid", "pad": [9, 9, 9, 9]}, (0, 0, 0, 0)),  # ignored
        ({"pad_type": "custom", "pad": [1, 0, 2, 1]}, (1, 0, 2, 1)),
        ({"pad_type": "same"}, (1, 1, 0, 1)),
        ({"pad_type": "same_lower"}, (1, 1, 1, 0)),
        ({}, (0, 0, 0, 0)),
    ],
)
def test_padding(given, pads):
    want = expected(pads)
    model = program(
        op("conv", "y", want.shape, x="x", weight=W, bias=B, groups=2, **given),
        x=X.shape,
        opset=16,
    )
    np.testing.assert_allclose(result(model, X), want, rtol=1e-5, atol=1e-5)


def test_computed_weight_with_dilations():
    want = expected((0, 0, 0, 0), (2, 1), (1, 2))
    conv = op("conv", "y", want.shape, x="x", weight="w", bias=B, groups=2, **STEPS)
    model = program(conv, x=X.shape, w=W.shape)
    np.testing.assert_allclose(result(model, X, W), want, rtol=1e-5, atol=1e-5)


STEPS = {"dilations": [2, 1], "strides": [1, 2]}


def test_half_precision_weight():
    weight = W.astype("f2")
    conv = op("conv", "y", (2, 6, 3, 5), x="x", weight=weight, groups=2)
    model = program(conv, x=X.shape, opset=17)
    want = windows.convolve(
        *(X, weight.astype("f4"), None),
        **{"strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0), "groups": 2},
    )
    np.testing.assert_allclose(result(model, X), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 6])
def test_quantized_weights(count):
    codes = (np.arange(W.size) % 16).astype(np.uint8).reshape(W.shape)
    scale, bias = np.full(count, 0.25, "f4"), np.arange(count).astype("f4")
    given = {"quantization_type": "linear", "quant_scale": scale, "quant_bias": bias}
    conv = op("conv_quantized", "y", (2, 6, 3, 5), x="x", weight=codes, groups=2, **given)
    weight = codes * np.float32(0.25) + bias.reshape(-1, 1, 1, 1)
    want = windows.convolve(
        *(X, weight, None),
        **{"strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0), "groups": 2},
    )
    np.testing.assert_allclose(result(program(conv, x=X.shape), X), want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"quantization_type": "lut"}, "unsupported", "weights of the quantization type 'lut'"),
        ({"quant_scale": np.ones(5, "f4")}, "malformed", "has 'quant_scale' of type f32[5]"),
    ],
)
def test_quantized_weights_that_are_refused(given, kind, message):
    ones = {name: np.ones(6, "f4") for name in ("quant_scale", "quant_bias")}
    weight = np.zeros(W.shape, np.uint8)
    given = {"quantization_type": "linear", **ones, **given}
    conv = op("conv_quantized", "y", (2, 6, 3, 5), x="x", weight=weight, groups=2, **given)
    assert_refused(program(conv, x=X.shape), "operations[0] 'y'", message, kind=kind)


def transposed(shape, output_shape):
    weight = np.ones((1, 2, 2), "f4")
    given = {"weight": weight, "strides": [2], "output_shape": output_shape}
    return program(op("conv_transpose", "y", shape, x="x", **given), x=(1, 1, 2))


def test_output_shape_of_the_whole_result():
    got = result(transposed((1, 2, 5), [1, 2, 5]), [[[1, 2]]])
    np.testing.assert_array_equal(got, [[[1, 1, 2, 2, 0]] * 2])


def test_refusals():
    assert_refused(transposed((1, 2, 5), [1, 3, 5]), "output shape [1, 3, 5]")
    assert_refused(transposed((1, 2, 5), [5]), "output shape [5] for")
    conv = op("conv", "y", (2, 6, 3, 5), x="x", weight=W, groups=2, pad_type="full")
    unknown = program(conv, x=X.shape)
    assert_refused(unknown, "unknown padding type 'full'", kind="unsupported")
