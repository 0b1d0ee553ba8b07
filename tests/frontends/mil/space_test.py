"""Blocks of pixels to channels or to the batch, and back."""

import numpy as np
import pytest
from programs import assert_refused, op, program, result

DEEP = np.arange(8, dtype="f4").reshape(1, 8, 1, 1)


def apply(kind, shape, x, /, **given):
    return result(program(op(kind, "y", shape, x="x", **given), x=x.shape, opset=16), x)


def test_channels_to_space():
    got = apply("pixel_shuffle", (1, 2, 2, 2), DEEP, upscale_factor=2)
    np.testing.assert_array_equal(got, [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]])
    got = apply("depth_to_space", (1, 2, 2, 2), DEEP, block_size=2)
    np.testing.assert_array_equal(got, [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]])


@pytest.mark.parametrize(
    ("there", "back", "parameters"),
    [
        ("pixel_shuffle", "pixel_unshuffle", ("upscale_factor", "downscale_factor")),
        ("depth_to_space", "space_to_depth", ("block_size", "block_size")),
    ],
)
def test_inverses(there, back, parameters):
    x = np.arange(2 * 8 * 3 * 2, dtype="f4").reshape(2, 8, 3, 2)
    wide = apply(there, (2, 2, 6, 4), x, **{parameters[0]: 2})
    np.testing.assert_array_equal(apply(back, x.shape, wide, **{parameters[1]: 2}), x)


def test_space_to_batch_and_back():
    x = np.arange(6, dtype="f4").reshape(1, 1, 2, 3)
    pads = np.array([[0, 0], [1, 0]], "i4")
    got = apply("space_to_batch", (4, 1, 1, 2), x, block_shape=[2, 2], paddings=pads)
    np.testing.assert_array_equal(got[:, 0, 0], [[0, 1], [0, 2], [0, 4], [3, 5]])
    back = apply("batch_to_space", x.shape, got, block_shape=[2, 2], crops=pads)
    np.testing.assert_array_equal(back, x)


def refused(message, kind, /, shape=(1, 3, 3, 3), **given):
    made = program(op(kind, "y", (1, 1, 1, 1), x="x", **given), x=shape, opset=16)
    assert_refused(made, message)


def test_refusals():
    refused("divides an extent of 3 by 2", "space_to_depth", block_size=2)
    refused("divides an extent of 3 by 4", "pixel_shuffle", upscale_factor=2)
    refused("has a block of 0", "depth_to_space", block_size=0)
    refused("has a block of 0", "pixel_unshuffle", downscale_factor=0)
    refused("takes four dimensions", "pixel_shuffle", (3, 3, 3), upscale_factor=1)
    crops = np.zeros((2, 2), "i4")
    refused("has a block of [1]", "batch_to_space", block_shape=[1], crops=crops)
    refused("has paddings [0]", "space_to_batch", block_shape=[1, 1], paddings=[0])
