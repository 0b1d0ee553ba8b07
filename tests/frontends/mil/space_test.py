"""Blocks of pixels to channels or to the batch, and back."""

import numpy as np
import pytest
from support.mil.programs import I32, assert_refused, op, program, result

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


# -- extents of the run ----------------------------------------------------------------------------


def padded(kind, shape, /, x, amounts, **given):
    """An operation after a pad of computed amounts, for all dimensions."""
    wide = op("pad", "w", (None,) * x.ndim, x="x", pad="p")
    made = op(kind, "y", shape, x="w", **given)
    model = program(wide, made, x=x.shape, p=(2 * x.ndim,), dtypes={"p": I32}, opset=16)
    return result(model, x, np.array(amounts, "i4"))


OPEN = (None,) * 4
SPACES = [
    ("space_to_depth", [0, 0, 0, 0, 1, 1, 2, 0], {"block_size": 2}),
    ("pixel_unshuffle", [0, 0, 0, 0, 1, 1, 2, 0], {"downscale_factor": 2}),
    ("depth_to_space", [0, 0, 2, 0, 0, 0, 0, 1], {"block_size": 2}),
    ("pixel_shuffle", [0, 0, 2, 0, 0, 0, 0, 1], {"upscale_factor": 2}),
    ("space_to_batch", [1, 0, 0, 0, 1, 1, 0, 2], {"block_shape": [2, 2], "paddings": "none"}),
    ("batch_to_space", [1, 2, 0, 1, 1, 1, 0, 1], {"block_shape": [2, 2], "crops": "none"}),
]


@pytest.mark.parametrize(("kind", "amounts", "given"), SPACES)
def test_extents_of_the_run(kind, amounts, given):
    given = {k: np.zeros((2, 2), "i4") if v == "none" else v for k, v in given.items()}
    x = np.arange(1 * 2 * 2 * 4, dtype="f4").reshape(1, 2, 2, 4)
    static = np.pad(x, np.reshape(amounts, (4, 2)))
    found = padded(kind, OPEN, x, amounts, **given)
    want = apply(kind, found.shape, static, **given)
    np.testing.assert_array_equal(found, want)


def test_extents_of_the_run_must_divide():
    x = np.zeros((1, 1, 2, 2), "f4")
    with pytest.raises(Exception, match="reshape"):
        padded("space_to_depth", OPEN, x, [0, 0, 0, 0, 1, 0, 0, 0], block_size=2)


def refused(message, kind, /, shape=(1, 3, 3, 3), **given):
    made = program(op(kind, "y", (1, 1, 1, 1), x="x", **given), x=shape, opset=16)
    assert_refused(made, message)


def test_refusals():
    refused("can't divide a dimension of 3 by 2", "space_to_depth", block_size=2)
    refused("can't divide a dimension of 3 by 4", "pixel_shuffle", upscale_factor=2)
    refused("has a block of 0", "depth_to_space", block_size=0)
    refused("has a block of 0", "pixel_unshuffle", downscale_factor=0)
    refused("takes four dimensions", "pixel_shuffle", (3, 3, 3), upscale_factor=1)
    crops = np.zeros((2, 2), "i4")
    refused("has a block of [1]", "batch_to_space", block_shape=[1], crops=crops)
    refused("has paddings [0]", "space_to_batch", block_shape=[1, 1], paddings=[0])
